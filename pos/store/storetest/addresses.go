package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

var addresses = map[string]func(*testing.T, Suite){
	"IndexNeverTwice":           indexNeverTwice,
	"IndexNeverTwiceConcurrent": indexConcurrent,
	"IndexAfterRollback":        indexAfterRollback,
	"AccountsAreSeparate":       accountsAreSeparate,
	"ListRunsOut":               listRunsOut,
	"IndexBelongsToItsSale":     indexBelongs,
	"Owner":                     ownerIsNewest,
	"Hot":                       hotAddresses,
	"SinceIsTheLowestQuote":     sinceOfQuotes,
	"DestinationsOnce":          destinationsOnce,
	"Next":                      nextIndex,
}

func allocate(t testing.TB, s pos.Store, a chain.Account, now time.Time) uint32 {
	t.Helper()
	var i uint32
	write(t, s, func(tx pos.Tx) (err error) {
		i, err = tx.NextIndex(a, now)
		return err
	})
	return i
}

// ring rings up a sale on an index of its own and returns it.
func ring(t testing.TB, s pos.Store, a chain.Account, number uint64, now time.Time) pos.Sale {
	t.Helper()
	sale := NewSale(number)
	write(t, s, func(tx pos.Tx) error {
		i, err := tx.NextIndex(a, now)
		if err != nil {
			return err
		}
		sale = WithAddress(NewSale(number), a.ID, i, 0)
		return tx.PutSale(sale)
	})
	return sale
}

func destinations(t testing.TB, s pos.Store) (all []pos.Known) {
	t.Helper()
	for k, err := range s.Destinations(context.Background()) {
		check(t, err)
		all = append(all, k)
	}
	sortKnown(all)
	return all
}

func sortKnown(all []pos.Known) {
	slices.SortFunc(all, func(a, b pos.Known) int { return strings.Compare(string(a.To), string(b.To)) })
}

func indexNeverTwice(t *testing.T, suite Suite) {
	s := suite.Open(t)
	for want := range uint32(20) {
		if got := allocate(t, s, account, Start); got != want {
			t.Fatalf("got index %d, want %d", got, want)
		}
		if want == 9 && suite.Reopen != nil {
			s = suite.Reopen(t, s)
		}
	}
}

func indexConcurrent(t *testing.T, suite Suite) {
	s := suite.Open(t)
	const writers, each = 64, 8
	var mu sync.Mutex
	seen := map[uint32]bool{}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for k := range each {
				var got []uint32
				fail := (w+k)%5 == 0
				err := s.Write(context.Background(), func(tx pos.Tx) error {
					for range 2 {
						i, err := tx.NextIndex(account, Start)
						if err != nil {
							return err
						}
						got = append(got, i)
					}
					if fail {
						return errPlanned
					}
					return nil
				})
				if fail {
					continue
				}
				mu.Lock()
				if err != nil || seen[got[0]] || seen[got[1]] || got[0] == got[1] {
					t.Errorf("indices %v came twice, or %v", got, err)
				}
				seen[got[0]], seen[got[1]] = true, true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for i := range uint32(len(seen)) {
		if !seen[i] {
			t.Fatalf("index %d was left out", i)
		}
	}
}

func indexAfterRollback(t *testing.T, suite Suite) {
	s := suite.Open(t)
	allocate(t, s, account, Start)
	for range 3 {
		err := s.Write(context.Background(), func(tx pos.Tx) error {
			i, err := tx.NextIndex(account, Start)
			check(t, err)
			if i != 1 {
				t.Errorf("got index %d, want 1: a rolled back one was lost", i)
			}
			return errPlanned
		})
		if !errors.Is(err, errPlanned) {
			t.Fatal(err)
		}
	}
	if i := allocate(t, s, account, Start); i != 1 {
		t.Fatalf("got index %d, want 1", i)
	}
}

func accountsAreSeparate(t *testing.T, suite Suite) {
	s := suite.Open(t)
	a, b := chain.Account{ID: "a"}, chain.Account{ID: "b"}
	for want := range uint32(3) {
		if got := allocate(t, s, a, Start); got != want {
			t.Fatalf("a: %d, want %d", got, want)
		}
	}
	if got := allocate(t, s, b, Start); got != 0 {
		t.Fatalf("b began at %d", got)
	}
	// Two rails with one key have equal ids and share the counter.
	if got := allocate(t, s, chain.Account{ID: "a", Path: "m/44'/60'/0'/0"}, Start); got != 3 {
		t.Fatalf("the shared account went on at %d", got)
	}
}

func listRunsOut(t *testing.T, suite Suite) {
	s := suite.Open(t)
	list := chain.Account{ID: "list", Size: 3}
	for range 3 {
		allocate(t, s, list, Start)
	}
	err := s.Write(context.Background(), func(tx pos.Tx) error {
		_, err := tx.NextIndex(list, Start)
		return err
	})
	if !errors.Is(err, pos.ErrNoAddress) {
		t.Fatalf("the fourth of three: %v", err)
	}
	// The refusal fails nothing else in its transaction.
	write(t, s, func(tx pos.Tx) error {
		if _, err := tx.NextIndex(list, Start); !errors.Is(err, pos.ErrNoAddress) {
			t.Errorf("the fourth of three: %v", err)
		}
		return tx.PutSale(NewSale(1))
	})
	list.Size = 4 // the shop added one
	if i := allocate(t, s, list, Start); i != 3 {
		t.Fatalf("the added address is %d", i)
	}
}

func indexBelongs(t *testing.T, suite Suite) {
	s := suite.Open(t)
	one := ring(t, s, account, 1, Start)
	put(t, s, Close(one, pos.Paid, Start))
	was := photograph(t, s)
	refuse := func(what string, sale pos.Sale) {
		t.Helper()
		if err := s.Write(context.Background(), func(tx pos.Tx) error { return tx.PutSale(sale) }); err == nil {
			t.Fatalf("%s was stored", what)
		}
		same(t, what, photograph(t, s), was)
	}
	refuse("a second sale on an index", WithAddress(NewSale(2), account.ID, 0, 0))
	other := one
	other.Addresses = []pos.Address{{Account: account.ID, Index: 0, To: "another"}}
	refuse("another address at the same index", other)
	twice := WithAddress(WithAddress(NewSale(2), account.ID, 5, 0), account.ID, 5, 0)
	refuse("an index twice on one sale", twice)
	// The refusal is no damage: the same transaction may go on.
	write(t, s, func(tx pos.Tx) error {
		if err := tx.PutSale(WithAddress(NewSale(2), account.ID, 0, 0)); err == nil {
			t.Error("a second sale on an index was stored")
		}
		return tx.PutSale(WithAddress(NewSale(2), account.ID, 8, 0))
	})
	// An index that was brought in, not allocated, is used all the same.
	if i := allocate(t, s, account, Start); i != 9 {
		t.Fatalf("after index 8 came %d", i)
	}
}

func ownerIsNewest(t *testing.T, suite Suite) {
	s := suite.Open(t)
	ctx := context.Background()
	owned := func(to chain.Destination, want string) {
		t.Helper()
		k, ok, err := s.Owner(ctx, to)
		check(t, err)
		if ok != (want != "") || k.SaleID != want || ok && (k.To != to || k.Account != "pool") {
			t.Fatalf("Owner(%s) = %+v, %v; want %q", to, k, ok, want)
		}
	}
	pool := chain.Account{ID: "pool", Size: 1, Cooldown: time.Hour}
	to := Destination("pool", 0)
	owned(to, "")
	one := ring(t, s, pool, 1, Start)
	owned(to, one.ID)
	put(t, s, Close(one, pos.Paid, Start))
	two := ring(t, s, pool, 2, Start.Add(2*time.Hour))
	owned(to, two.ID)
	put(t, s, Close(one, pos.Accepted, Start.Add(3*time.Hour)))
	owned(to, two.ID)
	owned(to+"x", "")
	owned(chain.Destination(strings.ToUpper(string(to))), "")
	owned("", "")
	same(t, "destinations", destinations(t, s), []pos.Known{{To: to, Account: "pool", SaleID: two.ID}})

	// An address that a sale names no more was shown all the same.
	bare := two
	bare.Addresses, bare.Quotes = nil, nil
	put(t, s, bare)
	owned(to, two.ID)
}

func hotAddresses(t *testing.T, suite Suite) {
	s := suite.Open(t)
	day := 24 * time.Hour
	put(t, s,
		WithAddress(NewSale(1), "a", 0, 11),                                          // open
		Close(WithAddress(NewSale(2), "a", 1, 0), pos.Paid, Start.Add(-100*day)),     // cold
		Close(WithAddress(NewSale(3), "a", 2, 0), pos.Expired, Start.Add(-90*day)),   // just hot
		Close(WithAddress(NewSale(4), "a", 3, 0), pos.Expired, Start.Add(-90*day-1)), // just cold
		Close(NewSale(5), pos.Paid, Start),                                           // no address
		WithAddress(WithAddress(NewSale(6), "a", 4, 0), "b", 0, 22))
	hot, err := s.Hot(context.Background(), Start.Add(-90*day))
	check(t, err)
	sortKnown(hot)
	same(t, "hot", hot, []pos.Known{
		{To: Destination("a", 0), Account: "a", SaleID: "sale-1", Since: 11},
		{To: Destination("a", 2), Account: "a", SaleID: "sale-3"},
		{To: Destination("a", 4), Account: "a", SaleID: "sale-6"},
		{To: Destination("b", 0), Account: "b", SaleID: "sale-6", Since: 22},
	})
	if all := destinations(t, s); len(all) != 6 {
		t.Fatalf("destinations: %+v", all)
	}

	// Hot by an earlier sale that opened again, answered with the newest.
	pool := chain.Account{ID: "pool", Size: 1, Cooldown: time.Hour}
	seven := ring(t, s, pool, 7, Start)
	put(t, s, Close(seven, pos.Expired, Start.Add(-200*day)))
	eight := ring(t, s, pool, 8, Start)
	put(t, s, Close(eight, pos.Paid, Start.Add(-150*day)))
	hot, err = s.Hot(context.Background(), Start)
	check(t, err)
	before := len(hot)
	seven.Outcome.Status = pos.Late
	put(t, s, seven)
	hot, err = s.Hot(context.Background(), Start)
	check(t, err)
	i := slices.IndexFunc(hot, func(k pos.Known) bool { return k.To == Destination("pool", 0) })
	if len(hot) != before+1 || i < 0 || hot[i].SaleID != eight.ID {
		t.Fatalf("hot by an earlier sale: %+v", hot)
	}
}

func sinceOfQuotes(t *testing.T, suite Suite) {
	s := suite.Open(t)
	sale := WithAddress(NewSale(1), "a", 0, 50)
	put(t, s, sale)
	since := func(want uint64) {
		t.Helper()
		k, _, err := s.Owner(context.Background(), Destination("a", 0))
		check(t, err)
		if k.Since != want {
			t.Fatalf("since %d, want %d", k.Since, want)
		}
	}
	since(50)
	again := sale.Quotes[0]
	again.Since = 60
	sale.Quotes = append(slices.Clone(sale.Quotes), again)
	put(t, s, sale)
	since(50)
	// Heights of two networks do not compare.
	again.Rail, again.Since = "eip155:8453", 40_000_000
	sale.Quotes = append(slices.Clone(sale.Quotes), again)
	put(t, s, sale)
	since(0)
}

func destinationsOnce(t *testing.T, suite Suite) {
	s := suite.Open(t)
	const n = 2500 // more than a page of any store
	write(t, s, func(tx pos.Tx) error {
		for i := range uint32(n) {
			if err := tx.PutSale(WithAddress(NewSale(uint64(i+1)), "a", i, 0)); err != nil {
				return err
			}
		}
		return nil
	})
	all := destinations(t, s)
	if len(all) != n {
		t.Fatalf("%d destinations, want %d", len(all), n)
	}
	for i, k := range all {
		if k.To != Destination("a", uint32(i)) {
			t.Fatalf("destination %d is %s", i, k.To)
		}
	}
	some := 0
	for _, err := range s.Destinations(context.Background()) {
		check(t, err)
		if some++; some == 10 {
			break
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var last error
	some = 0
	for _, err := range s.Destinations(ctx) {
		if some++; some == 10 {
			cancel()
		}
		last = err
	}
	cancel()
	if !errors.Is(last, context.Canceled) {
		t.Fatalf("a cancelled walk ended with %v after %d", last, some)
	}
}

func nextIndex(t *testing.T, suite Suite) {
	s := suite.Open(t)
	next := func(want uint32) {
		t.Helper()
		n, err := s.Next(context.Background(), account.ID)
		check(t, err)
		if n != want {
			t.Fatalf("Next = %d, want %d", n, want)
		}
	}
	next(0)
	allocate(t, s, account, Start)
	next(1)
	put(t, s, WithAddress(NewSale(1), account.ID, 41, 0))
	next(42)
	write(t, s, func(tx pos.Tx) error {
		_, err := tx.NextIndex(chain.Account{ID: "other"}, Start)
		return err
	})
	next(42)
}
