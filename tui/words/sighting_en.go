package words

import (
	"errors"
	"strings"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// Sighting says what a network knows of a transaction, or, where tx is false, of
// an address. Sales are the numbers of the sales that it paid.
func (e english) Sighting(s pos.Sighting, tx bool, sales []uint64, now time.Time) string {
	rail := Rail(s.Rail)
	switch {
	case errors.Is(s.Err, chain.ErrCannot) && tx:
		return rail + ": this way of watching has no index of all transactions, so it may be there all the same"
	case errors.Is(s.Err, chain.ErrCannot):
		return rail + ": this way of watching has no index of addresses, so money may be there all the same"
	case s.Err != nil:
		return rail + " could not be asked: " + e.Error(s.Err)
	case !s.Found.Known && tx:
		return rail + " does not know it: never sent, dropped again, or of another network"
	case !s.Found.Known && len(s.Found.Payments) == 0:
		return rail + ": nothing came to it"
	}
	if !tx {
		return rail + ": " + count(len(s.Found.Payments), "payment") + " came to it" + e.toSales(sales, false)
	}
	where := rail + ": it waits for its first block"
	if b := s.Found.Block; !b.IsZero() {
		where = rail + ": it is in block " + group(b.Height)
		if !b.Time.IsZero() {
			where += ", " + e.Ago(now.Sub(b.Time))
		}
	}
	return where + e.toSales(sales, true)
}

// toSales says which sales money came for.
func (e english) toSales(sales []uint64, tx bool) string {
	switch {
	case len(sales) == 0 && tx:
		return "; it pays no address of this till that is watched"
	case len(sales) == 0:
		return "; it is no address of this till"
	}
	names := make([]string, len(sales))
	for i, n := range sales {
		names[i] = Number4(n)
	}
	if len(names) == 1 {
		return "; it is for sale " + names[0]
	}
	return "; it is for sales " + strings.Join(names, ", ")
}
