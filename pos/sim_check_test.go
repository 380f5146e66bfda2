package pos_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// checkJournal rebuilds every sale from the journal alone; entries that were
// read once are never read again.
func (s *simulation) checkJournal(ctx context.Context, recs []pos.Record) error {
	entries, err := s.base.Journal(ctx, s.chained.Seq, 1_000_000)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := s.chained.Add(e); err != nil {
			return err
		}
		if err := s.replay.Add(e); err != nil {
			return err
		}
	}
	for _, rec := range recs {
		got, ok := s.replay.Record(rec.Sale.ID)
		if !ok || text(got) != text(rec) {
			return fmt.Errorf("from the journal sale %d is\n%s\nin the store\n%s", rec.Sale.Number, text(got), text(rec))
		}
	}
	if n := len(s.replay.Sales()); n != len(recs) {
		return fmt.Errorf("the journal knows %d sales, the store %d", n, len(recs))
	}
	return nil
}

// check holds the register to what the chains know.
func (s *simulation) check() error {
	ctx := context.Background()
	recs, err := s.base.Sales(ctx, pos.Query{Limit: 1000})
	if err != nil {
		return err
	}
	if now := s.clock.Now(); now.After(s.latest) {
		s.latest = now
	}
	if err := errors.Join(s.checkAddresses(recs), s.checkChains(recs)); err != nil {
		return err
	}
	for _, rec := range recs {
		if err := s.checkSale(ctx, rec); err != nil {
			return fmt.Errorf("sale %d, %s: %w", rec.Sale.Number, rec.Sale.Outcome.Status, err)
		}
	}
	if err := s.checkJournal(ctx, recs); err != nil {
		return err
	}
	return s.checkOutbox(ctx, recs)
}

func (s *simulation) checkSale(ctx context.Context, rec pos.Record) error {
	v, err := s.shop.View(ctx, rec.Sale.ID)
	if err != nil {
		return err
	}
	o := rec.Sale.Outcome
	if told, kept := text(v.Record), text(rec); told != kept {
		return fmt.Errorf("on the screen\n%s\nin the store\n%s", told, kept)
	}
	env := pos.Env{Now: o.At, Policy: s.shop.policy, Tips: map[string]chain.TipState{}}
	for _, c := range s.chains {
		env.Tips[c.id] = c.tips[o.Tip.Hash] // zero for chains that it was not derived on
		if tip, ok := c.tips[o.RefundTip.Hash]; ok {
			env.Tips[c.id] = tip
		}
	}
	if again := pos.Assess(rec.Sale, rec.Payments, env); text(again) != text(o) {
		return fmt.Errorf("derived again it is\n%s\nand not\n%s", text(again), text(o))
	}
	if err := s.checkNow(rec, env); err != nil {
		return err
	}
	if err := s.checkSettled(rec); err != nil {
		return err
	}
	deep, came := uint64(0), uint64(0)
	for _, p := range rec.Payments {
		n, _ := p.Amount.Uint64()
		switch {
		case p.Refund:
			if err := s.checkRefund(p); err != nil {
				return err
			}
		case p.Asset == o.Asset && p.Live():
			came += n
			i := slices.IndexFunc(s.chains, func(c *simChain) bool { return c.id == string(p.Key.Network) })
			if p.State == pos.Included && s.chains[i].head().Height-p.Block.Height+1 >= uint64(o.Needed) {
				deep += n
			}
		}
	}
	if o.Received != (chain.Amount{}) && o.Received != chain.Units(came) {
		return fmt.Errorf("received %s, on the chain %d", o.Received, came)
	}
	if o.Status == pos.Refunded && o.Reason.Code == pos.WhyRefunded {
		if err := s.checkRefunded(rec); err != nil {
			return err
		}
	}
	if o.Status == pos.Paid || o.Status == pos.Overpaid {
		if got := chain.Units(deep + 1); got.Cmp(o.Due) < 0 { // tolerance: 1 unit
			return fmt.Errorf("of %s only %d are confirmed", o.Due, deep)
		}
	}
	return nil
}

// checkNow holds a sale to the present: nothing is left to be done with it, and
// no price ran out that never did on any clock.
func (s *simulation) checkNow(rec pos.Record, env pos.Env) error {
	o := rec.Sale.Outcome
	if o.Status == pos.Expired || o.Status == pos.Underpaid {
		for i, q := range rec.Sale.Quotes {
			// A later quote may end before an earlier one, where the clock was set back.
			if q.Asset == o.Asset && (i == o.Quote || o.Status == pos.Expired) && q.Deadline.After(s.latest) {
				return fmt.Errorf("its price holds until %s, and no clock was beyond %s", q.Deadline, s.latest)
			}
		}
	}
	for _, q := range rec.Sale.Quotes {
		if q.Rate.State == pos.RateStale {
			return errors.New("it was rung up at a price that was too old")
		}
		if due, err := money.Due(rec.Sale.Price.Fiat, q.Rate.Rate, q.Decimals); err != nil || q.Due.Cmp(due) < 0 {
			return fmt.Errorf("%s are asked for, %s would be right", q.Due, due)
		}
	}
	if s.back {
		return nil // what ran out on one clock may not have on another
	}
	env.Now = s.clock.Now()
	for _, c := range s.chains {
		env.Tips[c.id] = c.tips[c.head().Hash]
	}
	if now := pos.Assess(rec.Sale, rec.Payments, env); now.Status != o.Status || now.Verdict != o.Verdict {
		return fmt.Errorf("by now it should be %s", now.Status)
	}
	return nil
}

// checkSettled judges a sale once more, by itself and more simply than Assess:
// what was paid in full and in time is settled, what came late is not, and money
// that carried PAID does not go away in silence.
func (s *simulation) checkSettled(rec pos.Record) error {
	o := rec.Sale.Outcome
	settled, acted, cancelled := false, false, false
	switch o.Status {
	case pos.Paid, pos.Overpaid, pos.Accepted, pos.RefundDue, pos.Refunded:
		settled = true
	}
	for _, a := range rec.Sale.Acts {
		switch a.Kind {
		case pos.ActCancel:
			cancelled = true
		case pos.ActAccept, pos.ActCash, pos.ActReprice, pos.ActRefundDue:
			acted = true
		}
	}
	for _, p := range rec.Payments {
		if p.Counted != nil && p.Counted.Paid && !p.Live() && !settled && !acted && o.Status != pos.Disputed && o.Status != pos.Reversed {
			return fmt.Errorf("%s carried PAID and is gone, and nobody is told", p.Key.TxID)
		}
	}
	if acted {
		return nil // what a person decided
	}
	full, perhaps := false, false
	for _, q := range rec.Sale.Quotes {
		if q.Asset != o.Asset {
			continue
		}
		grace := s.shop.policy.Rails[q.Rail].Grace
		var inTime, notLate uint64
		for _, p := range rec.Payments {
			i := slices.IndexFunc(s.chains, func(c *simChain) bool { return c.id == string(p.Key.Network) })
			if p.Refund || p.Asset != q.Asset || p.State != pos.Included || s.chains[i].head().Height-p.Block.Height+1 < uint64(o.Needed) {
				continue
			}
			n, _ := p.Amount.Uint64()
			if p.FirstSeen && !p.FirstAt.After(q.Deadline) {
				inTime += n
			}
			tx := s.chains[i].txs[slices.IndexFunc(s.chains[i].txs, func(tx *simTx) bool { return tx.id == p.Key.TxID })]
			// A top-up has one length of the quote more, and a clock may have been set.
			if s.back || !tx.at.After(q.Deadline.Add(grace+rec.Sale.Expires)) {
				notLate += n
			}
		}
		due, _ := q.Due.Uint64()
		full, perhaps = full || inTime+1 >= due, perhaps || notLate+1 >= due
	}
	switch {
	case full && !settled && !cancelled && o.Needed > 0:
		return errors.New("it was paid in full and in time")
	case (o.Status == pos.Paid || o.Status == pos.Overpaid) && !perhaps:
		return errors.New("what came in time does not pay it")
	}
	return nil
}

// checkAddresses: an address has one sale for ever, or, where it is used again,
// one at a time.
func (s *simulation) checkAddresses(recs []pos.Record) error {
	now := s.clock.Now()
	for _, rec := range recs {
		for _, a := range rec.Sale.Addresses[s.had[rec.Sale.ID]:] {
			// The last of those that had it; who had it before cannot ask for it again.
			i := slices.IndexFunc(recs, func(other pos.Record) bool {
				return other.Sale.ID != rec.Sale.ID && s.had[other.Sale.ID] > 0 &&
					slices.ContainsFunc(other.Sale.Addresses, func(b pos.Address) bool { return b.To == a.To })
			})
			if i < 0 {
				continue
			}
			last := recs[i].Sale
			if free := s.reuse != never && a.Account == "E" && last.Outcome.Status.Closed() && (s.back || now.Sub(last.ClosedAt) >= cooldown); !free {
				return fmt.Errorf("%s of sale %d was given to sale %d", a.To, last.Number, rec.Sale.Number)
			}
		}
		s.had[rec.Sale.ID] = len(rec.Sale.Addresses)
	}
	return nil
}

// checkChains: every payment that is on a chain belongs to one sale, once, and
// is where the chain has it; and no sale has another.
func (s *simulation) checkChains(recs []pos.Record) error {
	type place struct {
		number uint64
		p      pos.Payment
	}
	kept := map[chain.TxID][]place{}
	for _, rec := range recs {
		for _, p := range rec.Payments {
			kept[p.Key.TxID] = append(kept[p.Key.TxID], place{rec.Sale.Number, p})
		}
	}
	for _, c := range s.chains {
		for _, tx := range c.txs {
			have := kept[tx.id]
			delete(kept, tx.id)
			switch {
			case len(have) > 1:
				return fmt.Errorf("%s counts %d times", tx.id, len(have))
			case len(have) == 0 && tx.live():
				return fmt.Errorf("%s of %d to %s is lost", tx.id, tx.amount, tx.to)
			case len(have) == 0:
			case have[0].p.Live() != tx.live() || have[0].p.Block.Hash != tx.block.Hash:
				return fmt.Errorf("%s is in block %q, sale %d has it as %s in %q", tx.id, tx.block.Hash, have[0].number, have[0].p.State, have[0].p.Block.Hash)
			case have[0].p.Amount != chain.Units(tx.amount) || have[0].p.To != tx.to:
				return fmt.Errorf("%s pays %d to %s, sale %d has %s to %s", tx.id, tx.amount, tx.to, have[0].number, have[0].p.Amount, have[0].p.To)
			}
		}
	}
	for id := range kept {
		return fmt.Errorf("%s is on no chain", id)
	}
	return nil
}

// checkRefund compares a payment that went out with the chain.
func (s *simulation) checkRefund(p pos.Payment) error {
	for _, c := range s.chains {
		for _, tx := range c.txs {
			if tx.id == p.Key.TxID {
				if tx.to != p.To || p.Live() != tx.live() || p.Block.Hash != tx.block.Hash {
					return fmt.Errorf("the refund in %s is %s, on the chain it is not", tx.id, p.State)
				}
				return nil
			}
		}
	}
	return fmt.Errorf("the refund in %s is on no chain", p.Key.TxID)
}

// checkRefunded: what is said to have gone back did so, on the chain.
func (s *simulation) checkRefunded(rec pos.Record) error {
	var owed, went uint64
	for _, a := range rec.Sale.Acts {
		switch a.Kind {
		case pos.ActRefundDue:
			n, _ := a.Refund.Amount.Uint64()
			owed += n
		case pos.ActRefundDone, pos.ActRefundVoid:
			return nil // a person's word
		}
	}
	for _, p := range rec.Payments {
		if p.Refund && p.State == pos.Included {
			n, _ := p.Amount.Uint64()
			went += n
		}
	}
	if went < owed {
		return fmt.Errorf("%d went back of %d", went, owed)
	}
	return nil
}

func (s *simulation) checkOutbox(ctx context.Context, recs []pos.Record) error {
	changes, err := s.base.Outbox(ctx, 0, 100_000)
	if err != nil {
		return err
	}
	last := map[string]pos.Status{}
	for i, c := range changes {
		if c.Seq != uint64(i+1) {
			return fmt.Errorf("news %d has the number %d", i+1, c.Seq)
		}
		if c.Was != last[c.SaleID] {
			return fmt.Errorf("news %d: sale %d was %q, not %q", c.Seq, c.Number, last[c.SaleID], c.Was)
		}
		last[c.SaleID] = c.Outcome.Status
	}
	for _, rec := range recs {
		if last[rec.Sale.ID] != rec.Sale.Outcome.Status {
			return fmt.Errorf("sale %d is %s, the last news of it %q", rec.Sale.Number, rec.Sale.Outcome.Status, last[rec.Sale.ID])
		}
	}
	return nil
}

// text is how two values from different places are compared.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
