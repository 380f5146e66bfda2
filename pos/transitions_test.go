package pos_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// TestTransitions plays every way from one status to the next on a register,
// and compares the statuses that its outbox tells, in order. A sale is 10,000
// satoshi; a payment needs two confirmations.
func TestTransitions(t *testing.T) {
	type stage struct {
		*shop
		t  *testing.T
		id string
		to chain.Destination
	}
	seen := func(n uint64) func(stage) {
		return func(s stage) { s.rails[0].emit(s.t, s.rails[0].payment(chain.Seen, s.to, n, 0)) }
	}
	mined := func(n, height uint64) func(stage) {
		return func(s stage) {
			s.rails[0].emit(s.t, s.rails[0].payment(chain.Included, s.to, n, height), tip(height))
		}
	}
	blocks := func(height uint64) func(stage) { return func(s stage) { s.rails[0].emit(s.t, tip(height)) } }
	event := func(kind chain.Kind, n, height uint64) func(stage) {
		return func(s stage) { s.rails[0].emit(s.t, s.rails[0].payment(kind, s.to, n, height)) }
	}
	replaced := func(n, by, height uint64) func(stage) {
		return func(s stage) {
			e := s.rails[0].payment(chain.Gone, s.to, n, height)
			e.By = chain.TxID(fmt.Sprint("tx", by))
			s.rails[0].emit(s.t, e)
		}
	}
	wait := func(d time.Duration) func(stage) { return func(stage) { time.Sleep(d); synctest.Wait() } }
	act := func(d pos.Deed) func(stage) {
		return func(s stage) {
			d.PIN = simPIN
			s.deed(s.t, s.id, d)
		}
	}
	refused := func(kind pos.ActKind) func(stage) {
		return func(s stage) {
			if _, err := s.Act(context.Background(), s.id, pos.Deed{Kind: kind, PIN: simPIN}); !errors.Is(err, pos.ErrNotNow) {
				s.t.Errorf("%s: %v", kind, err)
			}
		}
	}
	paid := []func(stage){mined(10_000, 101), blocks(102)}
	back := pos.Deed{Kind: pos.ActRefundDue, Basis: pos.RefundPaid, To: "cust-1"}
	const ended = 16 * time.Minute

	for _, test := range []struct {
		name  string
		steps []func(stage)
		want  []pos.Status
	}{
		{"a part, then the rest", []func(stage){seen(4_000), seen(6_000)}, []pos.Status{pos.Partial, pos.Seen}},
		{"seen, mined, confirmed", []func(stage){seen(10_000), mined(10_000, 101), blocks(102)}, []pos.Status{pos.Seen, pos.Confirming, pos.Paid}},
		{"never seen but in a block", paid, []pos.Status{pos.Confirming, pos.Paid}},
		{"too much", []func(stage){mined(12_000, 101), blocks(102)}, []pos.Status{pos.Confirming, pos.Overpaid}},
		{"twice", append(slices.Clone(paid), mined(10_001, 103), blocks(104)), []pos.Status{pos.Confirming, pos.Paid, pos.Overpaid}},
		{"the price ran out", []func(stage){wait(ended)}, []pos.Status{pos.Expired}},
		{"the price ran out on a part", []func(stage){seen(4_000), wait(ended)}, []pos.Status{pos.Partial, pos.Underpaid}},
		{"topped up soon after", []func(stage){seen(4_000), wait(ended), seen(6_000)}, []pos.Status{pos.Partial, pos.Underpaid, pos.Seen}},
		{"topped up much later", []func(stage){seen(4_000), wait(2 * time.Hour), seen(6_000)}, []pos.Status{pos.Partial, pos.Underpaid, pos.Late}},
		{"seen in time never expires", []func(stage){seen(10_000), wait(48 * time.Hour), mined(10_000, 101), blocks(102)}, []pos.Status{pos.Seen, pos.Confirming, pos.Paid}},
		{"late", []func(stage){wait(ended), seen(10_000)}, []pos.Status{pos.Expired, pos.Late}},
		{"late and accepted", []func(stage){wait(ended), seen(10_000), act(pos.Deed{Kind: pos.ActAccept})}, []pos.Status{pos.Expired, pos.Late, pos.Accepted}},
		{"short and accepted", []func(stage){seen(4_000), wait(ended), act(pos.Deed{Kind: pos.ActAccept})}, []pos.Status{pos.Partial, pos.Underpaid, pos.Accepted}},
		{"cancelled", []func(stage){act(pos.Deed{Kind: pos.ActCancel})}, []pos.Status{pos.Cancelled}},
		{"cancelled, and money came", []func(stage){act(pos.Deed{Kind: pos.ActCancel}), seen(10_000)}, []pos.Status{pos.Cancelled, pos.Late}},
		{"nobody cancels what was seen", []func(stage){seen(10_000), refused(pos.ActCancel), mined(10_000, 101), refused(pos.ActCancel)}, []pos.Status{pos.Seen, pos.Confirming}},
		{"replaced by what still pays us", []func(stage){seen(10_000), replaced(10_000, 10_001, 0), seen(10_001)}, []pos.Status{pos.Seen, pos.Awaiting, pos.Seen}},
		{"replaced by less before it counted", []func(stage){seen(10_000), replaced(10_000, 3_000, 0), seen(3_000)}, []pos.Status{pos.Seen, pos.Awaiting, pos.Partial}},
		{"its block was orphaned before it counted", []func(stage){mined(10_000, 101), event(chain.Retracted, 10_000, 101)}, []pos.Status{pos.Confirming, pos.Seen}},
		{"reorganised out, and back", append(slices.Clone(paid), event(chain.Retracted, 10_000, 101), mined(10_000, 103), blocks(104)), []pos.Status{pos.Confirming, pos.Paid, pos.Disputed, pos.Paid}},
		{"reorganised out for good", append(slices.Clone(paid), event(chain.Retracted, 10_000, 101), func(s stage) {
			e := s.rails[0].payment(chain.Conflict, s.to, 10_000, 103)
			e.By = "other"
			s.rails[0].emit(s.t, e, tip(103))
		}, blocks(108)), []pos.Status{pos.Confirming, pos.Paid, pos.Disputed, pos.Reversed}},
		{"in dispute and accepted", append(slices.Clone(paid), event(chain.Retracted, 10_000, 101), act(pos.Deed{Kind: pos.ActAccept})), []pos.Status{pos.Confirming, pos.Paid, pos.Disputed, pos.Accepted}},
		{"given back", append(slices.Clone(paid), act(back), func(s stage) {
			e := s.rails[0].payment(chain.Included, "cust-1", 10_000, 103)
			e.Key.TxID = "back"
			s.rails[0].emit(s.t, e, tip(103))
		}, blocks(104)), []pos.Status{pos.Confirming, pos.Paid, pos.RefundDue, pos.Refunded}},
		{"given back by hand", append(slices.Clone(paid), act(back), act(pos.Deed{Kind: pos.ActRefundDone})), []pos.Status{pos.Confirming, pos.Paid, pos.RefundDue, pos.Refunded}},
		{"nobody gives back what is in dispute", append(slices.Clone(paid), event(chain.Retracted, 10_000, 101), refused(pos.ActRefundDue)), []pos.Status{pos.Confirming, pos.Paid, pos.Disputed}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openShop(t, nil, newRail(btc, "A"))
				defer s.stop()
				supervised(t, s)
				s.rails[0].emit(t, tip(100))
				v := s.ring(t, chain.Bitcoin)
				for _, step := range test.steps {
					step(stage{s, t, v.Sale.ID, v.Pay.Quote.To})
					synctest.Wait()
					time.Sleep(time.Second)
				}
				changes, err := s.store.Outbox(context.Background(), 0, 1000)
				if err != nil {
					t.Fatal(err)
				}
				var told []pos.Status
				for _, c := range changes[1:] {
					if c.Was != c.Outcome.Status {
						told = append(told, c.Outcome.Status)
					}
				}
				if !slices.Equal(told, test.want) {
					t.Errorf("it went from AWAITING to %v, want %v", told, test.want)
				}
				s.rebuilt(t, v.Sale.ID)
			})
		})
	}
}
