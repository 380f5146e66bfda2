package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
)

// redeliverAt marks changes to be posted again, and tells done of each. It takes
// the folder's lock, so that no register may be open on it.
func redeliverAt(ctx context.Context, at places, list []uint64, done func(seq uint64) error) error {
	if _, err := os.Stat(filepath.Join(at.data, store.FileName)); err != nil {
		return fmt.Errorf("there are no sales in %s yet; is it the right data folder?", at.data)
	}
	books, err := store.Open(ctx, at.data, store.Options{})
	if errors.Is(err, pos.ErrLocked) {
		return fmt.Errorf("%w; close it first", err)
	}
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()
	for _, seq := range list {
		found, err := books.Deliveries(ctx, pos.DeliveryQuery{After: seq - 1, Limit: 1})
		if err != nil {
			return err
		}
		if len(found) == 0 || found[0].Seq != seq {
			return fmt.Errorf("change %d is not posted to anybody; `till events deliveries` shows those that are", seq)
		}
		d := found[0]
		d.State, d.Next, d.Tries = pos.DeliveryWaiting, clock{}.Now(), 0
		if err := books.Write(ctx, func(tx pos.Tx) error { return tx.PutDelivery(d) }); err != nil {
			return err
		}
		if err := done(seq); err != nil {
			return err
		}
	}
	return nil
}
