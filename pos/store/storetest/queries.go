package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

var queries = map[string]func(*testing.T, Suite){
	"QueryFilters": queryFilters,
	"QueryPages":   queryPages,
	"QueryText":    queryText,
	"HostileText":  hostileText,
}

func queryFilters(t *testing.T, suite Suite) {
	s := suite.Open(t)
	for n := uint64(1); n <= 12; n++ {
		sale := NewSale(n)
		if n%3 == 0 {
			sale = Close(sale, pos.Paid, Start)
		}
		put(t, s, sale)
	}
	at := func(n int) time.Time { return Start.Add(time.Duration(n) * time.Hour) }
	for name, c := range map[string]struct {
		q    pos.Query
		want []uint64
	}{
		"all":            {pos.Query{}, []uint64{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}},
		"status":         {pos.Query{Status: pos.Paid}, []uint64{12, 9, 6, 3}},
		"other status":   {pos.Query{Status: pos.Late}, nil},
		"from":           {pos.Query{From: at(10)}, []uint64{12, 11, 10}},
		"until":          {pos.Query{Until: at(3)}, []uint64{2, 1}},
		"a day":          {pos.Query{From: at(4), Until: at(7)}, []uint64{6, 5, 4}},
		"paid in a day":  {pos.Query{From: at(4), Until: at(7), Status: pos.Paid}, []uint64{6}},
		"before":         {pos.Query{Before: 4}, []uint64{3, 2, 1}},
		"before all":     {pos.Query{Before: 1}, nil},
		"before far off": {pos.Query{Before: 1<<64 - 1, Limit: 1}, []uint64{12}},
		"limit":          {pos.Query{Limit: 2}, []uint64{12, 11}},
		"text and more":  {pos.Query{Text: "K00000", Status: pos.Paid, Before: 12, Limit: 2}, []uint64{9, 6}},
	} {
		rs, err := s.Sales(context.Background(), c.q)
		check(t, err)
		same(t, name, numbers(rs), c.want)
	}
}

func queryPages(t *testing.T, suite Suite) {
	s := suite.Open(t)
	const n = 250
	write(t, s, func(tx pos.Tx) error {
		for i := uint64(1); i <= n; i++ {
			if err := tx.PutSale(NewSale(i)); err != nil {
				return err
			}
		}
		return nil
	})
	var all []uint64
	q := pos.Query{}
	for range 10 {
		rs, err := s.Sales(context.Background(), q)
		check(t, err)
		if len(rs) == 0 {
			break
		}
		if len(rs) > 100 {
			t.Fatalf("a page of %d sales, want 100", len(rs))
		}
		all = append(all, numbers(rs)...)
		q.Before = rs[len(rs)-1].Sale.Number
	}
	if len(all) != n {
		t.Fatalf("the pages hold %d sales, want %d", len(all), n)
	}
	for i, number := range all {
		if number != uint64(n-i) {
			t.Fatalf("place %d has sale %d", i, number)
		}
	}
}

func queryText(t *testing.T, suite Suite) {
	s := suite.Open(t)
	one := WithAddress(NewSale(1), "a", 0, 0)
	one.Code, one.Reference = "AB0D1FGH", "Table 4, window"
	two := WithAddress(NewSale(2), "a", 1, 0)
	two.Reference = "TABLE 5"
	two.Addresses[0].To = "0xAbCdEF0123456789"
	three := NewSale(1234)
	p := NewPayment(two, 2)
	p.Key.TxID = "c0ffee00000000000000000000000000000000000000000000000000000000aa"
	write(t, s, func(tx pos.Tx) error {
		check(t, tx.PutPayment(p))
		return nil
	})
	put(t, s, one, two, three)
	for text, want := range map[string][]uint64{
		"":                          {1234, 2, 1},
		"   ":                       {1234, 2, 1},
		"1":                         {1},
		"#1":                        {1},
		" 1234 ":                    {1234},
		"123":                       nil, // a number is meant whole
		"sale-2":                    {2},
		"AB0D1FGH":                  {1},
		"abod-lfgh":                 {1}, // as it was read aloud
		"ab0d":                      {1},
		"ab0":                       nil, // too short for a beginning
		"table 4, window":           {1},
		"TABLE":                     {2, 1},
		"window":                    nil, // not the beginning
		"tab":                       nil,
		string(one.Addresses[0].To): {1},
		strings.ToUpper(string(one.Addresses[0].To)): {1},
		string(one.Addresses[0].To)[:12]:             {1},
		"0xabcdef":                                   {2},
		string(p.Key.TxID):                           {2},
		"C0FFEE":                                     {2},
		"c0ffee%":                                    nil,
		"%":                                          nil,
		"____":                                       nil,
		"' OR 1=1 --":                                nil,
		"-":                                          nil,
		"---- ----":                                  nil,
		"\x00":                                       nil,
		"99999999999999999999":                       nil,
		"-1":                                         nil,
		"0":                                          nil,
	} {
		rs, err := s.Sales(context.Background(), pos.Query{Text: text})
		check(t, err)
		same(t, "text "+text, numbers(rs), want)
	}
}

func hostileText(t *testing.T, suite Suite) {
	for i, text := range []string{
		"'; DROP TABLE sales; --", "\x00nul\x00", "\u202eright to left", "\x1b[2J", "\u009b2J", "<script>&amp;</script>",
		strings.Repeat("long ", 20_000), "\U0010ffff", "line\nbreak\r", `{"json":"inside"}`, "%s%n", "ÄÖÜ ß ſ İ ı",
	} {
		s := suite.Open(t)
		sale := WithAddress(NewSale(uint64(i+1)), "acc"+text, 0, 0)
		sale.Reference, sale.Note, sale.Terminal, sale.Code = text, text, text, text
		sale.Lines[0].Name, sale.ID = text, "id"+text
		write(t, s, func(tx pos.Tx) error {
			check(t, tx.PutSale(sale))
			check(t, tx.PutPayment(NewPayment(sale, 1)))
			check(t, tx.PutMeta(text, text))
			return tx.PutCursor(text, chain.Cursor{Seq: 9})
		})
		r := get(t, s, sale.ID)
		same(t, "sale", r.Sale, sale)
		if len(r.Payments) != 1 {
			t.Fatalf("text %d: payments %+v", i, r.Payments)
		}
		v, err := s.Meta(context.Background(), text)
		check(t, err)
		c, err := s.Cursor(context.Background(), text)
		check(t, err)
		k, ok, err := s.Owner(context.Background(), sale.Addresses[0].To)
		check(t, err)
		if v != text || c.Seq != 9 || !ok || k.SaleID != sale.ID {
			t.Fatalf("text %d: meta %q, cursor %+v, owner %+v", i, v, c, k)
		}
		if _, err := s.Sales(context.Background(), pos.Query{Text: text, Status: pos.Status(text)}); err != nil {
			t.Fatalf("text %d: %v", i, err)
		}
	}
	// What is not UTF-8 is stored as what JSON makes of it, and found again.
	s := suite.Open(t)
	sale := NewSale(1)
	sale.Reference = "bad\xff\xfebytes"
	put(t, s, sale)
	rs, err := s.Sales(context.Background(), pos.Query{Text: "bad\xff"})
	check(t, err)
	if len(rs) != 1 || !strings.HasPrefix(rs[0].Sale.Reference, "bad\uFFFD") {
		t.Fatalf("bad UTF-8: %+v", rs)
	}
}
