package ethereum

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "0": 0, "-3": 0, "soon": 0, "99999999999": 0,
		"Wed, 25 Nov 2026 12:01:30 GMT": 90 * time.Second,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
}

// An endpoint that says nothing is left alone longer and longer, one that says
// how long exactly that long, and no endpoint for ever.
func TestLimits(t *testing.T) {
	l := newLimits()
	near := func(url string, want time.Duration) {
		t.Helper()
		if got := l.wait(url); got > want || got < want-5*time.Second {
			t.Errorf("%s rests for %v, want %v", url, got, want)
		}
	}
	for range 3 {
		l.hit("silent", 0)
	}
	near("silent", 20*time.Second)
	l.hit("spoken", 90*time.Second)
	near("spoken", 90*time.Second)
	l.hit("spoken", time.Second) // does not shorten it
	near("spoken", 90*time.Second)
	l.hit("greedy", 1000*time.Hour)
	near("greedy", restAtMost)
	if l.wait("innocent") > 0 {
		t.Error("one that never asked for it rests")
	}
	w := &Watcher{limits: l, ends: []endpoint{{url: "greedy"}, {url: "innocent"}, {url: "spoken"}}}
	if at := w.willing(3); at != 4 {
		t.Errorf("turn %d is next, want 4", at)
	}
	w.ends[1].url = "silent"
	if at := w.willing(3); at != 4 {
		t.Errorf("with all at rest turn %d is next, want 4", at)
	}
}
