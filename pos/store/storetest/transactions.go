package storetest

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/cointill/till/pos"
)

var transactions = map[string]func(*testing.T, Suite){
	"RollbackIsWhole":          rollbackIsWhole,
	"RollbackOnPanic":          rollbackOnPanic,
	"RollbackOnGoexit":         rollbackOnGoexit,
	"CompanySurvivesARollback": companySurvives,
	"DurableAfterReopen":       durableAfterReopen,
	"OutboxHasNoGaps":          outboxHasNoGaps,
	"ContextEndsBeforeTheTurn": contextEnds,
	"TransactionIsOver":        transactionIsOver,
	"TransactionSeesItself":    transactionSeesItself,
	"ClosedStoreSaysSo":        closedStore,
}

func rollbackIsWhole(t *testing.T, suite Suite) {
	s := suite.Open(t)
	for range 2 { // on an empty store, and on one that holds all of it already
		was := photograph(t, s)
		err := s.Write(context.Background(), func(tx pos.Tx) error {
			for n := uint64(1); n < 4; n++ {
				everything(t, tx, n)
			}
			return errPlanned
		})
		if !errors.Is(err, errPlanned) {
			t.Fatalf("Write: %v", err)
		}
		same(t, "after a rollback", photograph(t, s), was)
		write(t, s, func(tx pos.Tx) error {
			everything(t, tx, was.number+100)
			return nil
		})
	}
}

func rollbackOnPanic(t *testing.T, suite Suite) {
	s := suite.Open(t)
	was := photograph(t, s)
	func() {
		defer func() {
			if recover() != "planned" {
				t.Error("the panic did not reach its caller")
			}
		}()
		_ = s.Write(context.Background(), func(tx pos.Tx) error {
			everything(t, tx, 1)
			panic("planned")
		})
	}()
	same(t, "after a panic", photograph(t, s), was)
}

func rollbackOnGoexit(t *testing.T, suite Suite) {
	s := suite.Open(t)
	was := photograph(t, s)
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.Write(context.Background(), func(tx pos.Tx) error {
			everything(t, tx, 1)
			runtime.Goexit()
			return nil
		})
	})
	wg.Wait()
	same(t, "after a Goexit", photograph(t, s), was)
}

// companySurvives: transactions that may share a sync do not share a fate.
func companySurvives(t *testing.T, suite Suite) {
	s := suite.Open(t)
	const writers, each = 16, 12
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				n := uint64(w*each + i + 1)
				bad := n%3 == 0
				err := s.Write(context.Background(), func(tx pos.Tx) error {
					if err := tx.PutSale(NewSale(n)); err != nil {
						return err
					}
					if _, err := tx.AppendOutbox(pos.Change{SaleID: "x", Number: n}); err != nil {
						return err
					}
					if bad {
						return errPlanned
					}
					return nil
				})
				if bad != errors.Is(err, errPlanned) || !bad && err != nil {
					t.Errorf("write %d: %v", n, err)
				}
			}
		})
	}
	wg.Wait()
	rs, err := s.Sales(context.Background(), pos.Query{Limit: 1000})
	check(t, err)
	want := []uint64(nil)
	for n := uint64(writers * each); n > 0; n-- {
		if n%3 != 0 {
			want = append(want, n)
		}
	}
	same(t, "sales", numbers(rs), want)
	changes, err := s.Outbox(context.Background(), 0, 1000)
	check(t, err)
	if len(changes) != len(want) {
		t.Fatalf("%d rows in the outbox for %d sales", len(changes), len(want))
	}
	for i, c := range changes {
		if c.Seq != uint64(i+1) || c.Number%3 == 0 {
			t.Fatalf("row %d of the outbox is %+v", i, c)
		}
	}
}

func durableAfterReopen(t *testing.T, suite Suite) {
	if suite.Reopen == nil {
		return // this store forgets, and says so
	}
	s := suite.Open(t)
	write(t, s, func(tx pos.Tx) error {
		everything(t, tx, 1)
		everything(t, tx, 2)
		return nil
	})
	put(t, s, Close(NewSale(3), pos.Paid, Start))
	was := photograph(t, s)
	s = suite.Reopen(t, s)
	same(t, "after a restart", photograph(t, s), was)
	if len(was.sales) != 3 || len(was.open) != 2 || len(was.outbox) != 2 || len(was.shown) != 2 ||
		len(was.journal) != 4 || len(was.deliveries) != 2 || len(was.due) != 2 {
		t.Fatalf("the picture is not whole: %+v", was)
	}
}

func outboxHasNoGaps(t *testing.T, suite Suite) {
	s := suite.Open(t)
	ctx := context.Background()
	var want []pos.Change
	for i := range 30 {
		err := s.Write(ctx, func(tx pos.Tx) error {
			for k := range 1 + i%3 {
				c := pos.Change{At: Start, SaleID: "s", Number: uint64(i), Was: pos.Awaiting, Outcome: pos.Outcome{Status: pos.Seen, Confirmations: k}}
				seq, err := tx.AppendOutbox(c)
				check(t, err)
				if i%4 != 0 {
					c.Seq = seq
					want = append(want, c)
				}
			}
			if i%4 == 0 {
				return errPlanned
			}
			return nil
		})
		if (i%4 == 0) != errors.Is(err, errPlanned) {
			t.Fatalf("write %d: %v", i, err)
		}
	}
	for i, c := range want {
		if c.Seq != uint64(i+1) {
			t.Fatalf("row %d got number %d", i+1, c.Seq)
		}
	}
	got, err := s.Outbox(ctx, 0, 1000)
	check(t, err)
	same(t, "outbox", got, want)
	got, err = s.Outbox(ctx, 5, 3)
	check(t, err)
	same(t, "three rows after the fifth", got, want[5:8])
	got, err = s.Outbox(ctx, uint64(len(want)), 3)
	check(t, err)
	if len(got) != 0 {
		t.Fatalf("after the last row: %+v", got)
	}
	got, err = s.Outbox(ctx, 1<<64-1, 3)
	check(t, err)
	if len(got) != 0 {
		t.Fatalf("after the end of counting: %+v", got)
	}
}

func contextEnds(t *testing.T, suite Suite) {
	s := suite.Open(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Write(ctx, func(pos.Tx) error { t.Error("a dead context wrote"); return nil }); !errors.Is(err, context.Canceled) {
		t.Fatalf("Write with a dead context: %v", err)
	}

	// One closure holds the store; another waits and gives up.
	began, finish := make(chan struct{}), make(chan struct{})
	held := make(chan error, 1)
	go func() {
		held <- s.Write(context.Background(), func(tx pos.Tx) error {
			close(began)
			<-finish
			return tx.PutSale(NewSale(1))
		})
	}()
	<-began
	ctx, cancel = context.WithCancel(context.Background())
	gaveUp := make(chan error, 1)
	go func() {
		gaveUp <- s.Write(ctx, func(tx pos.Tx) error { return tx.PutSale(NewSale(2)) })
	}()
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Fatalf("Write that gave up: %v", err)
	}
	close(finish)
	check(t, <-held)
	put(t, s, NewSale(3))
	rs, err := s.Sales(context.Background(), pos.Query{})
	check(t, err)
	same(t, "sales", numbers(rs), []uint64{3, 1})

	// A closure that has begun is finished, whatever becomes of its context.
	ctx, cancel = context.WithCancel(context.Background())
	check(t, s.Write(ctx, func(tx pos.Tx) error {
		cancel()
		return tx.PutSale(NewSale(4))
	}))
	get(t, s, NewSale(4).ID)
}

func transactionIsOver(t *testing.T, suite Suite) {
	s := suite.Open(t)
	var kept pos.Tx
	write(t, s, func(tx pos.Tx) error { kept = tx; return tx.PutSale(NewSale(1)) })
	if err := kept.PutSale(NewSale(2)); err == nil {
		t.Fatal("a transaction that is over still writes")
	}
	if _, err := kept.NextIndex(account, Start); err == nil {
		t.Fatal("a transaction that is over still allocates")
	}
	if _, err := kept.Sale(NewSale(1).ID); err == nil {
		t.Fatal("a transaction that is over still reads")
	}
	if _, err := kept.AppendJournal(NewEntry("", 1)); err == nil {
		t.Fatal("a transaction that is over still keeps a journal")
	}
	if err := kept.PutDelivery(NewDelivery(1, "sale-1", Start)); err == nil {
		t.Fatal("a transaction that is over still delivers")
	}
	if _, err := kept.Meta("name"); err == nil {
		t.Fatal("a transaction that is over still knows")
	}
	rs, err := s.Sales(context.Background(), pos.Query{})
	check(t, err)
	same(t, "sales", numbers(rs), []uint64{1})
}

func transactionSeesItself(t *testing.T, suite Suite) {
	s := suite.Open(t)
	sale := WithAddress(NewSale(1), "acc", 0, 0)
	p := NewPayment(sale, 1)
	write(t, s, func(tx pos.Tx) error {
		if _, err := tx.Sale(sale.ID); !errors.Is(err, pos.ErrNoSale) {
			t.Errorf("Sale before it is put: %v", err)
		}
		check(t, tx.PutSale(sale))
		paid, err := tx.Paid(p.To)
		check(t, err)
		if paid {
			t.Error("paid before the payment")
		}
		check(t, tx.PutPayment(p))
		paid, err = tx.Paid(p.To)
		check(t, err)
		r, err := tx.Sale(sale.ID)
		check(t, err)
		if !paid {
			t.Error("not paid after the payment")
		}
		same(t, "inside", r, pos.Record{Sale: sale, Payments: []pos.Payment{p}})
		for _, want := range []string{"", "a", "b"} {
			if want != "" {
				check(t, tx.PutMeta("name", want))
			}
			if v, err := tx.Meta("name"); v != want || err != nil {
				t.Errorf("Meta is %q instead of %q, %v", v, want, err)
			}
		}
		return nil
	})
}

func closedStore(t *testing.T, suite Suite) {
	s := suite.Open(t)
	put(t, s, NewSale(1))
	check(t, s.Close())
	check(t, s.Close())
	ctx := context.Background()
	if err := s.Write(ctx, func(pos.Tx) error { return nil }); !errors.Is(err, pos.ErrClosed) {
		t.Errorf("Write: %v", err)
	}
	_, err := s.Sale(ctx, NewSale(1).ID)
	_, err2 := s.Open(ctx)
	_, err3 := s.Next(ctx, "acc")
	_, err4 := s.Journal(ctx, 0, 1)
	_, err5 := s.History(ctx, "")
	_, err6 := s.Deliveries(ctx, pos.DeliveryQuery{})
	_, _, err7 := s.Due(ctx, Start, 1)
	for _, err := range []error{err, err2, err3, err4, err5, err6, err7} {
		if !errors.Is(err, pos.ErrClosed) {
			t.Errorf("a closed store answers: %v", err)
		}
	}
	for _, err := range s.Destinations(ctx) {
		if !errors.Is(err, pos.ErrClosed) {
			t.Errorf("Destinations of a closed store: %v", err)
		}
	}
}
