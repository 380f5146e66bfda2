package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/tui/tuitest"
)

// shifted is a clock that is wrong by so much.
type shifted struct {
	clock
	by time.Duration
}

func (s shifted) Now() time.Time { return time.Now().Add(s.by) }

// TestClockSetBack: the clock is set back by a day between two starts. It is said
// what is wrong, and a payment that comes is found and counts for its sale.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	n := simulatedNet(t)
	_, key := shopKeys(t)
	shop := newTestShop(t, ethereumShop(n, key))
	s, err := places{config: shop.config, data: shop.data}.load()
	if err != nil {
		t.Fatal(err)
	}
	open := func(by time.Duration) *session {
		t.Helper()
		p, err := s.parts(t.Context(), slog.New(slog.NewTextHandler(io.Discard, nil)))
		if err != nil {
			t.Fatal(err)
		}
		p.clock = shifted{by: by}
		session, err := p.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		session.untilConnected(t.Context(), tuitest.Patience)
		return session
	}
	first := open(0)
	if wrong := first.setBack(t.Context()); wrong != "" {
		t.Errorf("a clock that is right: %s", wrong)
	}
	v, err := first.Open(t.Context(), pos.Draft{Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(450, "USD")}}, s.shop.Assets[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.close(); err != nil {
		t.Fatal(err)
	}

	second := open(-24 * time.Hour)
	if wrong := second.setBack(t.Context()); !strings.Contains(wrong, "which is before the last sale of") || !strings.Contains(wrong, "set it right") {
		t.Errorf("a day back it says %q", wrong)
	}
	var uri string
	for _, f := range v.Pay.Forms {
		if f.Kind == chain.FormURI {
			uri = f.Text
		}
	}
	n.pay(t, uri)
	n.mine(t, 2)
	becomes(t, second, v.Sale.ID, pos.Paid)
	// What is rung up by the wrong clock is paid long after its end by the right
	// one: nobody loses it, a supervisor decides.
	w, err := second.Open(t.Context(), pos.Draft{Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(500, "USD")}}, s.shop.Assets[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	n.payNative(t, string(w.Pay.Quote.To), w.Pay.Amount.Big().Int64())
	n.mine(t, 2)
	if err := second.close(); err != nil {
		t.Fatal(err)
	}
	third := open(0)
	if late := becomes(t, third, w.Sale.ID, pos.Late); late.Sale.Outcome.Received != w.Pay.Amount || late.Sale.Outcome.Verdict != pos.AskSupervisor {
		t.Errorf("sale 2 is %+v", late.Sale.Outcome)
	}
	if err := third.close(); err != nil {
		t.Fatal(err)
	}
	shop.stored([]string{"PAID", "LATE"})
	if res := shop.do("", "verify"); res.code != 0 {
		t.Errorf("%+v", res)
	}
	books, err := store.OpenReadOnly(t.Context(), s.data)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = books.Close() }()
	board, _, err := s.glance(t.Context(), books)
	if err != nil {
		t.Fatal(err)
	}
	if wrong := setBack(board, nil, time.Now().Add(-24*time.Hour)); !strings.Contains(wrong, "before the last block of EVM chain") {
		t.Errorf("against the last block it says %q", wrong)
	}
}

// becomes waits for a status of a sale.
func becomes(t *testing.T, s *session, id string, want pos.Status) pos.View {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), tuitest.Patience)
	defer cancel()
	box := s.Subscribe()
	defer box.Close()
	for {
		v, err := s.View(ctx, id)
		if err == nil && v.Sale.Outcome.Status == want {
			return v
		}
		if _, next := box.Next(ctx); next != nil {
			t.Fatalf("sale %d is %s and not %s: %v", v.Sale.Number, v.Sale.Outcome.Status, want, errors.Join(err, next))
		}
	}
}
