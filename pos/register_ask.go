package pos

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cointill/till/chain"
)

// lookFor is how long a rail is asked about one thing.
const lookFor = 30 * time.Second

// History returns all that was journaled of a sale, oldest first.
func (r *Register) History(ctx context.Context, saleID string) ([]Entry, error) {
	return r.cfg.Store.History(ctx, saleID)
}

// Lookup asks the rails what they know of a transaction or an address, in the
// order of the rails; those whose form the text has not are left out. What is
// known of sales is asked of Views.
func (r *Register) Lookup(ctx context.Context, text string) []Sighting {
	text = strings.TrimSpace(text)
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	answers := make([]*Sighting, len(r.cfg.Rails))
	var asked sync.WaitGroup
	for i, rail := range r.cfg.Rails {
		ref, ok := refFor(rail, text)
		if !ok {
			continue
		}
		asked.Go(func() {
			s := &Sighting{Rail: rail.ID(), Asset: rail.Assets()[0]}
			if s.Err = r.contain(func() (err error) {
				s.Found, err = rail.Watcher().Lookup(ctx, ref)
				return err
			}); s.Err != nil && ctx.Err() != nil {
				s.Err = fmt.Errorf("%w: no answer in time", chain.ErrCannot)
			}
			answers[i] = s
		})
	}
	asked.Wait()
	var list []Sighting
	for _, s := range answers {
		if s != nil {
			list = append(list, *s)
		}
	}
	return list
}

// refFor is what a text asks of a rail. Transactions are written with 0x where
// addresses are, and without where they are not.
func refFor(rail chain.Rail, text string) (chain.Ref, bool) {
	bare := strings.TrimPrefix(strings.ToLower(text), "0x")
	if len(bare) == 64 && strings.Trim(bare, "0123456789abcdef") == "" {
		if first, err := rail.Destination(0); err == nil && strings.HasPrefix(string(first), "0x") {
			bare = "0x" + bare
		}
		return chain.Ref{TxID: chain.TxID(bare)}, true
	}
	to, err := rail.Read(text)
	return chain.Ref{Destination: to}, err == nil
}

// wakeSender says that there may be something to deliver.
func (r *Register) wakeSender() {
	select {
	case r.sender <- struct{}{}:
	default:
	}
}

// Outgoing gets a value after something was stored that may have to be
// delivered. One reader.
func (r *Register) Outgoing() <-chan struct{} { return r.sender }

// Due returns deliveries that are to be tried now, and when the next one is.
func (r *Register) Due(ctx context.Context, limit int) (due []Delivery, later time.Time, err error) {
	return r.cfg.Store.Due(ctx, r.now(), limit)
}

// Delivered stores what became of a delivery.
func (r *Register) Delivered(ctx context.Context, d Delivery) error {
	if err := r.cfg.Store.Write(ctx, func(tx Tx) error { return tx.PutDelivery(d) }); err != nil {
		return fmt.Errorf("what became of delivery %d cannot be stored: %w", d.Seq, err)
	}
	r.wakeSender()
	return nil
}

// Redeliver sends a delivery again, whatever became of it.
func (r *Register) Redeliver(ctx context.Context, seq uint64) error {
	list, err := r.cfg.Store.Deliveries(ctx, DeliveryQuery{After: seq - 1, Limit: 1})
	if err != nil {
		return err
	}
	if seq == 0 || len(list) == 0 || list[0].Seq != seq {
		return fmt.Errorf("%w: change %d is not to be delivered to anybody", ErrNotNow, seq)
	}
	d := list[0]
	d.State, d.Next, d.Tries = DeliveryWaiting, r.now(), 0
	return r.Delivered(ctx, d)
}
