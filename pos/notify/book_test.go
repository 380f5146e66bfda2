package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cointill/till/pos"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="

func secret(t testing.TB) Secret {
	t.Helper()
	s, err := ParseSecret(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wall is the clock of a synctest bubble.
type wall struct{}

func (wall) Now() time.Time { return time.Now() }
func (wall) After(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// book keeps deliveries as a register does: they outlive a Sender.
type book struct {
	mu     sync.Mutex
	rows   []pos.Delivery // row i has Seq i+1
	out    chan struct{}
	broken bool // nothing can be stored
	looks  int
}

func newBook() *book { return &book{out: make(chan struct{}, 1)} }

func (b *book) wake() {
	select {
	case b.out <- struct{}{}:
	default:
	}
}

// add stores a change that is to be delivered.
func (b *book) add(sale, url string) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	seq := uint64(len(b.rows) + 1)
	b.rows = append(b.rows, pos.Delivery{Seq: seq, SaleID: sale, URL: url, State: pos.DeliveryWaiting, Next: time.Now()})
	b.wake()
	return seq
}

func (b *book) row(seq uint64) pos.Delivery {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rows[seq-1]
}

func (b *book) count(state pos.DeliveryState) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.rows {
		if d.State == state {
			n++
		}
	}
	return n
}

func (b *book) Outgoing() <-chan struct{} { return b.out }

func (b *book) Due(_ context.Context, limit int) (due []pos.Delivery, later time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks++
	now, seen := time.Now(), make(map[string]bool)
	for _, d := range b.rows {
		if d.State != pos.DeliveryWaiting || seen[d.SaleID] {
			continue
		}
		seen[d.SaleID] = true
		if !d.Next.After(now) {
			due = append(due, d)
		} else if later.IsZero() || d.Next.Before(later) {
			later = d.Next
		}
	}
	slices.SortStableFunc(due, func(a, b pos.Delivery) int { return cmp.Or(a.Next.Compare(b.Next), cmp.Compare(a.Seq, b.Seq)) })
	return due[:min(len(due), limit)], later, nil
}

var errDisk = errors.New("no space left on the disk")

func (b *book) Delivered(_ context.Context, d pos.Delivery) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return errDisk
	}
	b.rows[d.Seq-1] = d
	b.wake()
	return nil
}

func (b *book) breaks(yes bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = yes
}

// redeliver is what pos.Register.Redeliver does.
func (b *book) redeliver(seq uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := &b.rows[seq-1]
	d.State, d.Next, d.Tries = pos.DeliveryWaiting, time.Now(), 0
	b.wake()
}

// post is one post as a receiver got it.
type post struct {
	at       time.Time
	id, body string
	url      string
	taken    bool
}

// receivers are all receivers there are: they verify every post with the
// reference implementation, and answer as a test says.
type receivers struct {
	t      testing.TB
	hook   *webhooks.Webhook
	answer func(req *http.Request, n int) (*http.Response, error) // n counts posts from 0

	mu    sync.Mutex
	posts []post
	now   map[string]int // posts under way, by host
	all   int
	most  int // posts under way at a time
	mostH int // to one host
}

func newReceivers(t testing.TB, answer func(req *http.Request, n int) (*http.Response, error)) *receivers {
	hook, err := webhooks.NewWebhook(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	return &receivers{t: t, hook: hook, answer: answer, now: make(map[string]int)}
}

// answers makes an answer with a status and headers in pairs.
func answers(code int, headers ...string) (*http.Response, error) {
	res := &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("ok"))}
	for i := 0; i+1 < len(headers); i += 2 {
		res.Header.Set(headers[i], headers[i+1])
	}
	return res, nil
}

func (r *receivers) Do(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.t.Error(err)
	}
	if err := r.hook.Verify(body, req.Header); err != nil {
		r.t.Errorf("a receiver does not believe %q: %v", body, err)
	}
	if req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/json" {
		r.t.Errorf("%s of %q", req.Method, req.Header.Get("Content-Type"))
	}
	p := post{at: time.Now(), id: req.Header.Get("webhook-id"), body: string(body), url: req.URL.String()}
	r.mu.Lock()
	n := len(r.posts)
	r.posts = append(r.posts, p)
	r.all++
	r.now[req.URL.Host]++
	r.most, r.mostH = max(r.most, r.all), max(r.mostH, r.now[req.URL.Host])
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.all--
		r.now[req.URL.Host]--
		r.mu.Unlock()
	}()
	res, err := r.answer(req, n)
	if err == nil && res.StatusCode/100 == 2 {
		r.mu.Lock()
		r.posts[n].taken = true
		r.mu.Unlock()
	}
	return res, err
}

func (r *receivers) got() []post {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.posts)
}

// bodyOf is a body that names its change.
func bodyOf(_ context.Context, d pos.Delivery) ([]byte, error) {
	return fmt.Appendf(nil, `{"seq":%d,"id":%q}`, d.Seq, d.SaleID), nil
}

func config(t testing.TB, b Book, client Doer) Config {
	return Config{
		Book: b, Body: bodyOf, Secret: secret(t), Client: client, Clock: wall{},
		Jitter: func(time.Duration) time.Duration { return 0 },
	}
}

// sending runs a Sender and returns what ends it and waits for that.
func sending(t testing.TB, cfg Config) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		New(cfg).Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}
