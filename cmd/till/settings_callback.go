package main

import (
	"errors"
	"fmt"

	"github.com/cointill/till/pos/notify"
)

// hookSettings are how changes are posted.
type hookSettings struct {
	secret notify.Secret // zero = the one that is kept in the data folder
	guard  *notify.Guard
	allow  []string // what guard was made of
}

func (r *reader) readCallback(c configFile) error {
	s := &r.out.hooks
	var err error
	if s.guard, err = notify.NewGuard(c.Callback.Allow); err != nil {
		key := "callback.allow"
		if which := new(notify.AllowError); errors.As(err, &which) {
			key = fmt.Sprintf("%s.%d", key, which.Entry)
		}
		return r.wrong(key, "%w", err)
	}
	s.allow = c.Callback.Allow
	if url := c.Callback.URL; url != "" {
		if err := s.guard.Check(url); err != nil {
			return r.wrong("callback.url", "%w", err)
		}
		r.out.callback = url
	}
	if text := c.Callback.Secret; text != "" {
		if s.secret, err = notify.ParseSecret(text); err != nil {
			return r.wrong("callback.secret", "%w; without this key till makes one, and `till events secret` prints it", err)
		}
	}
	return nil
}
