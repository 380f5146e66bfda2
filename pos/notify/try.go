package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"github.com/cointill/till/pos"
)

const (
	tryFor     = 15 * time.Second
	mostAnswer = 64 << 10 // bytes that are read of an answer's body
	mostWords  = 200      // characters of what is said of a failure
)

// waits are how long after a failed try the next one comes; beyond the last
// there is none (Standard Webhooks, "deliverability and reliability").
var waits = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute,
	2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// mostPutOff bounds how long a receiver can send us away.
const mostPutOff = 24 * time.Hour

// answered is how a try ended.
type answered struct {
	code  int           // 0 = there was no answer
	after time.Duration // Retry-After
	err   error         // why there was no answer
}

// ID is the webhook-id of a change: the same in all tries, and, because a sale's
// id is random, of no other change anywhere.
func ID(d pos.Delivery) string { return d.SaleID + "-" + strconv.FormatUint(d.Seq, 10) }

// try posts a change once.
func (s *Sender) try(ctx context.Context, d pos.Delivery) (a answered) {
	defer func() {
		if p := recover(); p != nil {
			s.cfg.Log.Error("a fault of till itself in a callback; it goes on", "fault", p, "stack", string(debug.Stack()))
			a = answered{err: errFault}
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	body, err := s.cfg.Body(ctx, d)
	if err != nil {
		return answered{err: fmt.Errorf("%w: %w", errBody, err)}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(body))
	if err != nil {
		return answered{err: errURL}
	}
	id, now := ID(d), s.cfg.Clock.Now()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "till")
	req.Header.Set(headerID, id)
	req.Header.Set(headerTimestamp, strconv.FormatInt(now.Unix(), 10))
	req.Header.Set(headerSignature, s.cfg.Secret.sign(id, now, body))
	res, err := s.cfg.Client.Do(req)
	if err != nil {
		return answered{err: err}
	}
	defer res.Body.Close()
	// The status has said it all. The rest is read so that the connection can
	// serve again, as far as it is short and comes in time.
	_, _ = io.CopyN(io.Discard, res.Body, mostAnswer)
	return answered{code: res.StatusCode, after: retryAfter(res.Header)}
}

var (
	errFault = errors.New("a fault of till itself; the log has more")
	errURL   = errors.New("the callback is no URL")
	errBody  = errors.New("the change cannot be read")
)

// retryAfter reads the header's two forms, seconds and a date (RFC 9110 10.2.3).
// A date counts from the answer's own Date, so that our clock does not matter.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	var d time.Duration
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		if sent, err := http.ParseTime(h.Get("Date")); err == nil {
			d = at.Sub(sent)
		}
	}
	return min(max(d, 0), mostPutOff)
}

// after is a delivery after a try that ended at now.
func (s *Sender) after(d pos.Delivery, a answered, now time.Time) pos.Delivery {
	d.Tries++
	d.At, d.Next, d.Code, d.Error = now, time.Time{}, a.code, ""
	if a.err == nil && a.code >= 200 && a.code < 300 {
		d.State = pos.DeliveryDone
		return d
	}
	d.Error = pos.CleanText(words(a), mostWords)
	if a.code == http.StatusGone || d.Tries > len(waits) {
		d.State = pos.DeliveryFailed
		return d
	}
	wait := waits[max(d.Tries, 1)-1]
	d.State, d.Next = pos.DeliveryWaiting, now.Add(max(wait+s.cfg.Jitter(wait/10), a.after))
	return d
}

// words says why a try failed. Nothing that the receiver wrote is in it.
func words(a answered) string {
	if a.err == nil {
		text := "the receiver answered " + strconv.Itoa(a.code)
		if name := http.StatusText(a.code); name != "" {
			text += " " + name
		}
		switch {
		case a.code == http.StatusGone:
			text += ": it wants no more of this"
		case a.code >= 300 && a.code < 400:
			text += ": redirects are not followed"
		}
		return text
	}
	var (
		refused  *refusedError
		dns      *net.DNSError
		verify   *tls.CertificateVerificationError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		record   tls.RecordHeaderError
		alert    tls.AlertError
		network  net.Error
		dial     *net.OpError
	)
	switch err := a.err; {
	case errors.Is(err, errFault), errors.Is(err, errURL), errors.Is(err, errBody):
		return err.Error()
	case errors.As(err, &refused):
		return refused.Error()
	case errors.As(err, &dns) && dns.IsNotFound:
		return "the receiver's name is not known"
	case errors.As(err, &verify), errors.As(err, &unknown), errors.As(err, &hostname):
		return "the receiver's certificate is not valid for its name, or nobody known has signed it"
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record), errors.As(err, &alert):
		return "the receiver does not speak TLS as till does"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens at the receiver"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "no answer within 15 seconds"
	case errors.As(err, &dial) && dial.Op == "dial":
		return "the receiver cannot be reached"
	}
	return "the receiver broke off, or answered something that is not HTTP"
}
