package main

import (
	"fmt"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui"
)

var _ tui.AddressReader = (*session)(nil)

// ReadAddress tells what is wrong with an address that a rail should pay to.
func (s *session) ReadAddress(rail, text string) error {
	for _, r := range s.rails {
		if r.ID() != rail {
			continue
		}
		if _, err := r.Read(text); err != nil {
			return fmt.Errorf("%w: %w", pos.ErrAddress, err)
		}
	}
	return nil
}
