package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

var account = chain.Account{ID: "acc"}

// everything writes something of every kind.
func everything(t testing.TB, tx pos.Tx, number uint64) {
	t.Helper()
	i, err := tx.NextIndex(account, Start)
	check(t, err)
	_, err = tx.NextNumber()
	check(t, err)
	s := WithAddress(NewSale(number), account.ID, i, 7)
	check(t, tx.PutSale(s))
	check(t, tx.PutPayment(NewPayment(s, uint32(number))))
	check(t, tx.PutCursor("bitcoin:regtest", chain.Cursor{Seq: number, Ring: []chain.BlockRef{{Height: number, Hash: "h"}}}))
	_, err = tx.AppendOutbox(pos.Change{At: Start, SaleID: s.ID, Number: s.Number, Outcome: s.Outcome})
	check(t, err)
	check(t, tx.PutMeta("name", s.ID))
	appendTo(t, tx, NewEntry(s.ID, int(number)))
	appendTo(t, tx, NewEntry("", int(number)))
	check(t, tx.PutDelivery(NewDelivery(number, s.ID, Start)))
}

// image is all that a store says, for comparing before and after.
type image struct {
	open   []pos.Record
	sales  []pos.Record
	hot    []pos.Known
	shown  []pos.Known
	outbox []pos.Change
	cursor chain.Cursor
	meta   string
	next   uint32
	index  uint32 // that a transaction would get
	number uint64

	journal    []pos.Entry
	deliveries []pos.Delivery
	due        []pos.Delivery
	entry      pos.Entry // that a transaction would add
}

func photograph(t testing.TB, s pos.Store) (im image) {
	t.Helper()
	ctx, err := context.Background(), error(nil)
	im.open, err = s.Open(ctx)
	check(t, err)
	im.sales, err = s.Sales(ctx, pos.Query{Limit: 1000})
	check(t, err)
	im.hot, err = s.Hot(ctx, time.Time{})
	check(t, err)
	sortKnown(im.hot)
	im.shown = destinations(t, s)
	im.outbox, err = s.Outbox(ctx, 0, 1000)
	check(t, err)
	im.cursor, err = s.Cursor(ctx, "bitcoin:regtest")
	check(t, err)
	im.meta, err = s.Meta(ctx, "name")
	check(t, err)
	im.next, err = s.Next(ctx, account.ID)
	check(t, err)
	im.journal = wholeJournal(t, s)
	im.deliveries, err = s.Deliveries(ctx, pos.DeliveryQuery{Limit: 1000})
	check(t, err)
	im.due, _, err = s.Due(ctx, Start, 1000)
	check(t, err)
	if err := s.Write(ctx, func(tx pos.Tx) (err error) {
		im.entry = appendTo(t, tx, NewEntry("", 1))
		im.index, err = tx.NextIndex(account, Start)
		check(t, err)
		im.number, err = tx.NextNumber()
		check(t, err)
		return errPlanned
	}); !errors.Is(err, errPlanned) {
		t.Fatalf("Write returned %v instead of its closure's error", err)
	}
	return im
}
