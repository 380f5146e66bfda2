package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/cointill/till/tui/kiosk"
)

// screenSock is where the service shows screens on this machine: SSH on a socket
// that only the owner of the data folder can open.
const screenSock = "ssh.sock"

// served tells whether `till serve` holds a data folder.
func served(ctx context.Context, data string) bool {
	a, err := askHolder(ctx, data, request{Do: askHello})
	return err == nil && a.Holder != nil && a.Holder.Serves
}

// attach shows a screen of the service that holds the data folder.
func attach(cmd *cobra.Command, at places) error {
	ctx := cmd.Context()
	in, _ := cmd.InOrStdin().(*os.File)
	out, _ := cmd.OutOrStdout().(*os.File)
	host, err := hostKey(at.data)
	if err != nil {
		return err
	}
	conn, err := dialScreen(ctx, at.data)
	if err != nil {
		return err
	}
	before, err := term.MakeRaw(in.Fd())
	if err != nil {
		_ = conn.Close()
		return errors.New("this terminal cannot be used: it does not give its keys one by one")
	}
	defer func() { _ = term.Restore(in.Fd(), before) }()
	here := kiosk.Here{
		Conn: conn, Host: host, Name: at.actor().Terminal, Term: os.Getenv("TERM"),
		Env: []string{"COLORTERM=" + os.Getenv("COLORTERM"), "NO_COLOR=" + os.Getenv("NO_COLOR")},
		In:  in, Out: out, Err: cmd.ErrOrStderr(),
	}
	if w, h, err := term.GetSize(out.Fd()); err == nil {
		here.Cols, here.Rows = w, h
	}
	sizes := make(chan [2]int)
	here.Sizes = sizes
	life, stop := context.WithCancel(ctx)
	defer stop()
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	defer signal.Stop(changed)
	go func() {
		for {
			select {
			case <-life.Done():
				return
			case <-changed:
			}
			w, h, err := term.GetSize(out.Fd())
			if err != nil {
				continue
			}
			select {
			case sizes <- [2]int{w, h}:
			case <-life.Done():
				return
			}
		}
	}()
	code, err := kiosk.Attach(ctx, here)
	if err != nil {
		_, _ = fmt.Fprint(out, kiosk.Tidy)
	}
	switch {
	case errors.Is(err, kiosk.ErrLost):
		speech, _ := at.speech()
		return errors.New(speech.Phrases().SSHLost)
	case err != nil:
		return err
	case code != 0:
		return &exit{code: code}
	}
	return nil
}

// dialScreen connects to a service, which may be about to begin.
func dialScreen(ctx context.Context, data string) (net.Conn, error) {
	for wait := time.Duration(0); ; wait += 100 * time.Millisecond {
		path, done, err := reachable(data, screenSock)
		if err != nil {
			return nil, err
		}
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", path)
		done()
		if err == nil {
			return conn, nil
		}
		if wait > 5*time.Second {
			return nil, fmt.Errorf("till serve holds %s, but shows no screens at %s: %s", data, screenSock, plainCause(err))
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
