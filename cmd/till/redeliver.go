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

// redeliverAt marks changes to be posted again, and tells done of each.
func redeliverAt(ctx context.Context, at places, list []uint64, done func(seq uint64) error) error {
	if _, err := os.Stat(filepath.Join(at.data, store.FileName)); err != nil {
		return fmt.Errorf("there are no sales in %s yet; is it the right data folder?", at.data)
	}
	return withOffice(ctx, at, func(o office) error {
		for _, seq := range list {
			_, err := o.ask(ctx, request{Do: askRedeliver, Seq: seq})
			if errors.Is(err, pos.ErrNotNow) {
				return fmt.Errorf("change %d is not posted to anybody; `till events deliveries` shows those that are", seq)
			}
			if err != nil {
				return err
			}
			if err := done(seq); err != nil {
				return err
			}
		}
		return nil
	})
}
