package tui

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// Where is my money: what the store finds, and, where it knows nothing, what
// the networks say about a transaction or an address.

const (
	// askFor bounds how long a network may take to answer.
	askFor = 40 * time.Second
	// mostSummed is how many sales, the newest, are looked at for an amount,
	// which has no index.
	mostSummed = 500
)

// sighting is an answer of a network, with the sales that it is about.
type sighting struct {
	pos.Sighting
	sales []pos.View
}

// sighted answers Lookup.
type sighted struct {
	text string
	list []sighting
	err  error
}

// told answers History.
type told struct {
	id      string
	entries []pos.Entry
	err     error
}

func (m *Model) told(msg told) {
	switch {
	case msg.id != m.list.detail:
	case msg.err != nil:
		m.say(true, m.w.Error(msg.err))
	default:
		m.list.told = msg.entries
	}
}

// tellOf asks for all that was written down about a sale.
func (m *Model) tellOf(id string) tea.Cmd {
	reg := m.reg
	return m.ask(func(ctx context.Context) tea.Msg {
		entries, err := reg.History(ctx, id)
		return told{id, entries, err}
	})
}

// toDetail shows one sale with everything that happened to it.
func (m *Model) toDetail(id string, from place) tea.Cmd {
	if m.list.detail != id {
		m.list.told = nil
	}
	m.list.detail, m.list.from, m.at, m.scroll = id, from, onDetail, 0
	return tea.Batch(m.fetch(id), m.tellOf(id))
}

// sought is what people paste, without what is around it: a payment link's
// address, the last part of an explorer's link.
func sought(text string) string {
	text = strings.TrimSpace(text)
	if rest, ok := cutFold(text, "bitcoin:"); ok {
		text, _, _ = strings.Cut(rest, "?")
	}
	if strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://") {
		text, _, _ = strings.Cut(text, "?")
		text = strings.TrimRight(text, "/")
		text = text[strings.LastIndex(text, "/")+1:]
	}
	return text
}

// badAddress tells what is wrong with the address of a refund before anybody is
// asked for a PIN, as far as that can be told without the register's books.
func (m *Model) badAddress(f *form) error {
	reader, ok := m.reg.(AddressReader)
	if !ok {
		return nil
	}
	for _, p := range slices.Backward(f.seen.Payments) {
		if p.Live() && !p.Refund {
			return reader.ReadAddress(string(p.Key.Network), strings.TrimSpace(f.value(fieldTo)))
		}
	}
	return nil
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// isTx tells whether a text has the form of a transaction's id.
func isTx(text string) bool {
	bare := strings.TrimPrefix(strings.ToLower(text), "0x")
	return len(bare) == 64 && strings.Trim(bare, "0123456789abcdef") == ""
}

// leastAddress is the shortest text that may be an address.
const leastAddress = 26

// onChain tells whether a network could be asked about a text.
func onChain(text string) bool {
	return isTx(text) || len(text) >= leastAddress && !strings.ContainsAny(text, " \t")
}

// lookUp asks the networks, once for each text, unless it is being typed: a
// whole transaction is asked for at once, an address when it was pasted or ends
// with enter.
func (m *Model) lookUp() tea.Cmd {
	l := &m.list
	text := sought(l.field.Value())
	if !l.done || len(l.ids) > 0 || !onChain(text) || l.sought == text || !isTx(text) && !l.want && l.typing() {
		return nil
	}
	l.sought, l.sights, l.looking = text, nil, true
	reg, ctx := m.reg, m.ctx
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, askFor)
		defer cancel()
		out := sighted{text: text}
		for _, s := range reg.Lookup(ctx, text) {
			got := sighting{Sighting: s}
			for _, e := range s.Found.Payments {
				views, err := reg.Views(ctx, pos.Query{Text: string(e.Target), Limit: 1})
				if err != nil {
					out.err = err
				}
				got.sales = append(got.sales, views...)
			}
			out.list = append(out.list, got)
		}
		return out
	}
}

func (m *Model) sighted(msg sighted) {
	l := &m.list
	if msg.text != l.sought {
		return
	}
	l.looking, l.sights = false, nil
	if msg.err != nil {
		m.say(true, m.w.Error(msg.err))
	}
	for _, s := range msg.list {
		var numbers []uint64
		for _, v := range s.sales {
			m.take(nil, v)
			numbers = append(numbers, v.Sale.Number)
			l.add(v.Sale.ID)
		}
		l.sights = append(l.sights, m.w.Sighting(s.Sighting, isTx(msg.text), numbers, m.now))
	}
	if len(msg.list) == 0 {
		l.sights = []string{m.p.NoNetwork}
	}
}

// fits tells whether a sale's price, or an amount that came for it, is number.
func fits(v pos.View, number string) bool {
	if p := v.Sale.Price; p.Kind == pos.PriceFiat {
		if is, err := money.ParseFiat(number, p.Fiat.Currency); err == nil && is == p.Fiat {
			return true
		}
	}
	for _, p := range v.Payments {
		for _, q := range v.Sale.Quotes {
			if q.Asset != p.Asset {
				continue
			}
			if is, err := money.ParseAmount(number, q.Decimals); err == nil && is == p.Amount {
				return true
			}
			if worth, err := money.Worth(p.Amount, q.Rate.Rate, q.Decimals, q.Currency); err == nil && !q.Rate.IsZero() {
				if is, err := money.ParseFiat(number, q.Currency); err == nil && is == worth {
					return true
				}
			}
		}
	}
	return false
}
