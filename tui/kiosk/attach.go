package kiosk

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

// Here is a terminal on the machine of the service.
type Here struct {
	Conn net.Conn // to where ServeLocal listens; Attach closes it
	Host HostKey  // the service's
	Name string   // of the terminal

	Term       string   // its type
	Env        []string // COLORTERM=…, NO_COLOR=…; others are not sent
	Cols, Rows int
	Sizes      <-chan [2]int // columns and rows, when they change

	In       io.Reader // in raw mode
	Out, Err io.Writer
}

// ErrLost says that the service went away without a word. The terminal may be in
// any state; Tidy puts it in order.
var ErrLost = errors.New("the service is gone")

// Tidy leaves a full screen and switches off all that a screen may have switched on.
const Tidy = "\x1b[0m\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?2026l\x1b[>4;0m\x1b[<u\x1b]9;4;0\x07\x1b[?25h\x1b[?1049l"

// Attach shows a screen of the service in this terminal until it ends, and returns
// its exit code.
func Attach(ctx context.Context, h Here) (code int, err error) {
	defer func() { _ = h.Conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = h.Conn.Close() })()
	lost := func() (int, error) {
		if ctx.Err() != nil {
			return 1, ctx.Err()
		}
		return 1, ErrLost
	}
	_ = h.Conn.SetDeadline(time.Now().Add(handshakeTime))
	conn, chans, reqs, err := gossh.NewClientConn(h.Conn, "till", &gossh.ClientConfig{
		User: h.Name, HostKeyCallback: gossh.FixedHostKey(h.Host.signer.PublicKey()),
	})
	if err != nil {
		return lost()
	}
	_ = h.Conn.SetDeadline(time.Time{})
	client := gossh.NewClient(conn, chans, reqs)
	sess, err := client.NewSession()
	if err != nil {
		return lost()
	}
	for _, v := range h.Env {
		for name := range wanted {
			if len(v) > len(name) && v[:len(name)+1] == name+"=" {
				_ = sess.Setenv(name, v[len(name)+1:]) // without it there are fewer colours
			}
		}
	}
	in, err := sess.StdinPipe()
	if err != nil {
		return lost()
	}
	sess.Stdout, sess.Stderr = h.Out, h.Err
	if err := sess.RequestPty(h.Term, h.Rows, h.Cols, gossh.TerminalModes{}); err != nil {
		return lost()
	}
	if err := sess.Shell(); err != nil {
		return lost()
	}
	// It waits for a key when the screen has ended; the process ends then.
	go func() {
		_, _ = io.Copy(in, h.In)
		_ = in.Close()
	}()
	ended := make(chan error, 1)
	go func() { ended <- sess.Wait() }()
	for {
		select {
		case s := <-h.Sizes:
			_ = sess.WindowChange(s[1], s[0])
		case err := <-ended:
			var exit *gossh.ExitError
			switch {
			case err == nil:
				return 0, nil
			case errors.As(err, &exit):
				return exit.ExitStatus(), nil
			}
			return lost()
		}
	}
}
