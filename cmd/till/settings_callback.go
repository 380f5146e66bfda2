package main

import (
	"errors"
	"fmt"

	"github.com/cointill/till/pos/notify"
)

// callbackSettings are where changes are posted to.
type callbackSettings struct {
	url    string        // the shop's, "" = none
	secret notify.Secret // zero = the one that is kept in the data folder
	guard  *notify.Guard
}

func (r *reader) readCallback(c configFile) error {
	s := &r.out.callback
	var err error
	if s.guard, err = notify.NewGuard(c.Callback.Allow); err != nil {
		key := "callback.allow"
		if which := new(notify.AllowError); errors.As(err, &which) {
			key = fmt.Sprintf("%s.%d", key, which.Entry)
		}
		return r.wrong(key, "%w", err)
	}
	if s.url = c.Callback.URL; s.url != "" {
		if err := s.guard.Check(s.url); err != nil {
			return r.wrong("callback.url", "%w", err)
		}
	}
	if text := c.Callback.Secret; text != "" {
		if s.secret, err = notify.ParseSecret(text); err != nil {
			return r.wrong("callback.secret", "%w; without this key till makes one, and `till events secret` prints it", err)
		}
	}
	return nil
}
