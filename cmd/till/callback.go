package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/notify"
)

// hookSecretName is the file in the data folder with the secret of callbacks,
// where the configuration has none.
const hookSecretName = "callback.secret"

// farewell is how long a till that is closed goes on posting what is due: the
// last change of a sale that a script rings up, most of all.
const farewell = 5 * time.Second

// poster is what posting changes needs, beside a register.
type poster struct {
	secret notify.Secret
	client *http.Client
	find   assetFinder
}

func newPoster(s *settings) (*poster, error) {
	secret, err := hookSecret(s)
	if err != nil {
		return nil, err
	}
	return &poster{secret: secret, client: s.hooks.guard.Client(nil), find: s.find}, nil
}

// run posts what is due until ctx ends, and closes the channel when it is done.
func (p *poster) run(ctx context.Context, register notify.Book, in parts) <-chan struct{} {
	done := make(chan struct{})
	if p == nil {
		close(done)
		return done
	}
	sender := notify.New(notify.Config{
		Book: register, Body: func(ctx context.Context, d pos.Delivery) ([]byte, error) { return p.body(ctx, in.store, d) },
		Secret: p.secret, Client: p.client, Clock: clock{}, Log: in.log.With("room", "notify"), Linger: farewell,
	})
	go func() {
		defer close(done)
		sender.Run(ctx)
	}()
	return done
}

// body is a change as `till events --json` prints it.
func (p *poster) body(ctx context.Context, books pos.Store, d pos.Delivery) ([]byte, error) {
	changes, err := books.Outbox(ctx, d.Seq-1, 1)
	if err != nil {
		return nil, err
	}
	if len(changes) == 0 || changes[0].Seq != d.Seq {
		return nil, fmt.Errorf("there is no change %d", d.Seq)
	}
	return marshalEvent(ctx, books, changes[0], p.find)
}

// hookSecret is the secret of the configuration, or the one in the data folder,
// which is made when it is needed first.
func hookSecret(s *settings) (notify.Secret, error) {
	if !s.hooks.secret.IsZero() {
		return s.hooks.secret, nil
	}
	path := filepath.Join(s.data, hookSecretName)
	secret, err := readHookSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if secret, err = notify.NewSecret(rand.Reader); err != nil {
		return secret, err
	}
	if err := makePrivate(s.data); err != nil {
		return secret, err
	}
	// Whole, and only if nobody was faster.
	made := path + "." + rand.Text()[:8]
	if err := writePrivate(made, []byte(secret.Text()+"\n")); err != nil {
		return secret, err
	}
	defer func() { _ = os.Remove(made) }()
	if err := os.Link(made, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return secret, fmt.Errorf("the secret of callbacks cannot be kept in %s: %s; write one of your own into [callback] secret", path, linkCause(err))
	}
	return readHookSecret(path)
}

func readHookSecret(path string) (notify.Secret, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return notify.Secret{}, err
	case err != nil:
		return notify.Secret{}, fmt.Errorf("the secret of callbacks in %s cannot be read: %s", path, plainCause(err))
	}
	secret, err := notify.ParseSecret(strings.TrimSpace(string(text)))
	if err != nil {
		return secret, fmt.Errorf("%s is damaged: %w; put the receiver's secret there, or take the file away and a new one is made", path, err)
	}
	return secret, nil
}

func linkCause(err error) string {
	var link *os.LinkError
	if errors.As(err, &link) {
		return plainCause(link.Err)
	}
	return plainCause(err)
}

func hookSecretCommand(at *places) *cobra.Command {
	return &cobra.Command{
		Use:   "secret",
		Short: "Print the secret that callbacks are signed with, for the receiver's side",
		Long: `Prints the secret that callbacks are signed with. The receiver needs the same to know
that a post is from this till: every library for Standard Webhooks takes it.

It is [callback] secret of the configuration, or else one that till made itself and
keeps in the data folder (` + hookSecretName + `). "till backup" does not copy it; take that
file away, and the next start makes another.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := at.load()
			if err != nil {
				return err
			}
			secret, err := hookSecret(s)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), secret.Text())
			return err
		},
	}
}
