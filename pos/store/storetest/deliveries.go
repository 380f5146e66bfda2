package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cointill/till/pos"
)

var deliveries = map[string]func(*testing.T, Suite){
	"DeliveryComesBackWhole": deliveryComesBack,
	"DeliveriesSelected":     deliveriesSelected,
	"DeliveryRefuses":        deliveryRefuses,
	"DueInOrderOfNext":       dueInOrder,
	"DueOnePerSale":          dueOnePerSale,
	"DueLater":               dueLater,
	"DueAfterRollback":       dueAfterRollback,
}

// NewDelivery makes a delivery that waits for a time.
func NewDelivery(seq uint64, sale string, next time.Time) pos.Delivery {
	return pos.Delivery{Seq: seq, SaleID: sale, URL: "https://shop.example/paid?a=1&b=<2>", State: pos.DeliveryWaiting, Next: next}
}

func tried(d pos.Delivery, state pos.DeliveryState, next time.Time) pos.Delivery {
	d.State, d.Next, d.Tries = state, next, d.Tries+1
	return d
}

func deliver(t testing.TB, s pos.Store, all ...pos.Delivery) {
	t.Helper()
	write(t, s, func(tx pos.Tx) error {
		for _, d := range all {
			check(t, tx.PutDelivery(d))
		}
		return nil
	})
}

func due(t testing.TB, s pos.Store, now time.Time, limit int) (seqs []uint64, later time.Time) {
	t.Helper()
	all, later, err := s.Due(context.Background(), now, limit)
	check(t, err)
	for _, d := range all {
		seqs = append(seqs, d.Seq)
	}
	return seqs, later
}

func deliveryComesBack(t *testing.T, suite Suite) {
	s := suite.Open(t)
	one, two := NewDelivery(3, "sale-1", Start), NewDelivery(1<<63-1, "sale-2", Start.Add(time.Nanosecond))
	two.Tries, two.At, two.Code, two.Error = 7, Start, 503, "the receiver said \"no\""
	deliver(t, s, one, two)
	if suite.Reopen != nil {
		s = suite.Reopen(t, s)
	}
	all, err := s.Deliveries(context.Background(), pos.DeliveryQuery{})
	check(t, err)
	same(t, "deliveries", all, []pos.Delivery{one, two})
	all, later, err := s.Due(context.Background(), Start.Add(time.Nanosecond), 0)
	check(t, err)
	same(t, "due", all, []pos.Delivery{one, two})
	if !later.IsZero() {
		t.Errorf("and later: %v", later)
	}
	one = tried(one, pos.DeliveryDone, time.Time{})
	deliver(t, s, one)
	all, err = s.Deliveries(context.Background(), pos.DeliveryQuery{SaleID: "sale-1"})
	check(t, err)
	same(t, "replaced", all, []pos.Delivery{one})
}

func deliveriesSelected(t *testing.T, suite Suite) {
	s := suite.Open(t)
	states := []pos.DeliveryState{pos.DeliveryDone, pos.DeliveryWaiting, pos.DeliveryFailed, pos.DeliveryDone}
	var all []pos.Delivery
	for i := uint64(260); i > 0; i-- { // not in order
		d := NewDelivery(i, fmt.Sprint("sale-", i%3), Start)
		d.State = states[i%4]
		all = append(all, d)
	}
	deliver(t, s, all...)
	for _, state := range append([]pos.DeliveryState{"", "unheard of"}, states[:3]...) {
		for _, sale := range []string{"", "sale-1", "nobody"} {
			for _, after := range []uint64{0, 100, 260, 1<<64 - 1} {
				for _, limit := range []int{0, 7, 1000} {
					q := pos.DeliveryQuery{State: state, SaleID: sale, After: after, Limit: limit}
					var want []uint64
					for i := after + 1; i <= 260 && after < 1<<63 && len(want) < map[int]int{0: 100, 7: 7, 1000: 1000}[limit]; i++ {
						if (state == "" || states[i%4] == state) && (sale == "" || fmt.Sprint("sale-", i%3) == sale) {
							want = append(want, i)
						}
					}
					got, err := s.Deliveries(context.Background(), q)
					check(t, err)
					var seqs []uint64
					for _, d := range got {
						seqs = append(seqs, d.Seq)
					}
					same(t, fmt.Sprintf("%+v", q), seqs, want)
				}
			}
		}
	}
}

func deliveryRefuses(t *testing.T, suite Suite) {
	s := suite.Open(t)
	deliver(t, s, NewDelivery(1, "sale-1", Start))
	stateless := NewDelivery(2, "sale-1", Start)
	stateless.State = ""
	for what, d := range map[string]pos.Delivery{
		"without a number": NewDelivery(0, "sale-1", Start), "with a number too high": NewDelivery(1<<63, "sale-1", Start),
		"without a sale": NewDelivery(2, "", Start), "without a state": stateless, "of another sale": NewDelivery(1, "sale-2", Start),
	} {
		if err := s.Write(context.Background(), func(tx pos.Tx) error { return tx.PutDelivery(d) }); err == nil {
			t.Errorf("one %s was stored", what)
		}
	}
	all, err := s.Deliveries(context.Background(), pos.DeliveryQuery{})
	check(t, err)
	same(t, "deliveries", all, []pos.Delivery{NewDelivery(1, "sale-1", Start)})
}

func dueInOrder(t *testing.T, suite Suite) {
	s := suite.Open(t)
	if seqs, later := due(t, s, Start, 10); seqs != nil || !later.IsZero() {
		t.Fatalf("an empty store: %v, %v", seqs, later)
	}
	for i, sec := range []int{3, 1, 2, 1, 0} { // the second and the fourth at once
		deliver(t, s, NewDelivery(uint64(i+1), fmt.Sprint("sale-", i), Start.Add(time.Duration(sec)*time.Second)))
	}
	now := Start.Add(2 * time.Second)
	seqs, later := due(t, s, now, 0)
	same(t, "due", seqs, []uint64{5, 2, 4, 3})
	if !later.Equal(Start.Add(3 * time.Second)) {
		t.Errorf("later: %v", later)
	}
	seqs, later = due(t, s, now, 2)
	same(t, "the first two", seqs, []uint64{5, 2})
	if !later.Equal(Start.Add(3 * time.Second)) { // what is beyond the limit is due now, and not later
		t.Errorf("later: %v", later)
	}
	// A time of no time at all is due at once; one beyond all counting never is.
	deliver(t, s, NewDelivery(8, "sale-8", time.Time{}), NewDelivery(9, "sale-9", time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)))
	seqs, _ = due(t, s, Start, 0)
	same(t, "due", seqs, []uint64{8, 5})
}

// dueOnePerSale: the deliveries of a sale go out one after another.
func dueOnePerSale(t *testing.T, suite Suite) {
	s := suite.Open(t)
	at := func(sec int) time.Time { return Start.Add(time.Duration(sec) * time.Second) }
	one, two, three := NewDelivery(1, "sale-1", at(5)), NewDelivery(2, "sale-1", at(0)), NewDelivery(3, "sale-1", at(1))
	want := func(what string, want ...uint64) {
		t.Helper()
		seqs, _ := due(t, s, at(9), 0)
		same(t, what, seqs, want)
	}
	deliver(t, s, three, two) // not in order, either
	want("the first of two", 2)
	deliver(t, s, one)
	want("the first of three", 1)
	if seqs, later := due(t, s, at(1), 0); seqs != nil || !later.Equal(at(5)) {
		t.Errorf("the second overtook the first: %v, %v", seqs, later)
	}
	deliver(t, s, NewDelivery(4, "sale-2", at(2)))
	want("two sales", 4, 1)
	deliver(t, s, tried(one, pos.DeliveryWaiting, at(60)))
	want("the first is tried again later", 4)
	deliver(t, s, tried(one, pos.DeliveryFailed, time.Time{}))
	want("the first is given up", 2, 4)
	deliver(t, s, tried(two, pos.DeliveryDone, time.Time{}))
	want("the second is done", 3, 4)
	deliver(t, s, tried(one, pos.DeliveryWaiting, at(3)))
	want("the first is sent again by hand", 4, 1)
	if suite.Reopen != nil {
		s = suite.Reopen(t, s)
		want("after a restart", 4, 1)
	}
	deliver(t, s, tried(one, pos.DeliveryDone, time.Time{}), tried(three, pos.DeliveryDone, time.Time{}))
	want("all of a sale are done", 4)
}

func dueLater(t *testing.T, suite Suite) {
	s := suite.Open(t)
	deliver(t, s, NewDelivery(1, "sale-1", Start.Add(time.Hour)), NewDelivery(2, "sale-2", Start.Add(time.Minute+time.Nanosecond)),
		NewDelivery(3, "sale-2", Start.Add(time.Second)))
	if _, later := due(t, s, Start, 0); !later.Equal(Start.Add(time.Minute + time.Nanosecond)) {
		t.Errorf("later is %v", later) // the third waits for the second
	}
	if seqs, later := due(t, s, Start.Add(time.Minute+time.Nanosecond), 0); len(seqs) != 1 || !later.Equal(Start.Add(time.Hour)) {
		t.Errorf("%v, later is %v", seqs, later)
	}
	if _, later := due(t, s, Start.Add(time.Hour), 0); !later.IsZero() {
		t.Errorf("later is %v", later)
	}
}

func dueAfterRollback(t *testing.T, suite Suite) {
	s := suite.Open(t)
	one, two := NewDelivery(1, "sale-1", Start), NewDelivery(2, "sale-1", Start)
	deliver(t, s, one, two)
	err := s.Write(context.Background(), func(tx pos.Tx) error {
		check(t, tx.PutDelivery(tried(one, pos.DeliveryDone, time.Time{})))
		check(t, tx.PutDelivery(tried(two, pos.DeliveryWaiting, Start.Add(time.Hour))))
		check(t, tx.PutDelivery(NewDelivery(3, "sale-2", Start)))
		return errPlanned
	})
	if !errors.Is(err, errPlanned) {
		t.Fatal(err)
	}
	seqs, later := due(t, s, Start, 0)
	same(t, "due", seqs, []uint64{1})
	if !later.IsZero() {
		t.Errorf("later is %v", later)
	}
}
