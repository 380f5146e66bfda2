package rate

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

const (
	// maxBody is the longest answer that is read; tickers have under 1 KiB.
	maxBody = 64 << 10
	// maxRetryAfter bounds how long an exchange can send us away.
	maxRetryAfter = time.Hour
)

var errElsewhere = errors.New("redirected to another host")

// sameHost follows a redirect only within a host: a price from somewhere else
// is not this exchange's, and a captive portal begins with such a redirect.
func sameHost(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	if req.URL.Host != first.Host || req.URL.Scheme != first.Scheme || len(via) > 3 {
		return errElsewhere
	}
	return nil
}

// get fetches a small JSON document. Its errors are *Problem without Source and Pair.
func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, &Problem{Code: Unreachable, Cause: err}
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "till") // Coinbase refuses requests without one
	res, err := client.Do(req)
	if err != nil {
		return nil, &Problem{Code: failure(err), Cause: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if p := status(res); p != nil {
		return nil, p
	}
	if err != nil {
		return nil, &Problem{Code: failure(err), Cause: err}
	}
	if len(body) > maxBody {
		return nil, &Problem{Code: TooLong}
	}
	if bytes.HasPrefix(bytes.TrimLeft(body, "\xef\xbb\xbf \t\r\n"), []byte("<")) {
		return nil, &Problem{Code: WebPage}
	}
	return body, nil
}

// status turns a response that is not 200 into a problem.
func status(res *http.Response) *Problem {
	p := &Problem{Detail: "HTTP status " + strconv.Itoa(res.StatusCode)}
	switch code := res.StatusCode; {
	case code == http.StatusOK:
		return nil
	case code == http.StatusTooManyRequests:
		p.Code, p.After = Limited, retryAfter(res.Header)
	case code == http.StatusServiceUnavailable:
		p.Code, p.After = Unavailable, retryAfter(res.Header)
	case code >= 500:
		p.Code = Unavailable
	case code == http.StatusNotFound:
		p.Code = NotOffered
	case code == http.StatusNetworkAuthenticationRequired:
		p.Code = WebPage
	default:
		p.Code = Refused
	}
	return p
}

// retryAfter reads the header's two forms, seconds and a date (RFC 9110 10.2.3).
// A date counts from the answer's own Date, so that our clock does not matter.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	var d time.Duration
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		if sent, err := http.ParseTime(h.Get("Date")); err == nil {
			d = at.Sub(sent)
		}
	}
	return min(max(d, 0), maxRetryAfter)
}

// failure says in one code why there was no answer.
func failure(err error) Code {
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
		network  net.Error
	)
	switch {
	case errors.Is(err, errElsewhere):
		return Redirected
	case errors.As(err, &verify), errors.As(err, &unknown), errors.As(err, &hostname), errors.As(err, &invalid):
		return Certificate
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return TimedOut
	}
	return Unreachable
}
