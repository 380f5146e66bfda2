package notify

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/cointill/till/pos"
)

// Book is what a Sender needs of the register: *pos.Register.
type Book interface {
	// Due returns deliveries that are to be tried now, of each sale at most the
	// first that waits, and when the next one is.
	Due(ctx context.Context, limit int) (due []pos.Delivery, later time.Time, err error)
	// Outgoing gets a value after something was stored that may be due.
	Outgoing() <-chan struct{}
	// Delivered stores what became of a delivery.
	Delivered(ctx context.Context, d pos.Delivery) error
}

// Doer is what posts: *http.Client.
type Doer interface {
	Do(req *http.Request) (*http.Response, error)
}

// Config is what a Sender needs from outside.
type Config struct {
	Book Book
	// Body makes the JSON of a delivery's change. An error counts as a failed
	// try.
	Body   func(ctx context.Context, d pos.Delivery) ([]byte, error)
	Secret Secret
	Client Doer // Guard.Client's outside tests
	Clock  pos.Clock
	// Jitter returns a random part of most, to several goroutines at a time; nil =
	// math/rand/v2's.
	Jitter func(most time.Duration) time.Duration
	Log    *slog.Logger // nil = none
	// Linger is how long Run goes on with what is due after its context ended.
	Linger time.Duration
}

const (
	// atOnce and perHost bound the posts that run at a time.
	atOnce, perHost = 64, 4
	// firstPage is how many deliveries are asked for; more, where that many wait
	// for hosts that are busy.
	firstPage = 256
	// pacePer is how long the book is left alone for each delivery that is known
	// to be due: reading a long list again costs in proportion to it.
	pacePer = 100 * time.Microsecond
	// longest is how long a Sender sleeps at most: a wall clock that was set, or a
	// machine that slept, moves times without any timer noticing.
	longest = time.Minute
	// bookRetry is the pause after a book that failed, storeFor the time that it
	// has to store one delivery.
	bookRetry = time.Second
	storeFor  = 10 * time.Second
)

// Sender posts what is due.
type Sender struct {
	cfg Config
}

// New makes a Sender. Nothing is posted before Run.
func New(cfg Config) *Sender {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Jitter == nil {
		cfg.Jitter = func(most time.Duration) time.Duration {
			return rand.N(max(most, 1)) //nolint:gosec // spreads retries, hides nothing
		}
	}
	return &Sender{cfg}
}

// Run posts until ctx ends, and then, for at most Config.Linger, what is due
// without waiting. When it returns, nothing of it runs any more; a try that was
// broken off counts as none. It is called once.
func (s *Sender) Run(ctx context.Context) {
	posts, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &round{
		Sender: s, want: true, limit: firstPage,
		queues: make(map[string][]pos.Delivery), sales: make(map[string]bool), hosts: make(map[string]int), ended: make(chan pos.Delivery, atOnce),
	}
	r.work(ctx, posts, nil)
	if s.cfg.Linger > 0 {
		over, stop := s.cfg.Clock.After(s.cfg.Linger)
		r.work(posts, posts, over)
		stop()
	}
	cancel()
	r.posts.Wait()
	if c, ok := s.cfg.Client.(*http.Client); ok {
		c.CloseIdleConnections()
	}
}

// round is a Sender at work. One goroutine owns it; posts run on their own.
type round struct {
	*Sender
	want   bool      // the book is to be asked
	pace   time.Time // not before this
	later  time.Time // when something becomes due, zero = nothing known
	limit  int
	queues map[string][]pos.Delivery // by host: due, in order of Next, not under way
	sales  map[string]bool           // that have a post under way
	hosts  map[string]int            // posts under way
	flying int

	posts sync.WaitGroup
	ended chan pos.Delivery // posts that have ended
}

// work goes on until ctx ends, or, where over is given, until that gets a value
// or nothing is left to do.
func (r *round) work(ctx, posts context.Context, over <-chan time.Time) {
	r.want = true
	for ctx.Err() == nil {
		now := r.cfg.Clock.Now()
		if r.want && !now.Before(r.pace) {
			r.look(ctx, now)
		}
		r.start(posts)
		if over != nil && !r.want && r.flying == 0 && len(r.queues) == 0 {
			return
		}
		wait := longest
		switch {
		case r.want:
			wait = min(wait, r.pace.Sub(now))
		case !r.later.IsZero():
			wait = min(wait, r.later.Sub(now))
		}
		timer, stop := r.cfg.Clock.After(max(wait, time.Millisecond))
		select {
		case <-ctx.Done():
		case <-over:
			stop()
			return
		case <-timer:
			r.want = true
		case <-r.cfg.Book.Outgoing():
			r.want = true
		case d := <-r.ended:
			r.land(d)
		}
		stop()
	}
}

// look asks the book what is due. What was known before is known better now: it
// may have been sent again by hand.
func (r *round) look(ctx context.Context, now time.Time) {
	due, later, err := r.cfg.Book.Due(ctx, r.limit)
	if err != nil {
		if ctx.Err() == nil {
			r.cfg.Log.Error("what is to be delivered cannot be read; trying again", "err", err)
		}
		r.pace = now.Add(bookRetry)
		return
	}
	r.want, r.later = false, later
	clear(r.queues)
	for _, d := range due {
		if !r.sales[d.SaleID] {
			host := hostOf(d)
			r.queues[host] = append(r.queues[host], d)
		}
	}
	r.pace = now.Add(time.Duration(len(due)) * pacePer)
	switch {
	case len(due) >= r.limit:
		// There may be more behind these, for hosts that have nothing to do.
		r.limit *= 2
		r.want = true
	case r.limit > firstPage && len(due) < r.limit/4:
		r.limit /= 2
	}
}

// start posts what can be posted now.
func (r *round) start(ctx context.Context) {
	for host, queue := range r.queues {
		for len(queue) > 0 && r.hosts[host] < perHost && r.flying < atOnce {
			d := queue[0]
			queue = queue[1:]
			r.sales[d.SaleID] = true
			r.hosts[host]++
			r.flying++
			r.posts.Go(func() {
				r.deliver(ctx, d)
				r.ended <- d // has room for all
			})
		}
		if r.queues[host] = queue; len(queue) == 0 {
			delete(r.queues, host)
		}
	}
}

// land notes that a post has ended.
func (r *round) land(d pos.Delivery) {
	delete(r.sales, d.SaleID)
	if host := hostOf(d); r.hosts[host] > 1 {
		r.hosts[host]--
	} else {
		delete(r.hosts, host)
	}
	r.flying--
	r.want = true // the sale's next change may be due
}

// hostOf is whose slowness a delivery suffers from.
func hostOf(d pos.Delivery) string {
	u, err := url.Parse(d.URL)
	if err != nil {
		return ""
	}
	return hostName(u.Hostname())
}

// deliver tries a delivery and stores what became of it.
func (s *Sender) deliver(ctx context.Context, d pos.Delivery) {
	a := s.try(ctx, d)
	if a.err != nil && ctx.Err() != nil {
		return // broken off, not failed
	}
	d = s.after(d, a, s.cfg.Clock.Now().Round(0))
	if d.State == pos.DeliveryFailed {
		s.cfg.Log.Warn("a callback is given up", "seq", d.Seq, "sale", d.SaleID, "url", d.URL, "tries", d.Tries, "err", d.Error)
	}
	for {
		err := s.keep(ctx, d)
		if err == nil {
			return
		}
		// It was posted: until that is known, the sale's next change waits.
		s.cfg.Log.Error("what became of a callback cannot be stored; trying again", "seq", d.Seq, "err", err)
		again, stop := s.cfg.Clock.After(bookRetry)
		select {
		case <-ctx.Done():
			stop()
			return
		case <-again:
		}
	}
}

// keep stores a delivery, also where everything ends meanwhile.
func (s *Sender) keep(ctx context.Context, d pos.Delivery) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeFor)
	defer cancel()
	return s.cfg.Book.Delivered(ctx, d)
}
