package store_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/pos/store/storetest"
)

// TestMemoryEqualsSQLite runs random transactions on both stores, some of them
// rolled back, with restarts in between, and compares every answer.
func TestMemoryEqualsSQLite(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &twins{t: t, rt: rt, dir: t.TempDir(), memory: store.NewMemory(), now: storetest.Start}
		m.sqlite = openIn(t, m.dir)
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			m.transaction()
			if rapid.IntRange(0, 9).Draw(rt, "restart") == 0 {
				m.restart()
			}
			m.compare()
		}
		if err := m.sqlite.Check(background); err != nil {
			rt.Fatal(err)
		}
		if err := m.sqlite.Close(); err != nil {
			rt.Fatal(err)
		}
	})
}

// twins are the two stores, and what was told to both.
type twins struct {
	t      *testing.T
	rt     *rapid.T
	dir    string
	memory *store.Memory
	sqlite *store.SQLite
	now    time.Time
}

// op is one call on a Tx; its answer is written as text and compared.
type op func(pos.Tx) string

var twinAccounts = []chain.Account{
	{ID: "never"}, {ID: "list", Size: 3}, {ID: "pool", Cooldown: 10 * time.Minute}, {ID: "small pool", Size: 2, Cooldown: time.Minute},
}

var statuses = []pos.Status{pos.Awaiting, pos.Paid, pos.Expired, pos.Late}

func answer(v any, err error) string {
	if err != nil {
		return fmt.Sprintf("error %v", err)
	}
	return fmt.Sprintf("%+v", v)
}

// transaction draws some calls, makes them on both stores and compares.
func (m *twins) transaction() {
	m.now = m.now.Add(time.Duration(rapid.IntRange(-5, 30).Draw(m.rt, "minutes")) * time.Minute)
	ops := make([]op, rapid.IntRange(1, 6).Draw(m.rt, "ops"))
	for i := range ops {
		ops[i] = m.draw()
	}
	fail := rapid.IntRange(0, 4).Draw(m.rt, "fail") == 0
	run := func(s pos.Store) (answers []string) {
		err := s.Write(background, func(tx pos.Tx) error {
			for _, op := range ops {
				answers = append(answers, op(tx))
			}
			if fail {
				return errRolledBack
			}
			return nil
		})
		return append(answers, answer(nil, err))
	}
	if a, b := run(m.memory), run(m.sqlite); !slices.Equal(a, b) {
		m.rt.Fatalf("memory answered\n%s\nsqlite answered\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
}

func (m *twins) draw() op {
	now := m.now
	number := rapid.Uint64Range(1, 8).Draw(m.rt, "number")
	account := rapid.SampledFrom(twinAccounts).Draw(m.rt, "account")
	switch rapid.IntRange(0, 11).Draw(m.rt, "op") {
	case 0:
		return func(tx pos.Tx) string { return answer(tx.NextIndex(account, now)) }
	case 1:
		return func(tx pos.Tx) string { return answer(tx.NextNumber()) }
	case 2:
		return func(tx pos.Tx) string { return answer(tx.AppendOutbox(pos.Change{At: now, Number: number})) }
	case 3:
		index := rapid.Uint32Range(0, 3).Draw(m.rt, "index")
		return func(tx pos.Tx) string { return answer(tx.Paid(storetest.Destination(account.ID, index))) }
	case 4:
		seq := rapid.Uint64().Draw(m.rt, "seq")
		return func(tx pos.Tx) string { return answer(nil, tx.PutCursor("bitcoin:regtest", chain.Cursor{Seq: seq})) }
	case 5:
		value := rapid.String().Draw(m.rt, "value")
		return func(tx pos.Tx) string { return answer(nil, tx.PutMeta("fingerprint", value)) }
	case 6:
		p := m.payment(number, account)
		return func(tx pos.Tx) string { return answer(nil, tx.PutPayment(p)) }
	case 7:
		return m.ringUp(number, account)
	case 8:
		e := storetest.NewEntry(rapid.SampledFrom([]string{"", "sale-1", "sale-2"}).Draw(m.rt, "about"), int(number))
		return func(tx pos.Tx) string { return answer(tx.AppendJournal(e)) }
	case 9:
		d := m.delivery(number)
		return func(tx pos.Tx) string { return answer(nil, tx.PutDelivery(d)) }
	case 10:
		return func(tx pos.Tx) string { return answer(tx.Meta("fingerprint")) }
	default:
		return m.putAgain(number)
	}
}

func (m *twins) payment(number uint64, account chain.Account) pos.Payment {
	sale := storetest.WithAddress(storetest.NewSale(number), account.ID, rapid.Uint32Range(0, 3).Draw(m.rt, "index"), 0)
	p := storetest.NewPayment(sale, rapid.Uint32Range(0, 5).Draw(m.rt, "output"))
	p.FirstAt = m.now
	if rapid.Bool().Draw(m.rt, "orphan") {
		p.SaleID = ""
	}
	return p
}

// delivery is one of three sales', now and then of the wrong one.
func (m *twins) delivery(number uint64) pos.Delivery {
	sale := number % 3
	if rapid.IntRange(0, 9).Draw(m.rt, "wrong sale") == 0 {
		sale++
	}
	d := storetest.NewDelivery(number, fmt.Sprint("sale-", sale), m.now.Add(time.Duration(rapid.IntRange(-5, 30).Draw(m.rt, "next"))*time.Minute))
	d.State = rapid.SampledFrom([]pos.DeliveryState{pos.DeliveryWaiting, pos.DeliveryWaiting, pos.DeliveryDone, pos.DeliveryFailed}).Draw(m.rt, "state")
	return d
}

// ringUp puts a sale with an index that was allocated, or just made up.
func (m *twins) ringUp(number uint64, account chain.Account) op {
	now, made := m.now, rapid.IntRange(-4, 4).Draw(m.rt, "made up index")
	return func(tx pos.Tx) string {
		index := uint32(max(made, 0))
		if made < 0 {
			var err error
			if index, err = tx.NextIndex(account, now); err != nil {
				return answer(nil, err)
			}
		}
		sale := storetest.WithAddress(storetest.NewSale(number), account.ID, index, number)
		return answer(index, tx.PutSale(sale))
	}
}

// putAgain changes a sale that is there: its status, its addresses, its texts.
func (m *twins) putAgain(number uint64) op {
	status := rapid.SampledFrom(statuses).Draw(m.rt, "status")
	reference := rapid.String().Draw(m.rt, "reference")
	drop := rapid.IntRange(0, 3).Draw(m.rt, "drop") == 0
	now := m.now
	return func(tx pos.Tx) string {
		r, err := tx.Sale(storetest.NewSale(number).ID)
		if err != nil {
			return answer(r, err)
		}
		sale := storetest.Close(r.Sale, status, now)
		sale.Reference = reference
		if drop {
			sale.Addresses, sale.Quotes = nil, nil
		}
		return answer(r, tx.PutSale(sale))
	}
}

func (m *twins) restart() {
	if err := m.sqlite.Close(); err != nil {
		m.rt.Fatal(err)
	}
	m.sqlite = openIn(m.t, m.dir)
}

// compare asks both stores everything.
func (m *twins) compare() {
	var q pos.Query
	if rapid.Bool().Draw(m.rt, "ask") {
		q = pos.Query{
			Text:   rapid.SampledFrom([]string{"", "3", "sale-2", "K000", "feed", "0000", "bcrt1qpool", string(storetest.Destination("list", 1))}).Draw(m.rt, "text"),
			Status: rapid.SampledFrom(append([]pos.Status{""}, statuses...)).Draw(m.rt, "status"),
			Before: rapid.Uint64Range(0, 9).Draw(m.rt, "before"),
			Limit:  rapid.IntRange(0, 3).Draw(m.rt, "limit"),
		}
		if rapid.Bool().Draw(m.rt, "from") {
			q.From = storetest.Start.Add(time.Duration(rapid.IntRange(0, 9).Draw(m.rt, "hour")) * time.Hour)
		}
		if rapid.Bool().Draw(m.rt, "until") {
			q.Until = storetest.Start.Add(time.Duration(rapid.IntRange(0, 9).Draw(m.rt, "hour")) * time.Hour)
		}
	}
	since := m.now.Add(-time.Duration(rapid.IntRange(0, 120).Draw(m.rt, "since")) * time.Minute)
	for _, ask := range []func(pos.Store) (any, error){
		func(s pos.Store) (any, error) { return s.Sales(background, q) },
		func(s pos.Store) (any, error) { return s.Open(background) },
		func(s pos.Store) (any, error) { return sorted(s.Hot(background, since)) },
		func(s pos.Store) (any, error) {
			var all []pos.Known
			for k, err := range s.Destinations(background) {
				if err != nil {
					return nil, err
				}
				all = append(all, k)
			}
			return sorted(all, nil)
		},
		func(s pos.Store) (any, error) { return s.Outbox(background, q.Before, 4) },
		func(s pos.Store) (any, error) { return s.Journal(background, q.Before, 4) },
		func(s pos.Store) (any, error) { return s.History(background, "sale-1") },
		func(s pos.Store) (any, error) {
			return s.Deliveries(background, pos.DeliveryQuery{After: q.Before, Limit: q.Limit, State: pos.DeliveryWaiting})
		},
		func(s pos.Store) (any, error) {
			all, later, err := s.Due(background, m.now, 2)
			return fmt.Sprintf("%+v, then %v", empty(all), later), err
		},
		func(s pos.Store) (any, error) { return s.Cursor(background, "bitcoin:regtest") },
		func(s pos.Store) (any, error) { return s.Meta(background, "fingerprint") },
		func(s pos.Store) (any, error) {
			var next []uint32
			for _, a := range twinAccounts {
				n, err := s.Next(background, a.ID)
				if err != nil {
					return nil, err
				}
				next = append(next, n)
			}
			return next, nil
		},
	} {
		a, err1 := ask(m.memory)
		b, err2 := ask(m.sqlite)
		if err1 != nil || err2 != nil || !reflect.DeepEqual(empty(a), empty(b)) {
			m.rt.Fatalf("%+v:\nmemory %+v %v\nsqlite %+v %v", q, a, err1, b, err2)
		}
	}
}

func sorted(all []pos.Known, err error) (any, error) {
	slices.SortFunc(all, func(a, b pos.Known) int { return strings.Compare(string(a.To), string(b.To)) })
	return all, err
}

// empty makes no difference between no list and a list of nothing.
func empty(v any) any {
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice && r.Len() == 0 {
		return nil
	}
	return v
}
