package tui

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// What people do at the register of the tests.

const (
	anasPIN     = "1357"
	bobsPIN     = "246810"
	homeAddress = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
)

// withBob gives the shop a supervisor.
func withBob(_ *Config, f *shopFake) {
	f.staff = []pos.Member{{Name: "Ana", Role: pos.Cashier}, {Name: "Bob", Role: pos.Supervisor}}
}

// approve is who a PIN belongs to.
func (s *shopFake) approve(pin string) (string, error) {
	switch {
	case !slices.ContainsFunc(s.staff, func(m pos.Member) bool { return m.Role == pos.Supervisor }):
		return "", pos.ErrNoSupervisor
	case s.wrong >= 5:
		return "", &pos.LockedPINError{Until: s.clock.Now().Add(30 * time.Second)}
	case pin != bobsPIN:
		s.wrong++
		return "", &pos.WrongPINError{Left: 5 - s.wrong}
	}
	s.wrong = 0
	return "Bob", nil
}

func (s *shopFake) ReadAddress(_, text string) error {
	if text != homeAddress {
		return fmt.Errorf("%w: its check sum is wrong", pos.ErrAddress)
	}
	return nil
}

func (s *shopFake) Staff(context.Context) ([]pos.Member, error) { return s.staff, nil }

func (s *shopFake) Act(_ context.Context, id string, d pos.Deed) (pos.View, error) {
	return s.edit(id, func(v *pos.View) error {
		if !slices.Contains(v.Acts, d.Kind) {
			return pos.ErrNotNow
		}
		if d.Kind == pos.ActRefundDue && d.To != homeAddress {
			return fmt.Errorf("%w: its check sum is wrong", pos.ErrAddress)
		}
		a := pos.Act{Kind: d.Kind, At: s.clock.Now(), Actor: d.By, Why: d.Why, Cash: d.Cash}
		if d.Kind.NeedsPIN() {
			by, err := s.approve(d.PIN)
			if err != nil {
				return err
			}
			a.Approved = by
		}
		s.deeds = append(s.deeds, d)
		o := &v.Sale.Outcome
		switch d.Kind {
		case pos.ActAccept:
			o.Status, o.Verdict, o.Reason = pos.Accepted, pos.HandOver, pos.Reason{Code: pos.WhyAccepted, Text: d.By.Name}
			mayBe(v, pos.ActRefundDue)
			v.Pay = pos.Request{Quote: v.Pay.Quote, Asset: v.Asset}
		case pos.ActCash:
			o.Status, o.Verdict, o.Reason = pos.Accepted, pos.HandOver, pos.Reason{Code: pos.WhyCash, Fiat: d.Cash, Text: d.By.Name}
			mayBe(v, pos.ActRefundDue)
			v.Pay = pos.Request{Quote: v.Pay.Quote, Asset: v.Asset}
		case pos.ActReprice:
			paid(v)
		case pos.ActRefundDue:
			refund := pos.Refund{Asset: o.Asset, Rail: railOf(o.Asset), To: chain.Destination(d.To), Amount: o.Received, Basis: d.Basis}
			a.Refund = &refund
			toGoBack(v, refund)
		case pos.ActRefundDone:
			refunded(v)
			o.Reason = pos.Reason{Code: pos.WhyRefundedByOwn, Amount: o.Received, Asset: o.Asset, Text: d.By.Name}
		case pos.ActRefundVoid:
			underpaid(v)
			v.Payout = nil
		}
		v.Sale.Acts = append(slices.Clone(v.Sale.Acts), a)
		return nil
	})
}

// toGoBack is a refund that the shop's wallet has to pay.
func toGoBack(v *pos.View, f pos.Refund) {
	o := &v.Sale.Outcome
	o.Status, o.Verdict, o.Reason = pos.RefundDue, pos.AskSupervisor, pos.Reason{Code: pos.WhyRefundDue, Amount: f.Amount, Asset: f.Asset}
	v.Pay = pos.Request{Quote: v.Pay.Quote, Asset: v.Asset}
	q := pos.Quote{Asset: f.Asset, To: f.To}
	v.Payout = &pos.Payout{Refund: f, Asset: assetOf(f.Asset), Rest: f.Amount, Forms: forms(q, f.Amount), Watched: true}
	mayBe(v, pos.ActTakeOver, pos.ActRefundDone, pos.ActRefundVoid)
}

// toBePaidBack is a sale whose customer gets all back.
func toBePaidBack(v *pos.View) {
	late(v)
	o := v.Sale.Outcome
	toGoBack(v, pos.Refund{Asset: o.Asset, Rail: railOf(o.Asset), To: homeAddress, Amount: o.Received, Basis: pos.RefundPaid})
}

// onItsWay is a refund that the wallet has paid, n blocks deep.
func onItsWay(n, of int) func(*pos.View) {
	return func(v *pos.View) {
		p := *v.Payout
		p.Paid, p.Rest, p.Forms = p.Refund.Amount, chain.Amount{}, nil
		v.Payout = &p
		v.Sale.Outcome.Reason = pos.Reason{Code: pos.WhyRefundSeen, Amount: p.Refund.Amount, Asset: p.Refund.Asset, N: n, M: of}
		if !slices.ContainsFunc(v.Payments, func(p pos.Payment) bool { return p.Refund }) {
			v.Payments = append(slices.Clone(v.Payments), pos.Payment{
				Key: chain.PaymentKey{Network: "bitcoin:mainnet", TxID: "77bb04ab55d1c0ffee00112233445566778899aabbccddeeff0011223344cc22"},
				To:  p.Refund.To, Asset: p.Refund.Asset, Amount: p.Refund.Amount, State: pos.Unconfirmed, FirstAt: noon, Refund: true,
			})
		}
	}
}

func refunded(v *pos.View) {
	o := &v.Sale.Outcome
	o.Status, o.Verdict = pos.Refunded, pos.NoVerdict
	o.Reason = pos.Reason{Code: pos.WhyRefunded, Amount: o.Received, Asset: o.Asset}
	v.Payout, v.Pay = nil, pos.Request{Quote: v.Pay.Quote, Asset: v.Asset}
	mayBe(v)
}

func (s *shopFake) History(_ context.Context, id string) ([]pos.Entry, error) {
	return s.journal[id], nil
}

// wrote adds an entry to the journal of a sale.
func (s *shopFake) wrote(id string, at time.Time, kind pos.EntryKind, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	if s.journal == nil {
		s.journal = make(map[string][]pos.Entry)
	}
	s.journal[id] = append(s.journal[id], pos.Entry{Seq: uint64(len(s.journal[id]) + 1), At: at, Kind: kind, Sale: id, Body: text})
}

func (s *shopFake) Lookup(_ context.Context, text string) []pos.Sighting {
	s.asked = append(s.asked, text)
	return s.sights[text]
}

func (s *shopFake) Back(context.Context, pos.Actor) error {
	s.away = nil
	return nil
}

func (s *shopFake) Agree(_ context.Context, _ pos.Actor, pin string) error {
	if len(s.staff) > 0 {
		if _, err := s.approve(pin); err != nil {
			return err
		}
	}
	s.changed = nil
	return nil
}

func (s *shopFake) SetRate(_ context.Context, asset chain.AssetID, rate money.Rate, _ pos.Actor, pin string, sure bool) error {
	if !sure && strings.Count(rate.String(), "") < 5 {
		return fmt.Errorf("%w: 62410.5", pos.ErrFarRate)
	}
	by, err := s.approve(pin)
	if err != nil {
		return err
	}
	if s.byHand == nil {
		s.byHand = make(map[chain.AssetID]pos.RateInfo)
	}
	s.byHand[asset] = pos.RateInfo{Rate: rate, State: pos.RateManual, At: s.clock.Now(), Sources: []string{"manual: " + by}}
	delete(s.refuse, asset)
	return nil
}

func (s *shopFake) Identify(_ context.Context, pin string) (pos.Member, error) {
	if pin == anasPIN && len(s.staff) > 0 {
		return s.staff[0], nil
	}
	who, err := s.approve(pin)
	return pos.Member{Name: who, Role: pos.Supervisor}, err
}
