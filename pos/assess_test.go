package pos

import (
	"fmt"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos/money"
)

const railA = "bitcoin:regtest"

var t0 = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// lemonade is a sale of 10.00 EUR for 10,000 units, quoted at t0 for 15 minutes.
func lemonade() Sale {
	price := money.Fiat{Minor: 1000, Currency: "EUR"}
	return Sale{
		ID: "s", Number: 1, CreatedAt: t0, Expires: 15 * time.Minute,
		Price: Price{Kind: PriceFiat, Fiat: price},
		Quotes: []Quote{{
			Asset: chain.Bitcoin, Rail: railA, To: "addr", Due: chain.Units(10_000),
			At: t0, Deadline: t0.Add(15 * time.Minute), Decimals: 8, Currency: "EUR", Value: price,
		}},
	}
}

func policy(tiers ...Tier) Policy {
	if len(tiers) == 0 {
		tiers = []Tier{{Need: 2}}
	}
	return Policy{
		Expires:            15 * time.Minute,
		Tolerance:          Tolerance{Units: chain.Units(1), PPM: 1000, MaxFiat: 5},
		Rails:              map[string]RailPolicy{railA: {Tiers: tiers, Grace: time.Hour, Final: 6}},
		UnconfirmedPerHour: money.Fiat{Minor: 5000, Currency: "EUR"},
		Settle:             10 * time.Second,
	}
}

// pay makes a payment of n units, first seen at minute m.
func pay(n uint64, minute int) Payment {
	return Payment{
		Key: chain.PaymentKey{Network: railA, TxID: chain.TxID(fmt.Sprintf("%d@%d", n, minute))}, Rev: 1,
		To: "addr", Asset: chain.Bitcoin, Amount: chain.Units(n),
		State: Unconfirmed, FirstAt: t0.Add(time.Duration(minute) * time.Minute), FirstSeen: true,
	}
}

// in puts a payment into the block at a height.
func in(p Payment, height uint64) Payment {
	p.State = Included
	p.MinedAt = p.FirstAt
	p.Block = chain.BlockRef{Height: height, Hash: fmt.Sprint("h", height), Time: p.FirstAt}
	return p
}

func unseen(p Payment) Payment              { p.FirstSeen = false; return p }
func gone(p Payment) Payment                { p.State, p.Block = Gone, chain.BlockRef{}; return p }
func of(p Payment, a chain.AssetID) Payment { p.Asset = a; return p }
func counted(p Payment, paid bool) Payment {
	p.Counted = &Counted{At: p.FirstAt, Paid: paid, Block: p.Block}
	return p
}

func proof(p Payment, n int) Payment {
	p.Proof = chain.Proof{Announcers: n, Of: 8, Groups: n, Standard: true}
	return p
}

func act(s Sale, kind ActKind, minute int) Sale {
	s.Acts = append(s.Acts, Act{Kind: kind, At: t0.Add(time.Duration(minute) * time.Minute), Actor: Actor{Name: "Ana"}})
	return s
}

func TestAssess(t *testing.T) {
	sale := lemonade()
	zero := policy(Tier{UpTo: money.Fiat{Minor: 1000, Currency: "EUR"}, Need: 0}, Tier{Need: 1})
	low := policy(Tier{UpTo: money.Fiat{Minor: 500, Currency: "EUR"}, Need: 0}, Tier{Need: 1})
	safe := policy(Tier{Tag: "safe"})
	open := sale
	open.Price = Price{Kind: PriceOpen}
	open.Quotes = []Quote{sale.Quotes[0]}
	open.Quotes[0].Due = chain.Amount{}
	strict := sale
	strict.Confirmations = 4
	again := sale
	q := sale.Quotes[0]
	q.At, q.Deadline, q.Due = t0.Add(20*time.Minute), t0.Add(35*time.Minute), chain.Units(11_000)
	again.Quotes = append([]Quote{sale.Quotes[0]}, q)
	conflicted := proof(pay(10_000, 1), 5)
	conflicted.Proof.Conflicted, conflicted.By = true, "other"
	replaced := gone(counted(in(pay(10_000, 1), 100), true))
	replaced.By, replaced.ByBlock = "other", chain.BlockRef{Height: 101, Hash: "x"}
	reorged := counted(in(pay(10_000, 1), 100), true)
	reorged.State, reorged.Block = Unconfirmed, chain.BlockRef{}
	moved := counted(in(pay(10_000, 1), 100), true)
	moved.Block = chain.BlockRef{Height: 101, Hash: "new"}

	hanging := proof(pay(5_000, 1), 6)
	hanging.Proof.Ancestors = 1
	odd := proof(pay(5_000, 1), 6)
	odd.Proof.Standard = false
	back := proof(pay(10_000, 1), 6)
	back.ChangedAt = t0.Add(2 * time.Minute)
	raised := proof(pay(10_000, 2), 6) // the customer raised the fee of
	bumped := gone(counted(pay(10_000, 1), false))
	bumped.By = raised.Key.TxID
	half, again6 := pay(6_000, 1), pay(6_000, 2)
	half.By, half.Proof.Conflicted, again6.By = again6.Key.TxID, true, half.Key.TxID
	both := sale
	both.Quotes = append([]Quote{sale.Quotes[0]}, Quote{
		Asset: "eip155:1/native", Rail: "eip155:1", Due: chain.Units(7), At: t0, Deadline: t0.Add(15 * time.Minute),
	})
	failed := counted(in(pay(10_000, 1), 100), true)
	failed.State = Failed

	tests := []struct {
		name    string
		sale    Sale
		pol     Policy
		pays    []Payment
		tip     uint64 // agreed height; blocks of payments are at 100
		minute  int
		status  Status
		verdict Verdict
		why     Code
		missing uint64
		over    uint64
		confs   int
	}{
		{"nothing", sale, policy(), nil, 99, 1, Awaiting, Wait, WhyNothing, 10_000, 0, 0},
		{"the price ran out", sale, policy(), nil, 99, 15, Expired, NoVerdict, WhyExpired, 10_000, 0, 0},
		{"cancelled", act(sale, ActCancel, 2), policy(), nil, 99, 3, Cancelled, NoVerdict, WhyCancelled, 10_000, 0, 0},
		{"part of it", sale, policy(), []Payment{pay(4_000, 1)}, 99, 2, Partial, Wait, WhyMissing, 6_000, 0, 0},
		{"one unit short of tolerance", sale, policy(), []Payment{pay(9_989, 1)}, 99, 2, Partial, Wait, WhyMissing, 11, 0, 0},
		{"within tolerance", sale, policy(), []Payment{pay(9_990, 1)}, 99, 2, Seen, Wait, WhyNoBlock, 0, 0, 0},
		{"two parts", sale, policy(), []Payment{pay(4_000, 1), pay(6_000, 2)}, 99, 2, Seen, Wait, WhyNoBlock, 0, 0, 0},
		{"seen in time never expires", sale, policy(), []Payment{pay(10_000, 14)}, 99, 600, Seen, Wait, WhyNoBlock, 0, 0, 0},
		{"at the deadline itself is in time", sale, policy(), []Payment{pay(10_000, 15)}, 99, 600, Seen, Wait, WhyNoBlock, 0, 0, 0},
		{"first of two blocks", sale, policy(), []Payment{in(pay(10_000, 1), 100)}, 100, 2, Confirming, Wait, WhyConfirmations, 0, 0, 1},
		{"in a block that the quorum has not agreed on", sale, policy(), []Payment{in(pay(10_000, 1), 100)}, 99, 2, Confirming, Wait, WhyConfirmations, 0, 0, 0},
		{"paid", sale, policy(), []Payment{in(pay(10_000, 1), 100)}, 101, 2, Paid, HandOver, WhyConfirmed, 0, 0, 2},
		{"the slower half decides", sale, policy(), []Payment{in(pay(5_000, 1), 100), in(pay(5_000, 2), 101)}, 101, 3, Confirming, Wait, WhyConfirmations, 0, 0, 1},
		{"half in a block, half seen", sale, policy(), []Payment{in(pay(5_000, 1), 100), pay(5_000, 2)}, 101, 3, Seen, Wait, WhyNoBlock, 0, 0, 0},
		{"over within tolerance", sale, policy(), []Payment{in(pay(10_010, 1), 100)}, 101, 2, Paid, HandOver, WhyConfirmed, 0, 0, 2},
		{"over", sale, policy(), []Payment{in(pay(10_011, 1), 100)}, 101, 2, Overpaid, HandOver, WhyConfirmed, 0, 11, 2},
		{"paid twice", sale, policy(), []Payment{in(pay(10_000, 1), 100), in(pay(10_000, 30), 100)}, 101, 31, Overpaid, HandOver, WhyConfirmed, 0, 10_000, 2},
		{"the second payment is not confirmed yet", sale, policy(), []Payment{in(pay(10_000, 1), 100), pay(10_000, 3)}, 101, 31, Paid, HandOver, WhyConfirmed, 0, 0, 2},
		{"never seen, mined in time", sale, policy(), []Payment{unseen(in(pay(10_000, 14), 100))}, 101, 90, Paid, HandOver, WhyConfirmed, 0, 0, 2},
		{"never seen, mined within the grace", sale, policy(), []Payment{unseen(in(pay(10_000, 75), 100))}, 101, 90, Paid, HandOver, WhyConfirmed, 0, 0, 2},
		{"never seen, mined after the grace", sale, policy(), []Payment{unseen(in(pay(10_000, 76), 100))}, 101, 90, Late, AskSupervisor, WhyLate, 0, 0, 0},
		{"short at the end", sale, policy(), []Payment{pay(4_000, 1)}, 99, 16, Underpaid, AskSupervisor, WhyShort, 6_000, 0, 0},
		{"topped up in time after the end", sale, policy(), []Payment{pay(4_000, 1), pay(6_000, 30)}, 99, 40, Seen, Wait, WhyNoBlock, 0, 0, 0},
		{"topped up too late", sale, policy(), []Payment{pay(4_000, 1), pay(6_000, 31)}, 99, 40, Late, AskSupervisor, WhyLate, 0, 0, 0},
		{"all of it late", sale, policy(), []Payment{pay(10_000, 16)}, 99, 20, Late, AskSupervisor, WhyLate, 0, 0, 0},
		{"after cancelling", act(sale, ActCancel, 2), policy(), []Payment{pay(10_000, 3)}, 99, 4, Late, AskSupervisor, WhyLateCancelled, 0, 0, 0},
		{"a dropped payment is nothing", sale, policy(), []Payment{gone(pay(10_000, 1))}, 99, 2, Awaiting, Wait, WhyNothing, 10_000, 0, 0},
		{"another coin", sale, policy(), []Payment{of(pay(5, 1), "eip155:1/native")}, 99, 2, Awaiting, AskSupervisor, WhyOtherAsset, 10_000, 0, 0},
		{"old quote, paid in its time", again, policy(), []Payment{pay(10_000, 10)}, 99, 25, Seen, Wait, WhyNoBlock, 0, 0, 0},
		{"old amount in the new quote's time", again, policy(), []Payment{pay(10_000, 22)}, 99, 25, Partial, Wait, WhyMissing, 1_000, 0, 0},
		{"new amount in the new quote's time", again, policy(), []Payment{pay(11_000, 22)}, 99, 25, Seen, Wait, WhyNoBlock, 0, 0, 0},
		{"the sale asks for more blocks", strict, policy(), []Payment{in(pay(10_000, 1), 100)}, 102, 2, Confirming, Wait, WhyConfirmations, 0, 0, 3},
		{"and gets them", strict, policy(), []Payment{in(pay(10_000, 1), 100)}, 103, 2, Paid, HandOver, WhyConfirmed, 0, 0, 4},
		{"safe is not reached", sale, safe, []Payment{in(pay(10_000, 1), 100)}, 300, 2, Confirming, Wait, WhyTag, 0, 0, 201},
		{"open price", open, policy(), []Payment{in(pay(3, 1), 100)}, 101, 2, Paid, HandOver, WhyConfirmed, 0, 0, 2},
		{"open price, nothing", open, policy(), nil, 101, 2, Awaiting, Wait, WhyNothing, 0, 0, 0},

		{"without a block: too few peers", sale, zero, []Payment{proof(pay(10_000, 1), 2)}, 99, 2, Seen, Wait, WhyFewPeers, 0, 0, 0},
		{"without a block: less than half", sale, zero, []Payment{proof(pay(10_000, 1), 3)}, 99, 2, Seen, Wait, WhyFewPeers, 0, 0, 0},
		{"without a block: enough", sale, zero, []Payment{proof(pay(10_000, 1), 4)}, 99, 2, Seen, HandOver, WhyUnconfirmed, 0, 0, 0},
		{"without a block: not settled", sale, zero, []Payment{proof(pay(10_000, 2), 4)}, 99, 2, Seen, Wait, WhySettling, 0, 0, 0},
		{"without a block: above the limit", sale, low, []Payment{proof(pay(10_000, 1), 8)}, 99, 2, Seen, Wait, WhyAboveLimit, 0, 0, 0},
		{"a conflict stops everything", sale, zero, []Payment{conflicted}, 99, 2, Seen, AskSupervisor, WhyConflict, 0, 0, 0},
		{"a tier of 0 is PAID in the first block", sale, zero, []Payment{in(pay(10_000, 1), 100)}, 100, 2, Paid, HandOver, WhyConfirmed, 0, 0, 1},

		{"double-spent after PAID", sale, policy(), []Payment{replaced}, 102, 9, Disputed, AskSupervisor, WhyConflict, 10_000, 0, 0},
		{"and that is final", sale, policy(), []Payment{replaced}, 106, 9, Reversed, AskSupervisor, WhyReversed, 10_000, 0, 0},
		{"reorganised out after PAID", sale, policy(), []Payment{reorged}, 101, 9, Disputed, AskSupervisor, WhyReorganised, 0, 0, 0},
		{"mined again, not deep enough", sale, policy(), []Payment{moved}, 101, 9, Disputed, AskSupervisor, WhyReorganised, 0, 0, 1},
		{"mined again and confirmed", sale, policy(), []Payment{moved}, 102, 9, Paid, HandOver, WhyConfirmed, 0, 0, 2},
		{"a stricter policy undoes nothing", strict, policy(), []Payment{counted(in(pay(10_000, 1), 100), true)}, 101, 9, Paid, HandOver, WhyConfirmed, 0, 0, 2},
		{"handed over, then dropped", sale, zero, []Payment{gone(counted(pay(10_000, 1), false))}, 99, 9, Disputed, AskSupervisor, WhyVanished, 10_000, 0, 0},
		{"topped up in time, but not enough", sale, policy(), []Payment{pay(4_000, 1), pay(3_000, 20)}, 99, 25, Underpaid, AskSupervisor, WhyShort, 3_000, 0, 0},
		{"another coin, and the price ran out", sale, policy(), []Payment{of(pay(5, 1), "eip155:1/native")}, 99, 16, Late, AskSupervisor, WhyOtherAsset, 10_000, 0, 0},
		{"another coin, cancelled", act(sale, ActCancel, 2), policy(), []Payment{of(pay(5, 3), "eip155:1/native")}, 99, 4, Late, AskSupervisor, WhyOtherAsset, 10_000, 0, 0},
		{"part of it, and another coin", sale, policy(), []Payment{pay(4_000, 1), of(pay(5, 2), "eip155:1/native")}, 99, 2, Partial, AskSupervisor, WhyOtherAsset, 6_000, 0, 0},
		{"the coin noticed first counts, not the older block", both, policy(), []Payment{pay(4_000, 3), func() Payment {
			p := of(unseen(in(pay(7, 4), 100)), "eip155:1/native")
			p.MinedAt = t0
			return p
		}()}, 99, 5, Partial, AskSupervisor, WhyOtherAsset, 6_000, 0, 0},
		{"without a block: one of two hangs on others", sale, zero, []Payment{hanging, proof(pay(5_000, 2), 5)}, 99, 3, Seen, Wait, WhyAncestors, 0, 0, 0},
		{"without a block: one of two is odd", sale, zero, []Payment{odd, proof(pay(5_000, 2), 5)}, 99, 3, Seen, Wait, WhyNonStandard, 0, 0, 0},
		{"without a block: it came back only now", sale, zero, []Payment{back}, 99, 2, Seen, Wait, WhySettling, 0, 0, 0},
		{"handed over, then the policy got stricter", sale, policy(), []Payment{counted(proof(pay(10_000, 1), 5), false)}, 99, 2, Seen, HandOver, WhyUnconfirmed, 0, 0, 0},
		{"handed over, then replaced by as much", sale, zero, []Payment{bumped, raised}, 99, 5, Seen, HandOver, WhyUnconfirmed, 0, 0, 0},
		{"replaced and replacement are not summed", sale, policy(), []Payment{half, again6}, 99, 3, Partial, Wait, WhyMissing, 4_000, 0, 0},
		{"accepted, then in a block", act(sale, ActAccept, 20), policy(), []Payment{in(counted(pay(4_000, 1), false), 100)}, 103, 30, Accepted, HandOver, WhyAccepted, 6_000, 0, 0},
		{"accepted, then topped up", act(sale, ActAccept, 20), policy(), []Payment{counted(in(pay(4_000, 1), 100), false), pay(6_000, 25)}, 103, 30, Accepted, HandOver, WhyAccepted, 0, 0, 0},
		{"failed when mined again", sale, policy(), []Payment{failed}, 104, 9, Disputed, AskSupervisor, WhyVanished, 10_000, 0, 0},
		{"and that is final, too", sale, policy(), []Payment{failed}, 105, 9, Reversed, AskSupervisor, WhyReversed, 10_000, 0, 0},
		{"accepted though short", act(sale, ActAccept, 20), policy(), []Payment{pay(4_000, 1)}, 99, 30, Accepted, HandOver, WhyAccepted, 6_000, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env := Env{
				Now: t0.Add(time.Duration(tt.minute) * time.Minute), Policy: tt.pol,
				Tips: map[string]chain.TipState{railA: {Agreed: tt.tip, Block: chain.BlockRef{Height: tt.tip, Hash: "tip"}}},
			}
			o := Assess(tt.sale, tt.pays, env)
			if o.Status != tt.status || o.Verdict != tt.verdict || o.Reason.Code != tt.why {
				t.Errorf("got %s %q because %s, want %s %q because %s", o.Status, o.Verdict, o.Reason.Code, tt.status, tt.verdict, tt.why)
			}
			if o.Missing != chain.Units(tt.missing) || o.Over != chain.Units(tt.over) || o.Confirmations != tt.confs {
				t.Errorf("missing %s, over %s, %d confirmations; want %d, %d, %d", o.Missing, o.Over, o.Confirmations, tt.missing, tt.over, tt.confs)
			}
			if o.Status.Settled() != (o.Verdict == HandOver && o.Status != Seen && o.Status != Confirming) {
				t.Errorf("%s with verdict %q", o.Status, o.Verdict)
			}
		})
	}
}

// TestAssessTagAndConfirmations: a sale that asks for confirmations gets them
// also where the tier asks for a tag.
func TestAssessTagAndConfirmations(t *testing.T) {
	s := lemonade()
	s.Confirmations = 3
	env := Env{Now: t0, Policy: policy(Tier{Tag: "safe"}), Tips: map[string]chain.TipState{railA: {Agreed: 101, Safe: 101}}}
	if o := Assess(s, []Payment{in(pay(10_000, 0), 100)}, env); o.Status != Confirming {
		t.Errorf("%s after 2 of 3 confirmations", o.Status)
	}
	env.Tips[railA] = chain.TipState{Agreed: 102, Safe: 100}
	if o := Assess(s, []Payment{in(pay(10_000, 0), 100)}, env); o.Status != Paid {
		t.Errorf("%s after 3 of 3 confirmations, safe", o.Status)
	}
}

// TestAssessHugeAmounts: nothing wraps around.
func TestAssessHugeAmounts(t *testing.T) {
	most := chain.Amount{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}
	s := lemonade()
	x, y := in(pay(1, 1), 100), in(pay(2, 1), 100)
	x.Amount, y.Amount = most, most
	env := Env{Now: t0, Policy: policy(), Tips: map[string]chain.TipState{railA: {Agreed: 200}}}
	if o := Assess(s, []Payment{x, y}, env); o.Status != Overpaid || o.Received != most || o.Over != most.Sub(chain.Units(10_000)) {
		t.Errorf("%s, received %s, over %s", o.Status, o.Received, o.Over)
	}
	s.Quotes[0].Due = most
	x.Amount = chain.Units(10_000)
	if o := Assess(s, []Payment{x}, env); o.Status != Partial || o.Missing != most.Sub(chain.Units(10_000)) {
		t.Errorf("%s, missing %s", o.Status, o.Missing)
	}
}

func TestApplyKeepsWhatSpeaksAgainstMoney(t *testing.T) {
	seen := chain.Event{Kind: chain.Seen, Amount: chain.Units(5), Asset: chain.Bitcoin, Evidence: chain.Proof{Announcers: 5}}
	evidence := chain.Event{Kind: chain.Evidence, Evidence: chain.Proof{Announcers: 8}}
	conflict := chain.Event{Kind: chain.Conflict, By: "rival"}
	buried := chain.Event{Kind: chain.Conflict, By: "rival", Block: chain.BlockRef{Height: 7, Hash: "h7"}}
	mined := chain.Event{Kind: chain.Included, Amount: chain.Units(5), Asset: chain.Bitcoin, Block: chain.BlockRef{Height: 7, Hash: "h7'"}}
	retracted := chain.Event{Kind: chain.Retracted, Block: mined.Block}
	dropped := chain.Event{Kind: chain.Gone}
	replaced := chain.Event{Kind: chain.Gone, By: "rival"}
	nothing := chain.Event{Kind: chain.Seen, Asset: chain.Bitcoin}
	for _, tt := range []struct {
		name     string
		events   []chain.Event
		state    PaymentState
		conflict bool
	}{
		{"evidence does not end a conflict", []chain.Event{seen, conflict, evidence}, Unconfirmed, true},
		{"being told again does not end a conflict", []chain.Event{seen, conflict, seen}, Unconfirmed, true},
		{"a block does", []chain.Event{seen, conflict, mined}, Included, false},
		{"and a rival in relay can do nothing about it", []chain.Event{seen, mined, conflict}, Included, false},
		{"a rival in a block is the end", []chain.Event{seen, buried}, Gone, true},
		{"unless that block leaves and ours comes", []chain.Event{seen, buried, mined}, Included, false},
		{"dropped and back", []chain.Event{seen, dropped, seen}, Unconfirmed, false},
		{"replaced and back: the rival is still about", []chain.Event{seen, replaced, seen}, Unconfirmed, true},
		{"seen after its block", []chain.Event{mined, seen}, Included, false},
		{"out of its block and in relay", []chain.Event{mined, retracted, seen}, Unconfirmed, false},
		{"out of its block and gone", []chain.Event{mined, retracted, dropped}, Gone, false},
		{"what is not known cannot go", []chain.Event{retracted, dropped, conflict, evidence}, "", false},
		{"a transfer of nothing is nothing", []chain.Event{nothing}, "", false},
	} {
		var p Payment
		for i, e := range tt.events {
			e.Rev = uint64(i + 1)
			p.apply(e)
			if p.apply(e) {
				t.Errorf("%s: applied twice", tt.name)
			}
		}
		if p.State != tt.state || p.Proof.Conflicted != tt.conflict {
			t.Errorf("%s: %q, conflicted %v", tt.name, p.State, p.Proof.Conflicted)
		}
	}
}

func TestAssessHourlyCap(t *testing.T) {
	s, p := lemonade(), policy(Tier{Need: 0})
	env := Env{Now: t0.Add(2 * time.Minute), Policy: p, UnconfirmedUsed: 4000}
	if o := Assess(s, []Payment{proof(pay(10_000, 1), 8)}, env); o.Verdict != HandOver {
		t.Errorf("up to the cap: %q because %s", o.Verdict, o.Reason.Code)
	}
	env.UnconfirmedUsed = 4001
	if o := Assess(s, []Payment{proof(pay(10_000, 1), 8)}, env); o.Verdict != Wait || o.Reason.Code != WhyHourlyCap {
		t.Errorf("beyond the cap: %q because %s", o.Verdict, o.Reason.Code)
	}
	env.UnconfirmedUsed, env.Policy.UnconfirmedPerHour = 0, money.Fiat{}
	if o := Assess(s, []Payment{proof(pay(10_000, 1), 8)}, env); o.Verdict != Wait {
		t.Errorf("with no cap set: %q", o.Verdict)
	}
}

// TestAssessFee: where a rail looks at fees, a payment whose fee nobody knows is
// handed over for up to half of the limit, and one that pays too little never.
func TestAssessFee(t *testing.T) {
	fee := func(rate uint64, within int) Payment {
		x := proof(pay(10_000, 1), 8)
		x.Proof.FeeRate, x.Proof.Within = rate, within
		return x
	}
	eur := func(minor int64) money.Fiat { return money.Of(minor, "EUR") }
	part := func(x Payment, amount uint64, index uint32) Payment {
		x.Amount, x.Key.Index = chain.Units(amount), index
		return x
	}
	for _, tt := range []struct {
		name  string
		limit int64 // the sale is worth 10.00
		pays  []Payment
		code  Code
		fiat  money.Fiat
		m     int
	}{
		{"known", 1000, []Payment{fee(1000, 0)}, WhyUnconfirmed, money.Fiat{}, 0},
		{"not known, half of the limit", 2000, []Payment{fee(0, 0)}, WhyUnconfirmed, money.Fiat{}, 0},
		{"not known, a cent more", 1999, []Payment{fee(0, 0)}, WhyFeeUnknown, eur(999), 0},
		{"known of one part only", 1000, []Payment{part(fee(5000, 1), 6000, 1), part(fee(0, 0), 4000, 2)}, WhyFeeUnknown, eur(500), 0},
		{"too low", 2000, []Payment{fee(999, 0)}, WhyLowFee, money.Fiat{}, 0},
		{"too low in one part", 2000, []Payment{part(fee(5000, 1), 6000, 1), part(fee(999, 30), 4000, 2)}, WhyLowFee, money.Fiat{}, 30},
		{"waits for a day", 2000, []Payment{fee(2000, 144)}, WhyUnconfirmed, money.Fiat{}, 0},
		{"waits for more than a day", 2000, []Payment{fee(2000, 145)}, WhyLowFee, money.Fiat{}, 145},
		{"above the limit", 999, []Payment{fee(2000, 3)}, WhyAboveLimit, eur(999), 3},
	} {
		p := policy(Tier{UpTo: eur(tt.limit), Need: 0}, Tier{Need: 1})
		rail := p.Rails[railA]
		rail.FeeFloor = 1000
		p.Rails[railA] = rail
		env := Env{Now: t0.Add(2 * time.Minute), Policy: p}
		o := Assess(lemonade(), tt.pays, env)
		want := Wait
		if tt.code == WhyUnconfirmed {
			want = HandOver
		}
		if o.Verdict != want || o.Reason.Code != tt.code || o.Reason.Fiat != tt.fiat || want == Wait && o.Reason.M != tt.m {
			t.Errorf("%s: %q because %+v", tt.name, o.Verdict, o.Reason)
		}
		rail.FeeFloor = 0
		p.Rails[railA] = rail
		if o := Assess(lemonade(), tt.pays, env); tt.limit >= 1000 && o.Verdict != HandOver {
			t.Errorf("%s, where fees are not looked at: %q because %+v", tt.name, o.Verdict, o.Reason)
		}
	}
	// A limit without an end is the hourly one.
	p := policy(Tier{Need: 0})
	p.UnconfirmedPerHour = eur(1999)
	p.Rails[railA] = RailPolicy{Tiers: []Tier{{Need: 0}}, Grace: time.Hour, Final: 6, FeeFloor: 1000}
	if o := Assess(lemonade(), []Payment{fee(0, 0)}, Env{Now: t0.Add(2 * time.Minute), Policy: p}); o.Reason.Code != WhyFeeUnknown || o.Reason.Fiat != eur(999) {
		t.Errorf("without a limit: %q because %+v", o.Verdict, o.Reason)
	}
}

// TestAssessNeverGivesAway holds Assess to what a shop relies on, whatever comes.
func TestAssessNeverGivesAway(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := lemonade()
		need := rapid.IntRange(0, 3).Draw(t, "need")
		p := policy(Tier{Need: need})
		var pays []Payment
		for i := range rapid.IntRange(0, 6).Draw(t, "payments") {
			x := pay(rapid.Uint64Range(1, 12_000).Draw(t, "amount"), rapid.IntRange(0, 40).Draw(t, "minute"))
			x.Key.Index = uint32(i)
			switch rapid.IntRange(0, 3).Draw(t, "state") {
			case 1:
				x = in(x, rapid.Uint64Range(95, 101).Draw(t, "height"))
			case 2:
				x = gone(x)
			case 3:
				x.State = Failed
			}
			pays = append(pays, x)
		}
		env := Env{
			Now: t0.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "now")) * time.Minute), Policy: p,
			Tips: map[string]chain.TipState{railA: {Agreed: 100}},
		}
		o := Assess(s, pays, env)
		sum := uint64(0)
		for _, x := range pays {
			if x.State == Included && 100-int(x.Block.Height)+1 >= max(1, need) && x.Block.Height <= 100 {
				sum += x.Amount[0]
			}
		}
		if o.Status.Settled() && sum < 9_990 {
			t.Fatalf("%s on %d confirmed units", o.Status, sum)
		}
		if o.Verdict == HandOver && !o.Status.Settled() {
			t.Fatalf("handed over without evidence: %s", o.Status)
		}
		if o.Status == Overpaid && sum <= 10_010 {
			t.Fatalf("overpaid with %d", sum)
		}
		if again := Assess(s, pays, env); again.Status != o.Status || again.Reason != o.Reason {
			t.Fatal("not pure")
		}
	})
}

func TestMulDiv(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := chain.Amount{rapid.Uint64().Draw(t, "a0"), rapid.Uint64().Draw(t, "a1"), rapid.Uint64().Draw(t, "a2"), rapid.Uint64().Draw(t, "a3")}
		m, d := rapid.Uint64().Draw(t, "m"), rapid.Uint64Min(1).Draw(t, "d")
		want := a.Big()
		want.Mul(want, new(big.Int).SetUint64(m)).Div(want, new(big.Int).SetUint64(d))
		if want.BitLen() > 256 {
			want.Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
		}
		if got := mulDiv(a, m, d).Big(); got.Cmp(want) != 0 {
			t.Fatalf("%s * %d / %d = %s, want %s", a, m, d, got, want)
		}
	})
}

func BenchmarkAssess(b *testing.B) {
	s, p := lemonade(), policy()
	var pays []Payment
	for i := range 10 {
		x := in(pay(1_000, 1), uint64(90+i))
		x.Key.Index = uint32(i)
		pays = append(pays, x)
	}
	env := Env{Now: t0.Add(time.Minute), Policy: p, Tips: map[string]chain.TipState{railA: {Agreed: 100}}}
	b.ReportAllocs()
	for b.Loop() {
		if Assess(s, pays, env).Status != Paid {
			b.Fatal("not paid")
		}
	}
}
