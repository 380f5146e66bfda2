package ethereum

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Bounds of how long an endpoint is left alone that asks to be asked less. What
// it says counts (Retry-After, RFC 9110), up to the longest.
const (
	restAtLeast = 5 * time.Second
	restAtMost  = time.Hour
)

// limits remembers which endpoints asked to be asked less, and until when. The
// watcher and its voters share it. It is safe for concurrent use.
type limits struct {
	mu    sync.Mutex
	until map[string]time.Time // by endpoint's URL
	times map[string]int       // in a row without word of how long
}

func newLimits() *limits {
	return &limits{until: map[string]time.Time{}, times: map[string]int{}}
}

// hit notes that an endpoint wants rest; after is what it said, 0 = nothing.
func (l *limits) hit(url string, after time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if after <= 0 {
		after = restAtLeast << min(l.times[url], 6)
		l.times[url]++
	}
	if until := time.Now().Add(min(max(after, time.Second), restAtMost)); until.After(l.until[url]) {
		l.until[url] = until
	}
}

// wait is how long an endpoint has to be left alone still.
func (l *limits) wait(url string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.until[url])
}

// served notes that an endpoint answers again.
func (l *limits) served(url string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.times, url)
}

// retryAfter reads the header of that name: seconds or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return at.Sub(now)
	}
	return 0
}
