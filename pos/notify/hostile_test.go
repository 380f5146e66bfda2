package notify

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cointill/till/pos"
)

var discarded = log.New(io.Discard, "", 0)

// pipes connects to receivers in this process: a receiver is a function on a
// connection.
func pipes(receiver func(conn net.Conn)) Doer {
	dial := func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			receiver(theirs)
		}()
		return ours, nil
	}
	return newClient(dial, dial)
}

// request reads a whole request.
func request(conn net.Conn) {
	if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
		_, _ = io.Copy(io.Discard, req.Body)
	}
}

// endlessly writes again and again until nobody reads any more.
func endlessly(conn net.Conn, text string, pause time.Duration) (written int) {
	for {
		n, err := io.WriteString(conn, text)
		written += n
		if err != nil {
			return written
		}
		if pause > 0 {
			time.Sleep(pause)
		}
	}
}

// TestHostile: whatever a receiver does, a try ends in time, little is read, and
// nothing is left behind (the bubble would not end).
func TestHostile(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\n"
	for _, c := range []struct {
		name     string
		receiver func(conn net.Conn) (written int)
		code     int
		says     string // "" = it is taken
		most     int    // bytes that are read
	}{
		{"reads nothing", func(net.Conn) int { time.Sleep(time.Hour); return 0 }, 0, "no answer within 15 seconds", 0},
		{"says nothing", func(conn net.Conn) int { request(conn); time.Sleep(time.Hour); return 0 }, 0, "no answer within 15 seconds", 0},
		{"hangs up", func(conn net.Conn) int { request(conn); return 0 }, 0, "broke off", 0},
		{"hangs up at once", func(net.Conn) int { return 0 }, 0, "broke off", 0},
		{"a letter a second", func(conn net.Conn) int { request(conn); return endlessly(conn, "H", time.Second) }, 0, "", 20},
		{"a header a second", func(conn net.Conn) int {
			request(conn)
			_, _ = io.WriteString(conn, head)
			return endlessly(conn, "A: b\r\n", time.Second)
		}, 0, "no answer within 15 seconds", 200},
		{"huge headers", func(conn net.Conn) int {
			request(conn)
			_, _ = io.WriteString(conn, head)
			return endlessly(conn, "A: "+strings.Repeat("b", 4000)+"\r\n", 0)
		}, 0, "not HTTP", 64 << 10},
		{"one huge header", func(conn net.Conn) int {
			request(conn)
			_, _ = io.WriteString(conn, head+"A: ")
			return endlessly(conn, strings.Repeat("b", 4000), 0)
		}, 0, "not HTTP", 64 << 10},
		{"continues for ever", func(conn net.Conn) int {
			request(conn)
			return endlessly(conn, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 0)
		}, 0, "", 128 << 10},
		{"endless body", func(conn net.Conn) int {
			request(conn)
			_, _ = io.WriteString(conn, head+"\r\n")
			return endlessly(conn, strings.Repeat("x", 4096), 0)
		}, 200, "", 96 << 10},
		{"endless chunks", func(conn net.Conn) int {
			request(conn)
			_, _ = io.WriteString(conn, head+"Transfer-Encoding: chunked\r\n\r\n")
			return endlessly(conn, "1;"+strings.Repeat("x", 2000)+"\r\nx\r\n", 0)
		}, 200, "", 256 << 10},
		{"slow body", func(conn net.Conn) int {
			request(conn)
			_, _ = io.WriteString(conn, head+"Content-Length: 1000000\r\n\r\n")
			return endlessly(conn, "x", time.Second)
		}, 200, "", 20},
		{"short body", func(conn net.Conn) int {
			request(conn)
			_, _ = io.WriteString(conn, head+"Content-Length: 1000000\r\n\r\nx")
			return 0
		}, 200, "", 0},
		{"zipped body", func(conn net.Conn) int {
			request(conn)
			_, _ = io.WriteString(conn, head+"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")
			return 0
		}, 200, "", 0},
		{"not HTTP", func(conn net.Conn) int { _, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.9\r\n"); return 0 }, 0, "not HTTP", 0},
		{"words of its own", func(conn net.Conn) int {
			request(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 500 \x1b[2Jboom\r\nContent-Length: 0\r\n\r\n")
			return 0
		}, 500, "the receiver answered 500 Internal Server Error", 0},
		{"nonsense as the place to go on", func(conn net.Conn) int {
			request(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 307 Go\r\nLocation: ::::\r\nContent-Length: 0\r\n\r\n")
			return 0
		}, 0, "not HTTP", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wrote := make(chan int, 1)
				client := pipes(func(conn net.Conn) {
					n := c.receiver(conn)
					select {
					case wrote <- n:
					default:
					}
				})
				b := newBook()
				b.add("a", "https://shop.example/hook")
				// TLS would only hide what is tested.
				b.rows[0].URL = "http://shop.example/hook"
				begin := time.Now()
				stop := sending(t, config(t, b, client))
				for b.row(1).Tries == 0 {
					time.Sleep(100 * time.Millisecond)
				}
				d, took := b.row(1), time.Since(begin)
				if took > tryFor+time.Second {
					t.Errorf("it took %s", took)
				}
				stop()
				time.Sleep(2 * time.Hour) // whoever sleeps wakes up and finds nobody
				if d.Code != c.code || !strings.Contains(d.Error, c.says) || (d.Error == "") != (d.State == pos.DeliveryDone) || (c.code == 200) != (d.State == pos.DeliveryDone) {
					t.Errorf("%+v", d)
				}
				if n := <-wrote; n > c.most {
					t.Errorf("%d bytes were read", n)
				}
			})
		})
	}
}

// TestSpeaksFirst: a receiver that answers before it was asked may be believed or
// not, but does no harm.
func TestSpeaksFirst(t *testing.T) {
	log.SetOutput(io.Discard) // where net/http tells of it
	defer log.SetOutput(os.Stderr)
	synctest.Test(t, func(t *testing.T) {
		client := pipes(func(conn net.Conn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			request(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		})
		b := newBook()
		b.add("a", "http://shop.example/hook")
		stop := sending(t, config(t, b, client))
		time.Sleep(time.Second)
		stop()
		if d := b.row(1); d.Tries != 1 || (d.State == pos.DeliveryDone) != (d.Code == 200) {
			t.Errorf("%+v", d)
		}
	})
}

// TestConnectionServesAgain: one connection takes one post after another, and
// none is left when the Sender has ended.
func TestConnectionServesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dialled := 0
		client := pipes(func(conn net.Conn) {
			dialled++
			in := bufio.NewReader(conn)
			for {
				req, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			}
		})
		b := newBook()
		for range 50 {
			b.add("a", "http://shop.example/hook")
		}
		stop := sending(t, config(t, b, client))
		time.Sleep(5 * time.Second)
		stop()
		if b.count(pos.DeliveryDone) != 50 || dialled != 1 {
			t.Errorf("%d taken over %d connections", b.count(pos.DeliveryDone), dialled)
		}
	})
}
