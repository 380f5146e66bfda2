package notify

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
)

// shelf is a Book on a real store, as *pos.Register is one.
type shelf struct {
	pos.Store
	out chan struct{}
}

func (s shelf) Outgoing() <-chan struct{} { return s.out }

func (s shelf) Due(ctx context.Context, limit int) ([]pos.Delivery, time.Time, error) {
	return s.Store.Due(ctx, time.Now().Round(0), limit)
}

func (s shelf) Delivered(ctx context.Context, d pos.Delivery) error {
	err := s.Write(ctx, func(tx pos.Tx) error { return tx.PutDelivery(d) })
	select {
	case s.out <- struct{}{}:
	default:
	}
	return err
}

// TestOnStore: what the stores say is due comes out in order, through a receiver
// that is down for a day and tills that are closed and opened again.
func TestOnStore(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) (pos.Store, error){
		"memory": func(*testing.T) (pos.Store, error) { return store.NewMemory(), nil },
		"sqlite": func(t *testing.T) (pos.Store, error) {
			return store.Open(t.Context(), filepath.Join(t.TempDir(), "data"), store.Options{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				books, err := open(t)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = books.Close() }()
				up := time.Now().Add(24 * time.Hour)
				world := newReceivers(t, func(*http.Request, int) (*http.Response, error) {
					if time.Now().Before(up) {
						return answers(503)
					}
					return answers(200)
				})
				s := shelf{books, make(chan struct{}, 1)}
				const sales, changes = 40, 10 // more than a page in all
				err = books.Write(t.Context(), func(tx pos.Tx) error {
					for i := range sales * changes {
						d := pos.Delivery{
							SaleID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i%sales), URL: "https://shop.example/",
							State: pos.DeliveryWaiting, Next: time.Now(),
						}
						seq, err := tx.AppendOutbox(pos.Change{At: d.Next, SaleID: d.SaleID, Number: uint64(i%sales + 1)})
						if err != nil {
							return err
						}
						d.Seq = seq
						if err := tx.PutDelivery(d); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				for range 6 {
					stop := sending(t, config(t, s, world))
					time.Sleep(8 * time.Hour)
					stop()
				}
				for _, state := range []pos.DeliveryState{pos.DeliveryWaiting, pos.DeliveryFailed} {
					if left, err := books.Deliveries(t.Context(), pos.DeliveryQuery{State: state}); err != nil || len(left) > 0 {
						t.Errorf("%s: %d, %v", state, len(left), err)
					}
				}
				last, taken := make(map[string]int), 0
				for _, p := range world.got() {
					var seq int
					var sale string
					if _, err := fmt.Sscanf(p.body, `{"seq":%d,"id":%q}`, &seq, &sale); err != nil {
						t.Fatal(p.body, err)
					}
					if seq < last[sale] {
						t.Errorf("change %d of %s was posted after %d", seq, sale, last[sale])
					}
					last[sale] = seq
					if p.taken {
						taken++
					}
				}
				if taken != sales*changes {
					t.Errorf("%d of %d were taken", taken, sales*changes)
				}
			})
		})
	}
}
