package chaintest

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/cointill/till/chain"
)

// check holds one batch against the delivery rules, before it is stored.
func (l *Ledger) check(events []chain.Event, cursor chain.Cursor) error {
	return errors.Join(
		l.checkAgain(events),
		l.checkRevs(events, cursor),
		checkRing(cursor.Ring),
		l.checkMove(events, cursor),
		l.checkEvents(events),
		checkOrder(events),
		l.checkBlocks(events, cursor),
	)
}

// checkAgain: an error of the sink means that the same batch comes again. More
// may have been joined to its end meanwhile.
func (l *Ledger) checkAgain(events []chain.Event) error {
	if l.again == nil {
		return nil
	}
	if len(events) < len(l.again) {
		return fmt.Errorf("a batch of %d was refused, and %d came again", len(l.again), len(events))
	}
	for i, e := range l.again {
		if !reflect.DeepEqual(e, events[i]) {
			return fmt.Errorf("event %d of a refused batch came back different:\n%+v\n%+v", i, e, events[i])
		}
	}
	return nil
}

// checkRevs: Rev grows with every event over all restarts, and the cursor
// carries the highest one on.
func (l *Ledger) checkRevs(events []chain.Event, cursor chain.Cursor) error {
	if len(events) == 0 {
		return errors.New("a batch without events")
	}
	last := l.cursor.Seq
	for _, e := range events {
		if e.Rev <= last {
			return fmt.Errorf("Rev %d (%s) after %d: it must grow", e.Rev, e.Kind, last)
		}
		last = e.Rev
	}
	if cursor.Seq != last {
		return fmt.Errorf("the cursor's Seq is %d, the highest Rev is %d", cursor.Seq, last)
	}
	return nil
}

// checkRing: oldest first, without holes, at most RingSize.
func checkRing(ring []chain.BlockRef) error {
	if len(ring) > chain.RingSize {
		return fmt.Errorf("a ring of %d blocks, at most %d are allowed", len(ring), chain.RingSize)
	}
	for i, b := range ring {
		if b.Hash == "" || b.Time.IsZero() {
			return fmt.Errorf("block %d in the ring lacks its hash or time", b.Height)
		}
		if i > 0 && b.Height != ring[i-1].Height+1 {
			return fmt.Errorf("the ring jumps from %d to %d", ring[i-1].Height, b.Height)
		}
	}
	return nil
}

// checkMove: a cursor that moves brings a Tip for its new head; one that stays
// keeps its ring.
func (l *Ledger) checkMove(events []chain.Event, cursor chain.Cursor) error {
	var tip *chain.TipState
	for i := range events {
		if events[i].Kind == chain.Tip {
			tip = &events[i].Tip
		}
	}
	if tip != nil {
		if tip.Block.Height != cursor.Head().Height || tip.Block.Hash != cursor.Head().Hash {
			return fmt.Errorf("the last Tip is %d %.16s, the cursor's head is %d %.16s", tip.Block.Height, tip.Block.Hash, cursor.Head().Height, cursor.Head().Hash)
		}
		if tip.Agreed > tip.Block.Height || tip.Safe > tip.Block.Height || tip.Final > tip.Block.Height {
			return fmt.Errorf("a Tip at %d says agreed %d, safe %d, final %d", tip.Block.Height, tip.Agreed, tip.Safe, tip.Final)
		}
		return nil
	}
	if cursor.Head().Hash != l.cursor.Head().Hash && len(cursor.Ring) > 0 {
		// Going back to a fork may come without a Tip, going forward not.
		for _, b := range l.cursor.Ring {
			if b.Hash == cursor.Head().Hash {
				return nil
			}
		}
		return fmt.Errorf("the cursor moved from %d to %d without a Tip", l.cursor.Head().Height, cursor.Head().Height)
	}
	return nil
}

// checkEvents: every event has what its kind promises.
func (l *Ledger) checkEvents(events []chain.Event) error {
	for _, e := range events {
		if e.At.IsZero() {
			return fmt.Errorf("%s without a time", e.Kind)
		}
		switch e.Kind {
		case chain.Tip:
			if e.Tip.Block.IsZero() {
				return errors.New("a Tip without its block")
			}
			continue
		case chain.HealthChanged:
			continue
		case chain.Seen, chain.Evidence, chain.Conflict, chain.Included, chain.Retracted, chain.Failed, chain.Gone:
		default:
			return fmt.Errorf("an event of unknown kind %d", e.Kind)
		}
		if e.Key.Network != l.network || e.Key.TxID == "" {
			return fmt.Errorf("%s with the key %q", e.Kind, e.Key)
		}
		if e.Target == "" || e.Asset == "" || e.Amount.IsZero() && e.Kind != chain.Failed {
			return fmt.Errorf("%s of %s lacks its target, asset or amount: %q %q %s", e.Kind, e.Key, e.Target, e.Asset, e.Amount)
		}
		mined := e.Kind == chain.Included || e.Kind == chain.Retracted || e.Kind == chain.Failed
		if mined && (e.Block.IsZero() || e.Block.Time.IsZero()) {
			return fmt.Errorf("%s of %s lacks its block's hash or time", e.Kind, e.Key)
		}
	}
	return nil
}

// checkOrder: Retracted from high to low, all before the first Included, which
// come from low to high.
func checkOrder(events []chain.Event) error {
	var retracted, included *chain.BlockRef
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case chain.Retracted:
			if included != nil {
				return fmt.Errorf("Retracted from %d after Included in %d in one batch", e.Block.Height, included.Height)
			}
			if retracted != nil && e.Block.Height > retracted.Height {
				return fmt.Errorf("Retracted from %d after one from %d: high to low", e.Block.Height, retracted.Height)
			}
			retracted = &e.Block
		case chain.Included, chain.Failed:
			if included != nil && e.Block.Height < included.Height {
				return fmt.Errorf("Included in %d after one in %d: in height order", e.Block.Height, included.Height)
			}
			included = &e.Block
		}
	}
	return nil
}

// checkBlocks: after the batch every payment that counts as mined is in a block
// that the cursor covers, so nothing from a lost branch was forgotten; what is
// retracted has left the ring.
func (l *Ledger) checkBlocks(events []chain.Event, cursor chain.Cursor) error {
	after := make(map[chain.PaymentKey]*Payment, len(l.payments))
	for k, p := range l.payments {
		copied := *p
		after[k] = &copied
	}
	for _, e := range events {
		if e.Kind == chain.Tip || e.Kind == chain.HealthChanged {
			continue
		}
		place(after, e)
		if e.Kind == chain.Retracted {
			for _, b := range cursor.Ring {
				if b.Hash == e.Block.Hash {
					return fmt.Errorf("Retracted from block %d, which is still in the ring", b.Height)
				}
			}
		}
	}
	head := cursor.Head()
	for k, p := range after {
		if p.Kind() != chain.Included && p.Kind() != chain.Failed {
			continue
		}
		at := p.Event.Block
		if at.Height > head.Height {
			return fmt.Errorf("%s is in block %d, the cursor covers up to %d", k, at.Height, head.Height)
		}
		for _, b := range cursor.Ring {
			if b.Height == at.Height && b.Hash != at.Hash {
				return fmt.Errorf("%s counts as mined in %d %.16s, which left the chain (now %.16s) without a Retracted", k, at.Height, at.Hash, b.Hash)
			}
		}
	}
	return nil
}
