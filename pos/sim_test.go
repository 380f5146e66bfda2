package pos_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/argon2"
	"pgregory.net/rapid"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
)

// A simulation of a shop's days: whatever customers, miners and crashes do, in
// any order, the register must know what the chains know, once.

// step is one thing that happens; its numbers are folded into what there is.
type step struct{ Do, A, B int }

const (
	doRing = iota
	doPay
	doMine
	doReorg
	doReplace
	doDrop
	doSleep
	doOffer
	doCancel
	doCrash
	doRepeat
	doFail
	doAct
	doPayBack
	doKinds
)

var schedules = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
	return step{
		// Paying and mining happen more often than anything else.
		Do: rapid.SampledFrom([]int{
			doRing, doRing, doPay, doPay, doPay, doPay, doMine, doMine, doMine, doReorg, doReplace,
			doDrop, doSleep, doSleep, doOffer, doCancel, doCrash, doRepeat, doFail, doAct, doAct, doPayBack,
		}).Draw(t, "do"),
		A: rapid.IntRange(0, 63).Draw(t, "a"), B: rapid.IntRange(0, 63).Draw(t, "b"),
	}
}), 5, 60)

// simulation is a shop, the chains and what must be true of them.
type simulation struct {
	t      *testing.T
	bug    bug
	base   *store.Memory
	mortal *mortal
	chains []*simChain
	shop   *shop
	sales  []string
	random io.Reader // always the same: a schedule plays the same way each time

	// The journal, as far as it was read.
	chained pos.Chain
	replay  *pos.Replay
}

func simulate(t *testing.T, steps []step, b bug) (wrong error) {
	synctest.Test(t, func(t *testing.T) {
		s := &simulation{t: t, bug: b, base: store.NewMemory(), random: rand.NewChaCha8([32]byte{1}), replay: pos.NewReplay()}
		if err := s.base.Write(context.Background(), func(tx pos.Tx) error { return tx.PutMeta("staff", simStaff()) }); err != nil {
			t.Fatal(err)
		}
		for i, id := range []string{btc, eth, own} {
			s.chains = append(s.chains, newSimChain(s, id, 3+20*i))
		}
		s.open()
		for i, step := range steps {
			s.do(step)
			s.settle()
			if err := s.check(); err != nil {
				wrong = fmt.Errorf("after step %d %+v: %w", i, step, err)
				break
			}
		}
		s.shop.stop()
	})
	return wrong
}

// open starts the register on the store that there is.
func (s *simulation) open() {
	s.mortal = &mortal{Store: s.base, bug: s.bug, left: -1}
	var rails []*rail
	for i, c := range s.chains {
		r := newRail(c.id, []string{"A", "E", "E"}[i])
		c.rail = r
		r.run, r.health.State = c.begin, chain.Syncing
		rails = append(rails, r)
	}
	s.shop = openShopWith(s.t, s.mortal, func(c *pos.Config) { c.Random = s.random }, rails...)
}

// settle lets everything that is under way come to its end, and opens again
// what was killed.
func (s *simulation) settle() {
	for {
		synctest.Wait()
		for _, c := range s.chains {
			c.pump()
		}
		synctest.Wait()
		s.mortal.mu.Lock()
		killed, failed := s.mortal.killed, s.mortal.failed
		s.mortal.failed = false
		s.mortal.mu.Unlock()
		switch {
		case killed:
			s.shop.stop()
			s.open()
		case failed:
			time.Sleep(5 * time.Second) // watchers and timers try again
		default:
			return
		}
	}
}

func (s *simulation) do(p step) {
	ctx := context.Background()
	c := s.chains[p.A%len(s.chains)]
	sale := func() (pos.Record, bool) {
		if len(s.sales) == 0 {
			return pos.Record{}, false
		}
		rec, err := s.base.Sale(ctx, s.sales[p.A%len(s.sales)])
		return rec, err == nil
	}
	switch p.Do {
	case doRing:
		v, err := s.shop.Open(ctx, euros(500), c.asset())
		if err == nil || v.Sale.ID != "" {
			s.sales = append(s.sales, v.Sale.ID)
		}
	case doPay:
		if rec, ok := sale(); ok {
			q := rec.Sale.Quotes[p.B%len(rec.Sale.Quotes)]
			due, _ := q.Due.Uint64()
			part := []uint64{due, due, due / 2, due / 2, due + 5_000, due - 1, due - 2}[p.B%7]
			i := slices.IndexFunc(s.chains, func(c *simChain) bool { return c.id == q.Rail })
			if i > 0 && p.B%8 == 7 {
				i = 3 - i // the same address on the other chain of the key
			}
			s.chains[i].pay(q.To, part)
		}
	case doMine:
		c.mine(p.B%3 != 0)
	case doReorg:
		c.reorg(1+p.B%3, p.B%2 == 0, p.B%5 == 0)
	case doReplace:
		c.replace(p.B, p.B%2 == 0)
	case doDrop:
		c.drop(p.B)
	case doSleep:
		time.Sleep([]time.Duration{time.Second, time.Minute, 16 * time.Minute, 2 * time.Hour}[p.B%4])
	case doOffer:
		if rec, ok := sale(); ok {
			_, _ = s.shop.Offer(ctx, rec.Sale.ID, s.chains[p.B%3].asset(), pos.Actor{})
		}
	case doAct:
		if rec, ok := sale(); ok {
			s.act(ctx, rec.Sale.ID, p.B)
		}
	case doPayBack:
		if rec, ok := sale(); ok {
			s.payBack(ctx, rec.Sale.ID, p.B)
		}
	case doCancel:
		if rec, ok := sale(); ok {
			_, _ = s.shop.Cancel(ctx, rec.Sale.ID, pos.Actor{})
		}
	case doCrash:
		s.mortal.mu.Lock()
		s.mortal.left, s.mortal.after = p.B%3, p.A%2 == 0
		s.mortal.mu.Unlock()
	case doRepeat:
		c.again(p.B)
	case doFail:
		s.mortal.mu.Lock()
		s.mortal.fail = 1 + p.B%2
		s.mortal.mu.Unlock()
	}
}

// act does one of the things that a person may do with a sale.
func (s *simulation) act(ctx context.Context, id string, n int) {
	v, err := s.shop.View(ctx, id)
	if err != nil || len(v.Acts) == 0 {
		return
	}
	d := pos.Deed{Kind: v.Acts[n%len(v.Acts)], PIN: simPIN, Asset: s.chains[n%3].asset(), By: pos.Actor{Name: "Ana", Terminal: "till 1"}}
	if d.Kind == pos.ActRefundDue {
		c := v.Refunds[n/4%len(v.Refunds)]
		// A few customers come again and again.
		d.Basis, d.Fiat, d.To = c.Basis, money.Of(100, "EUR"), fmt.Sprintf("cust-%d", n%5)
	}
	_, _ = s.shop.Act(ctx, id, d)
}

// payBack is the owner's wallet, which pays what the screen says, or less.
func (s *simulation) payBack(ctx context.Context, id string, n int) {
	v, err := s.shop.View(ctx, id)
	if err != nil || v.Payout == nil || len(v.Payout.Forms) == 0 {
		return
	}
	rest, _ := v.Payout.Rest.Uint64()
	i := slices.IndexFunc(s.chains, func(c *simChain) bool { return c.id == v.Payout.Refund.Rail })
	s.chains[i].pay(v.Payout.Refund.To, []uint64{rest, rest, rest/2 + 1}[n%3])
}

// simPIN is the supervisor's in the simulation, with a hash that costs little.
const simPIN = "123456"

func simStaff() string {
	key := argon2.IDKey([]byte(simPIN), []byte("saltsaltsaltsalt"), 1, 8, 1, 32)
	text := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf(`[{"name":"Eva","role":"supervisor","pin":"$argon2id$v=19$m=8,t=1,p=1$%s$%s"}]`, text([]byte("saltsaltsaltsalt")), text(key))
}

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
	shown := map[chain.Destination]string{}
	for _, rec := range recs {
		for _, a := range rec.Sale.Addresses {
			if other := shown[a.To]; other != "" && other != rec.Sale.ID {
				return fmt.Errorf("%s stands on two sales", a.To)
			}
			shown[a.To] = rec.Sale.ID
		}
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
	env.Now = time.Now()
	for _, c := range s.chains {
		env.Tips[c.id] = c.tips[c.head().Hash]
	}
	if now := pos.Assess(rec.Sale, rec.Payments, env); now.Status != o.Status || now.Verdict != o.Verdict {
		return fmt.Errorf("by now it should be %s", now.Status)
	}
	// What the chains know of its addresses.
	sums := map[chain.AssetID]uint64{}
	deep := map[chain.AssetID]uint64{}
	live := 0
	for _, p := range rec.Payments {
		if p.Refund {
			if err := s.checkRefund(p); err != nil {
				return err
			}
			if p.Live() {
				live++
			}
		}
	}
	for _, c := range s.chains {
		for _, tx := range c.txs {
			if !slices.ContainsFunc(rec.Sale.Addresses, func(a pos.Address) bool { return a.To == tx.to }) || !tx.live() {
				continue
			}
			live++
			sums[c.asset()] += tx.amount
			if tx.block.Hash != "" && c.head().Height-tx.block.Height+1 >= uint64(o.Needed) {
				deep[c.asset()] += tx.amount
			}
			i := slices.IndexFunc(rec.Payments, func(p pos.Payment) bool { return p.Key.TxID == tx.id })
			if i < 0 {
				return fmt.Errorf("%s of %d is lost", tx.id, tx.amount)
			}
			if rec.Payments[i].Block.Hash != tx.block.Hash {
				return fmt.Errorf("%s is in block %q, not %q", tx.id, tx.block.Hash, rec.Payments[i].Block.Hash)
			}
		}
	}
	for _, p := range rec.Payments {
		if p.Live() {
			live--
		}
	}
	if live != 0 {
		return fmt.Errorf("%d payments too few or too many are live", live)
	}
	if o.Received != (chain.Amount{}) && o.Received != chain.Units(sums[o.Asset]) {
		return fmt.Errorf("received %s, on the chain %d", o.Received, sums[o.Asset])
	}
	if o.Status == pos.Refunded && o.Reason.Code == pos.WhyRefunded {
		if err := s.checkRefunded(rec); err != nil {
			return err
		}
	}
	if o.Status == pos.Paid || o.Status == pos.Overpaid {
		if got := chain.Units(deep[o.Asset] + 1); got.Cmp(o.Due) < 0 { // tolerance: 1 unit
			return fmt.Errorf("of %s only %d are confirmed", o.Due, deep[o.Asset])
		}
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

// TestSimulation plays schedules of its own; `make sim` plays as many as one
// likes. A schedule that fails is made as short as it gets, and named by its
// seed, which plays it again.
func TestSimulation(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		if err := simulate(t, schedules.Draw(rt, "schedule"), noBug); err != nil {
			rt.Fatal(err)
		}
	})
}

// TestSimulationFindsBugs shows that the simulation can fail.
func TestSimulationFindsBugs(t *testing.T) {
	for _, b := range []bug{
		dropsCursor, dropsPayment, dropsOutbox, dropsSale,
		sameRevision, backwards, twoKeys, noRetractions, noLookups,
	} {
		t.Run(string(b), func(t *testing.T) {
			for seed := range 300 {
				if err := simulate(t, schedules.Example(seed), b); err != nil {
					t.Logf("schedule %d: %v", seed, err)
					return
				}
			}
			t.Error("nobody noticed")
		})
	}
}
