package notify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cointill/till/pos"
)

// TestReceiverDown: the receiver is down for three days, in every way in which
// one can be, and the till is closed, killed and opened again meanwhile. Every
// change arrives, in its sale's order, under one id.
func TestReceiverDown(t *testing.T) {
	for seed := range uint64(16) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { receiverDown(t, seed) }) })
	}
}

func receiverDown(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 3))
	up := time.Now().Add(72 * time.Hour)
	ways := random.Perm(5)
	world := newReceivers(t, func(req *http.Request, n int) (*http.Response, error) {
		if !time.Now().Before(up) {
			return answers(200)
		}
		switch ways[n%len(ways)] {
		case 0:
			return nil, syscall.ECONNREFUSED
		case 1:
			return answers(503, "Retry-After", "120")
		case 2:
			return answers(302, "Location", "http://169.254.169.254/")
		case 3:
			return answers(404)
		}
		<-req.Context().Done()
		return nil, req.Context().Err()
	})
	b := newBook()
	cfg := config(t, b, world)
	var mu sync.Mutex
	jitter := rand.New(rand.NewPCG(seed, 4))
	cfg.Jitter = func(most time.Duration) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(jitter.Int64N(int64(most)))
	}

	const sales = 12
	for range sales * 4 {
		b.add(fmt.Sprintf("sale%02d", random.IntN(sales)), "https://shop.example/hook")
	}
	for end := time.Now().Add(73 * time.Hour); time.Now().Before(end); {
		stop := sending(t, cfg)
		for range random.IntN(3) {
			time.Sleep(time.Duration(random.Int64N(int64(5 * time.Hour))))
			b.add(fmt.Sprintf("sale%02d", random.IntN(sales)), "https://shop.example/hook")
		}
		if random.IntN(2) == 0 { // killed: what was posted last is not known any more
			b.breaks(true)
			time.Sleep(time.Duration(random.Int64N(int64(time.Minute))))
		}
		stop()
		b.breaks(false)
		time.Sleep(time.Duration(random.Int64N(int64(2 * time.Hour))))
	}
	defer sending(t, cfg)()
	time.Sleep(60 * time.Hour) // the next try of whatever waits longest, and all behind it
	if waiting, failed := b.count(pos.DeliveryWaiting), b.count(pos.DeliveryFailed); waiting+failed > 0 {
		t.Errorf("%d wait and %d failed", waiting, failed)
	}
	idOf, bodyOf := make(map[string]string), make(map[string]string)
	last := make(map[string]uint64)
	taken := make(map[uint64]bool)
	for _, p := range world.got() {
		var seq uint64
		var sale string
		if _, err := fmt.Sscanf(p.body, `{"seq":%d,"id":%q}`, &seq, &sale); err != nil {
			t.Fatal(p.body, err)
		}
		if was, ok := bodyOf[p.id]; ok && was != p.body {
			t.Errorf("id %s stood for %s and %s", p.id, was, p.body)
		}
		if was, ok := idOf[p.body]; ok && was != p.id {
			t.Errorf("%s had the ids %s and %s", p.body, was, p.id)
		}
		bodyOf[p.id], idOf[p.body] = p.body, p.id
		if seq < last[sale] {
			t.Errorf("change %d of %s was posted after %d", seq, sale, last[sale])
		}
		last[sale] = seq
		taken[seq] = taken[seq] || p.taken
	}
	for seq := range uint64(len(b.rows)) {
		if !taken[seq+1] {
			t.Errorf("change %d never arrived", seq+1)
		}
	}
	if d := b.row(1); d.Code != 200 || d.Error != "" || !d.Next.IsZero() {
		t.Errorf("the first: %+v", d)
	}
}

// TestSchedule: ten tries at their times, then a failure; the sale's next change
// follows, and what failed goes out again by hand.
func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		world := newReceivers(t, func(*http.Request, int) (*http.Response, error) {
			if up.Load() {
				return answers(204)
			}
			return answers(500)
		})
		b := newBook()
		begin := time.Now()
		b.add("a", "https://shop.example/")
		b.add("a", "https://shop.example/")
		stop := sending(t, config(t, b, world))
		time.Sleep(76 * time.Hour)
		var times []time.Duration
		for _, p := range world.got() {
			if p.id == "a-1" {
				times = append(times, p.at.Sub(begin))
			}
		}
		minutes := func(m int) time.Duration { return time.Duration(m)*time.Minute + 5*time.Second }
		want := []time.Duration{0, minutes(0), minutes(5), minutes(35), minutes(155), minutes(455), minutes(1055), minutes(1895), minutes(3095), minutes(4535)}
		if fmt.Sprint(times) != fmt.Sprint(want) {
			t.Errorf("tried at\n%v, want\n%v", times, want)
		}
		if d := b.row(1); d.State != pos.DeliveryFailed || d.Tries != 10 || d.Code != 500 || d.Error != "the receiver answered 500 Internal Server Error" || !d.Next.IsZero() {
			t.Errorf("given up: %+v", d)
		}
		if d := b.row(2); d.State != pos.DeliveryWaiting || d.Tries == 0 {
			t.Errorf("the next: %+v", d)
		}
		up.Store(true)
		time.Sleep(24 * time.Hour)
		b.redeliver(1)
		time.Sleep(time.Minute)
		if d := b.row(1); d.State != pos.DeliveryDone || d.Tries != 1 || d.Code != 204 || d.Error != "" {
			t.Errorf("sent again: %+v", d)
		}
		stop()
	})
}

// TestAnswers: what a receiver answers, and when it is tried again.
func TestAnswers(t *testing.T) {
	stamp := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	date := func(d time.Duration) string { return stamp.Add(d).Format(http.TimeFormat) }
	for _, c := range []struct {
		name    string
		code    int
		headers []string
		state   pos.DeliveryState
		wait    time.Duration
		says    string
	}{
		{"taken", 200, nil, pos.DeliveryDone, 0, ""},
		{"taken later", 202, []string{"Retry-After", "60"}, pos.DeliveryDone, 0, ""},
		{"gone", 410, []string{"Retry-After", "60"}, pos.DeliveryFailed, 0, "410 Gone: it wants no more"},
		{"redirect", 307, []string{"Location", "https://169.254.169.254/"}, pos.DeliveryWaiting, 5 * time.Second, "307 Temporary Redirect: redirects are not followed"},
		{"switching", 101, nil, pos.DeliveryWaiting, 5 * time.Second, "101 Switching Protocols"},
		{"unheard of", 799, nil, pos.DeliveryWaiting, 5 * time.Second, "answered 799"},
		{"too many", 429, []string{"Retry-After", "3600"}, pos.DeliveryWaiting, time.Hour, "429 Too Many Requests"},
		{"too many, soon", 429, []string{"Retry-After", "1"}, pos.DeliveryWaiting, 5 * time.Second, "429"},
		{"down for long", 503, []string{"Retry-After", "99999999"}, pos.DeliveryWaiting, 24 * time.Hour, "503 Service Unavailable"},
		{"down until", 503, []string{"Retry-After", date(2 * time.Hour), "Date", date(0)}, pos.DeliveryWaiting, 2 * time.Hour, "503"},
		{"down since", 503, []string{"Retry-After", date(-2 * time.Hour), "Date", date(0)}, pos.DeliveryWaiting, 5 * time.Second, "503"},
		{"nonsense", 503, []string{"Retry-After", "-5"}, pos.DeliveryWaiting, 5 * time.Second, "503"},
		{"more nonsense", 503, []string{"Retry-After", "99999999999999999999"}, pos.DeliveryWaiting, 5 * time.Second, "503"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := newReceivers(t, func(*http.Request, int) (*http.Response, error) { return answers(c.code, c.headers...) })
				b := newBook()
				b.add("a", "https://shop.example/")
				stop := sending(t, config(t, b, world))
				synctest.Wait()
				stop()
				d := b.row(1)
				if d.State != c.state || d.Tries != 1 || d.Code != c.code || !strings.Contains(d.Error, c.says) || (d.Error == "") != (c.says == "") {
					t.Errorf("%+v", d)
				}
				if wait := d.Next.Sub(d.At); c.wait != 0 && wait != c.wait || c.wait == 0 && !d.Next.IsZero() {
					t.Errorf("tried again after %s, want %s", wait, c.wait)
				}
			})
		})
	}
}

// TestJitter: a tenth at most, and never earlier.
func TestJitter(t *testing.T) {
	s := New(Config{})
	for tries, wait := range waits {
		var least, most time.Duration = 1 << 62, 0
		for range 200 {
			d := s.after(pos.Delivery{Tries: tries}, answered{code: 500}, time.Unix(0, 0))
			least, most = min(least, d.Next.Sub(d.At)), max(most, d.Next.Sub(d.At))
		}
		if least < wait || most >= wait+wait/10 || least == most {
			t.Errorf("after %d tries between %s and %s", tries+1, least, most)
		}
	}
}

// TestSlowReceiver: hosts that never answer delay nobody but themselves, and no
// more than so many posts run at once.
func TestSlowReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newReceivers(t, func(req *http.Request, _ int) (*http.Response, error) {
			if strings.HasPrefix(req.URL.Host, "slow") {
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			time.Sleep(50 * time.Millisecond)
			return answers(200)
		})
		b := newBook()
		for i := range 3000 { // far more than one page
			b.add(fmt.Sprint("slow", i), fmt.Sprintf("https://slow%d.example/", i%8))
		}
		var good []uint64
		for i := range 20 {
			good = append(good, b.add(fmt.Sprint("good", i%10), "https://good.example/"))
		}
		stop := sending(t, config(t, b, world))
		time.Sleep(5 * time.Second)
		for _, seq := range good {
			if d := b.row(seq); d.State != pos.DeliveryDone {
				t.Errorf("%+v waits for others", d)
			}
		}
		late := b.add("late", "https://good.example/")
		time.Sleep(time.Second)
		if d := b.row(late); d.State != pos.DeliveryDone {
			t.Errorf("%+v waits for others", d)
		}
		for i := range 100 {
			b.add(fmt.Sprint("more", i), fmt.Sprintf("https://slow-too%d.example/", i))
		}
		time.Sleep(20 * time.Second)
		stop()
		if world.most != atOnce || world.mostH != perHost {
			t.Errorf("%d posts at once, %d to one host; want %d and %d", world.most, world.mostH, atOnce, perHost)
		}
		if b.row(1).Error != "no answer within 15 seconds" {
			t.Errorf("the first: %+v", b.row(1))
		}
	})
}

// TestIdle: with nothing to do the book is left alone.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		stop := sending(t, config(t, b, newReceivers(t, nil)))
		time.Sleep(time.Hour)
		stop()
		if b.looks > 62 {
			t.Errorf("%d looks in an hour", b.looks)
		}
	})
}

// TestEnd: what is due goes out before the end, for as long as it may; what is
// broken off was not tried.
func TestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newReceivers(t, func(req *http.Request, _ int) (*http.Response, error) {
			if req.URL.Host == "slow.example" {
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			time.Sleep(time.Second)
			return answers(200)
		})
		b := newBook()
		cfg := config(t, b, world)
		cfg.Linger = 5 * time.Second
		stop := sending(t, cfg)
		synctest.Wait()
		for range 3 {
			b.add("a", "https://good.example/")
		}
		begin := time.Now()
		stop()
		if took := time.Since(begin); b.count(pos.DeliveryDone) != 3 || took > 3200*time.Millisecond {
			t.Errorf("%d of 3 in %s", b.count(pos.DeliveryDone), took)
		}

		stop = sending(t, cfg)
		slow := b.add("b", "https://slow.example/")
		synctest.Wait()
		begin = time.Now()
		stop()
		if took := time.Since(begin); took != cfg.Linger || b.row(slow).Tries != 0 || b.row(slow).State != pos.DeliveryWaiting {
			t.Errorf("%s, %+v", took, b.row(slow))
		}
		if took := time.Since(begin); took > cfg.Linger {
			t.Errorf("the end took %s", took)
		}

		cfg.Linger = 0
		stop = sending(t, cfg)
		synctest.Wait()
		begin = time.Now()
		stop()
		if took := time.Since(begin); took != 0 {
			t.Errorf("the end took %s", took)
		}
	})
}

// TestStoreFails: what was posted and cannot be stored is stored later, and the
// sale's next change waits for that.
func TestStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newReceivers(t, func(*http.Request, int) (*http.Response, error) { return answers(200) })
		b := newBook()
		b.breaks(true)
		b.add("a", "https://good.example/")
		b.add("a", "https://good.example/")
		defer sending(t, config(t, b, world))()
		time.Sleep(time.Minute)
		if n := len(world.got()); n != 1 {
			t.Errorf("%d posts", n)
		}
		b.breaks(false)
		time.Sleep(5 * time.Second)
		if n := len(world.got()); n != 2 || b.count(pos.DeliveryDone) != 2 {
			t.Errorf("%d posts, %+v", n, b.rows)
		}
	})
}

// TestBodyFails: a change that cannot be read fails like any other, also where
// reading it panics.
func TestBodyFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		b.add("a", "https://good.example/")
		b.add("b", "https://good.example/")
		cfg := config(t, b, newReceivers(t, nil))
		cfg.Body = func(_ context.Context, d pos.Delivery) ([]byte, error) {
			if d.SaleID == "b" {
				panic("at the disco")
			}
			return nil, errors.New("row 7 is\x1b[2J damaged")
		}
		stop := sending(t, cfg)
		synctest.Wait()
		stop()
		if d := b.row(1); d.Error != "the change cannot be read: row 7 is[2J damaged" || d.Tries != 1 || d.Next.Sub(d.At) != 5*time.Second {
			t.Errorf("%+v", d)
		}
		if d := b.row(2); d.Error != errFault.Error() || d.Tries != 1 {
			t.Errorf("%+v", d)
		}
	})
}

// BenchmarkBacklog delivers what has piled up for one receiver.
func BenchmarkBacklog(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				world := newReceivers(b, func(*http.Request, int) (*http.Response, error) { return answers(200) })
				books := newBook()
				for i := range n {
					books.add(fmt.Sprint(i), "https://good.example/")
				}
				stop := sending(b, config(b, books, world))
				for books.count(pos.DeliveryDone) < n {
					time.Sleep(time.Millisecond)
				}
				stop()
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}
