package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cointill/till/pos"
)

var journal = map[string]func(*testing.T, Suite){
	"JournalKeepsWhatWasAppended": journalKeeps,
	"JournalIsAChain":             journalIsAChain,
	"JournalChainsConcurrent":     journalConcurrent,
	"JournalPages":                journalPages,
	"JournalRefuses":              journalRefuses,
	"JournalSharesNothing":        journalSharesNothing,
	"History":                     historyOfASale,
}

// NewEntry makes an entry about a sale, "" = the shop. The same n gives the same
// entry, an hour after Start for each n.
func NewEntry(sale string, n int) pos.Entry {
	return pos.Entry{
		At: Start.Add(time.Duration(n) * time.Hour), Kind: pos.EntryAct, Sale: sale,
		Body: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n)),
	}
}

func appendTo(t testing.TB, tx pos.Tx, e pos.Entry) pos.Entry {
	t.Helper()
	e, err := tx.AppendJournal(e)
	check(t, err)
	return e
}

// wholeJournal reads the journal and checks its chain.
func wholeJournal(t testing.TB, s pos.Store) []pos.Entry {
	t.Helper()
	all, err := s.Journal(context.Background(), 0, 1<<30)
	check(t, err)
	var chain pos.Chain
	for _, e := range all {
		check(t, chain.Add(e))
	}
	return all
}

// journalKeeps: what JSON and SQL like to change comes back as it went in, and
// so does its hash.
func journalKeeps(t *testing.T, suite Suite) {
	s := suite.Open(t)
	berlin := time.FixedZone("CET", 3600)
	in := []pos.Entry{
		{At: time.Date(2026, 11, 20, 9, 0, 0, 123456789, berlin), Kind: pos.EntrySale, Sale: "sale-1", Body: json.RawMessage(`{"b":1,"a":2.50}`)},
		{At: time.Date(1969, 7, 20, 20, 17, 40, 1, time.UTC), Kind: pos.EntryShop, Body: json.RawMessage(" { \"html\" : \"<&>\\u003c\" ,\n\t\"a\":1,\"a\":12345678901234567890.500 }\n")},
		{At: time.Date(2262, 1, 1, 0, 0, 0, 999999999, time.UTC), Kind: "unheard of", Sale: "ein Verkauf für drei 🧾", Body: json.RawMessage("\"\xff\xfe and \\u0000\"")},
		{At: time.Date(1678, 1, 1, 0, 0, 0, 1, time.UTC), Kind: pos.EntryEvent, Sale: "'; DROP TABLE journal; --", Body: json.RawMessage(`null`)},
	}
	var out []pos.Entry
	write(t, s, func(tx pos.Tx) error {
		out = nil
		for _, e := range in {
			out = append(out, appendTo(t, tx, e))
		}
		return nil
	})
	if suite.Reopen != nil {
		s = suite.Reopen(t, s)
	}
	same(t, "journal", wholeJournal(t, s), out)
	for i, e := range out {
		if e.Seq != uint64(i+1) || !e.At.Equal(in[i].At) || e.Kind != in[i].Kind || e.Sale != in[i].Sale || string(e.Body) != string(in[i].Body) {
			t.Errorf("entry %d became %+v", i, e)
		}
		history, err := s.History(context.Background(), e.Sale)
		check(t, err)
		same(t, "history", history, out[i:i+1])
	}
}

// journalIsAChain: over transactions, roll-backs and restarts, without a gap.
func journalIsAChain(t *testing.T, suite Suite) {
	s := suite.Open(t)
	var want []pos.Entry
	for i := range 24 {
		var mine []pos.Entry
		err := s.Write(context.Background(), func(tx pos.Tx) error {
			mine = nil
			for k := range 1 + i%3 {
				mine = append(mine, appendTo(t, tx, NewEntry(fmt.Sprint("sale-", k), i)))
			}
			if i%4 == 1 {
				return errPlanned
			}
			return nil
		})
		if (i%4 == 1) != errors.Is(err, errPlanned) {
			t.Fatalf("write %d: %v", i, err)
		}
		if err == nil {
			want = append(want, mine...)
		}
		if i%8 == 7 && suite.Reopen != nil {
			s = suite.Reopen(t, s)
		}
	}
	same(t, "journal", wholeJournal(t, s), want)
}

// journalConcurrent: transactions that share a sync share one chain, and one that
// is rolled back among them takes no link of it.
func journalConcurrent(t *testing.T, suite Suite) {
	s := suite.Open(t)
	const writers, each = 16, 12
	var wg sync.WaitGroup
	var mu sync.Mutex
	given := map[uint64]pos.Entry{}
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				bad := (w+i)%3 == 0
				var mine []pos.Entry
				err := s.Write(context.Background(), func(tx pos.Tx) error {
					for k := range 1 + i%2 {
						e, err := tx.AppendJournal(NewEntry(fmt.Sprint("sale-", w), i+k))
						if err != nil {
							return err
						}
						mine = append(mine, e)
					}
					if bad {
						return errPlanned
					}
					return nil
				})
				if bad != errors.Is(err, errPlanned) || !bad && err != nil {
					t.Errorf("write: %v", err)
				}
				if bad {
					continue
				}
				mu.Lock()
				for _, e := range mine {
					given[e.Seq] = e
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	all := wholeJournal(t, s)
	if len(all) != len(given) || len(all) == 0 {
		t.Fatalf("%d entries are there, %d were given numbers", len(all), len(given))
	}
	for _, e := range all {
		same(t, "entry", e, given[e.Seq])
	}
}

func journalPages(t *testing.T, suite Suite) {
	s := suite.Open(t)
	var all []pos.Entry
	write(t, s, func(tx pos.Tx) error {
		all = nil
		for i := range 250 {
			all = append(all, appendTo(t, tx, NewEntry("sale-1", i)))
		}
		return nil
	})
	for _, c := range []struct {
		after uint64
		limit int
		want  []pos.Entry
	}{
		{0, 3, all[:3]},
		{5, 3, all[5:8]},
		{0, 0, all[:100]},
		{249, 3, all[249:]},
		{250, 3, nil},
		{1<<64 - 1, 3, nil},
	} {
		got, err := s.Journal(context.Background(), c.after, c.limit)
		check(t, err)
		same(t, fmt.Sprintf("%d after %d", c.limit, c.after), slices.Clip(got), slices.Clip(c.want))
	}
}

// journalRefuses: nothing whose hash could not be told from another's, and a
// refusal takes no number.
func journalRefuses(t *testing.T, suite Suite) {
	s := suite.Open(t)
	good := NewEntry("sale-1", 1)
	noKind, noBody, noJSON, early, late := good, good, good, good, good
	noKind.Kind, noBody.Body, noJSON.Body = "", nil, json.RawMessage(`{"n":1`)
	early.At, late.At = time.Time{}, time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC)
	write(t, s, func(tx pos.Tx) error {
		for what, e := range map[string]pos.Entry{"no kind": noKind, "no body": noBody, "no JSON": noJSON, "no time": early, "a time far away": late} {
			if got, err := tx.AppendJournal(e); err == nil {
				t.Errorf("%s was stored: %+v", what, got)
			}
		}
		// What it is told about itself is not believed.
		lie := good
		lie.Seq, lie.Hash = 77, pos.Hash{1, 2, 3}
		if e := appendTo(t, tx, lie); e.Seq != 1 || e.Hash != e.Sum(pos.Hash{}) {
			t.Errorf("the first entry is %+v", e)
		}
		return nil
	})
	if all := wholeJournal(t, s); len(all) != 1 {
		t.Fatalf("%d entries", len(all))
	}
}

func journalSharesNothing(t *testing.T, suite Suite) {
	s := suite.Open(t)
	in := NewEntry("sale-1", 1)
	var out pos.Entry
	write(t, s, func(tx pos.Tx) error {
		out = appendTo(t, tx, in)
		return nil
	})
	in.Body[0], out.Body[0] = 'x', 'x'
	for range 2 {
		all := wholeJournal(t, s)
		history, err := s.History(context.Background(), "sale-1")
		check(t, err)
		if len(all) != 1 || len(history) != 1 || string(all[0].Body) != `{"n":1}` || string(history[0].Body) != `{"n":1}` {
			t.Fatalf("%+v, %+v", all, history)
		}
		all[0].Body[0], history[0].Body[0] = 'x', 'x'
	}
}

func historyOfASale(t *testing.T, suite Suite) {
	s := suite.Open(t)
	want := map[string][]pos.Entry{}
	for i := range 40 {
		sale := []string{"sale-1", "sale-2", ""}[i%3]
		err := s.Write(context.Background(), func(tx pos.Tx) error {
			e := appendTo(t, tx, NewEntry(sale, i))
			if i%5 == 0 {
				return errPlanned
			}
			want[sale] = append(want[sale], e)
			return nil
		})
		if (i%5 == 0) != errors.Is(err, errPlanned) {
			t.Fatalf("write %d: %v", i, err)
		}
	}
	for _, sale := range []string{"sale-1", "sale-2", "", "sale-3", "sale"} {
		got, err := s.History(context.Background(), sale)
		check(t, err)
		same(t, fmt.Sprintf("history of %q", sale), slices.Clip(got), slices.Clip(want[sale]))
	}
}
