package bitcoin

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/cointill/till/chain"
)

const (
	maxElectrumLine = 32 << 20
	maxPipelined    = 50 // questions on the way at once
)

// electrumAddress is where a server is and how its certificate is checked.
type electrumAddress struct {
	host   string // host:port
	secure bool
	pin    []byte // SHA-256 of its certificate, for those that nobody signed
}

// parseElectrum reads "ssl://host:50002", "tcp://host:50001" and, where the
// server signed its certificate itself, "ssl://host:50002#<SHA-256 of it>".
func parseElectrum(text string) (a electrumAddress, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Port() == "" || u.Hostname() == "" || u.Path != "" || u.Scheme != "ssl" && u.Scheme != "tcp" {
		return a, fmt.Errorf(`%.80q is not an Electrum server; write it like "ssl://host:50002" or "tcp://host:50001"`, text)
	}
	a = electrumAddress{host: u.Host, secure: u.Scheme == "ssl"}
	if u.Fragment != "" {
		if a.pin, err = hex.DecodeString(strings.ReplaceAll(u.Fragment, ":", "")); err != nil || len(a.pin) != sha256.Size || !a.secure {
			return a, fmt.Errorf("what stands behind # of the Electrum server %.80q is not the SHA-256 of its certificate (64 hexadecimal digits)", u.Host)
		}
	}
	return a, nil
}

// CheckElectrum tells what is wrong with the address of an Electrum server.
func CheckElectrum(text string) error {
	_, err := parseElectrum(text)
	return err
}

func (a electrumAddress) dial(ctx context.Context, dial func(ctx context.Context, network, addr string) (net.Conn, error)) (net.Conn, error) {
	conn, err := dial(ctx, "tcp", a.host)
	if err != nil || !a.secure {
		return conn, err
	}
	host, _, _ := net.SplitHostPort(a.host)
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if a.pin != nil {
		// The pin takes the place of the authorities and of the name.
		cfg.InsecureSkipVerify = true
		cfg.VerifyConnection = func(state tls.ConnectionState) error {
			sum := sha256.Sum256(state.PeerCertificates[0].Raw)
			if !bytes.Equal(sum[:], a.pin) {
				return fmt.Errorf("the certificate is another one: its SHA-256 is %x", sum)
			}
			return nil
		}
	}
	secure := tls.Client(conn, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		var unknown x509.UnknownAuthorityError
		if errors.As(err, &unknown) && unknown.Cert != nil {
			return nil, fmt.Errorf("nobody vouches for its certificate; if it is yours, write #%x behind its address", sha256.Sum256(unknown.Cert.Raw))
		}
		return nil, err
	}
	return secure, nil
}

// electrumConn is one connection: questions by number, answers in any order,
// and notifications.
type electrumConn struct {
	conn     net.Conn
	patience time.Duration
	notice   func(method string, params []json.RawMessage)
	slots    chan struct{}
	lost     chan struct{} // closed at the end

	write   sync.Mutex
	mu      sync.Mutex
	next    uint64
	pending map[uint64]chan electrumAnswer
	err     error
}

type electrumAnswer struct {
	ID     *uint64           `json:"id"`
	Method string            `json:"method"`
	Params []json.RawMessage `json:"params"`
	Result json.RawMessage   `json:"result"`
	Error  json.RawMessage   `json:"error"`
}

// electrumRefusal is the server's own word.
type electrumRefusal struct{ text string }

func (e *electrumRefusal) Error() string { return fmt.Sprintf("the server says %.200q", e.text) }

func newElectrumConn(conn net.Conn, patience time.Duration, notice func(string, []json.RawMessage)) *electrumConn {
	return &electrumConn{
		conn: conn, patience: patience, notice: notice, slots: make(chan struct{}, maxPipelined),
		lost: make(chan struct{}), pending: map[uint64]chan electrumAnswer{},
	}
}

// read takes lines until the connection is lost.
func (c *electrumConn) read() (err error) {
	defer func() {
		c.mu.Lock()
		c.err = err
		c.mu.Unlock()
		close(c.lost)
		_ = c.conn.Close()
	}()
	r := bufio.NewReaderSize(c.conn, 64<<10)
	for {
		line, err := readLine(r)
		if err != nil {
			return err
		}
		var a electrumAnswer
		if json.Unmarshal(line, &a) != nil {
			return errors.New("it does not speak the Electrum protocol")
		}
		if a.ID == nil {
			if a.Method != "" {
				c.notice(a.Method, a.Params)
			}
			continue
		}
		c.mu.Lock()
		answer := c.pending[*a.ID]
		delete(c.pending, *a.ID)
		c.mu.Unlock()
		if answer != nil {
			answer <- a
		}
	}
}

// readLine reads one line of a bounded length.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxElectrumLine:
			return nil, errors.New("the server's answer is too long")
		case err == nil:
			return line, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			if errors.Is(err, io.EOF) {
				err = errors.New("the server closed the connection")
			}
			return nil, err
		}
	}
}

// call puts one question and decodes its answer.
func (c *electrumConn) call(ctx context.Context, result any, method string, params ...any) error {
	select {
	case c.slots <- struct{}{}:
	case <-c.lost:
		return c.gone()
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.slots }()
	if params == nil {
		params = []any{}
	}
	answer := make(chan electrumAnswer, 1)
	c.mu.Lock()
	c.next++
	id := c.next
	c.pending[id] = answer
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.pending, id)
		c.mu.Unlock()
	}()
	raw, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	if err != nil {
		return err
	}
	c.write.Lock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(c.patience))
	_, err = c.conn.Write(append(raw, '\n'))
	c.write.Unlock()
	if err != nil {
		return err
	}
	timer := time.NewTimer(c.patience)
	defer timer.Stop()
	select {
	case a := <-answer:
		if len(a.Error) > 0 && string(a.Error) != "null" {
			return refusal(a.Error)
		}
		if err := json.Unmarshal(a.Result, result); err != nil {
			return fmt.Errorf("the answer to %s is not of the shape that the Electrum protocol has", method)
		}
		return nil
	case <-c.lost:
		return c.gone()
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		_ = c.conn.Close()
		return errors.New("the server did not answer in time")
	}
}

func (c *electrumConn) gone() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		return errors.New("the connection was lost")
	}
	return c.err
}

// refusal reads an error, which is an object or, of old servers, a text.
func refusal(raw json.RawMessage) error {
	var object struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(raw, &object) != nil || object.Message == "" {
		object.Message = string(raw)
	}
	lower := strings.ToLower(object.Message)
	if strings.Contains(lower, "excessive") || strings.Contains(lower, "too many") || strings.Contains(lower, "history too large") {
		return &serverError{chain.HealthLimited, &electrumRefusal{object.Message}}
	}
	return &electrumRefusal{object.Message}
}
