package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/cointill/till/tui"
	"github.com/cointill/till/tui/kiosk"
)

func serveCommand(at *places) *cobra.Command {
	var listen string
	var unit bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the register as a service: tills, kiosks and displays come over SSH, or with till on this machine",
		Long: `Runs the register without a screen: it watches for payments and shows as many
screens as the shop has, over SSH and on this machine.

  here        till
  elsewhere   ssh -p 2222 till@this-machine

Who comes in over SSH, and what their screen can do, is said by keys: see
till keys add. There is no password, no shell, no command and no file.

It listens on 127.0.0.1:2222 if the configuration says nothing else:

  [ssh]
  listen = ":2222"     # all networks; "off" = only this machine
  sessions = 20        # screens at once
  lock = "10m"         # a till that nobody touches locks; "never"

SIGTERM and Ctrl+C stop it; what was rung up is kept.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if unit {
				fmt.Fprint(cmd.OutOrStdout(), systemdUnit())
				return nil
			}
			return runServe(cmd, at.fill(), listen)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "", "listen on this `address` instead of the configuration's")
	cmd.Flags().BoolVar(&unit, "unit", false, "print a systemd unit that runs it, and do nothing else")
	return cmd
}

// How long stopping may take: screens first, then the register.
const screensEnd = 5 * time.Second

func runServe(cmd *cobra.Command, at places, listen string) (err error) {
	s, err := at.load()
	if err != nil {
		return err
	}
	if listen != "" {
		if err := checkListen(listen); err != nil {
			return usage("--listen: %w", err)
		}
		s.ssh.listen = listen
	}
	if err := makePrivate(s.data); err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(kiosk.Garbage)
	}
	keys := &sshKeys{dir: s.data}
	have, err := keys.read()
	if err != nil {
		return err
	}
	if len(have) == 0 && s.ssh.listen != "" && beyondLoopback(s.ssh.listen) {
		return fmt.Errorf("%s can be reached from other machines, and no key opens a screen yet: add one first with `till keys add TERMINAL < id_ed25519.pub`, or listen on %s", s.ssh.listen, usualListen)
	}
	host, err := hostKey(s.data)
	if err != nil {
		return err
	}
	var far net.Listener
	if s.ssh.listen != "" {
		if far, err = listenSSH(s.ssh.listen); err != nil {
			return err
		}
		defer func() { _ = far.Close() }()
	}
	file, closer, err := openLog(s.data)
	if err != nil {
		return err
	}
	defer func() { _ = closer.Close() }()
	tell := teller{to: cmd.OutOrStdout(), mu: &sync.Mutex{}, least: slog.LevelInfo, plain: os.Getenv("JOURNAL_STREAM") != ""}
	ours := slog.New(both{file.Handler(), tell})
	tell.least = slog.LevelWarn
	rooms := slog.New(both{file.Handler(), tell})

	ctx, cancel := context.WithCancelCause(cmd.Context())
	defer cancel(nil)
	p, err := s.parts(ctx, rooms)
	if err != nil {
		return err
	}
	p.serves = true
	sess, err := p.open(ctx)
	if err != nil {
		return err
	}
	var work sync.WaitGroup
	defer work.Wait()
	defer func() { err = errors.Join(err, sess.close()) }()
	speech, _ := tongueOf(s).words(s.find)
	server, err := kiosk.New(kiosk.Config{
		Host: host, Keys: keys.read, Screen: func(t kiosk.Terminal) tui.Config { return s.screenFor(sess, t) },
		Sessions: s.ssh.sessions, Words: speech, Log: ours,
	})
	if err != nil {
		return err
	}
	near, release, err := listenUnix(s.data, screenSock)
	if err != nil {
		return err
	}
	defer release()
	sess.kiosk.Store(server)
	defer func() { ours.Info("stopping", "screens", len(server.Open())) }()
	work.Go(func() { cancel(server.ServeLocal(near)) })
	if far != nil {
		work.Go(func() { cancel(server.Serve(far)) })
	}
	work.Go(func() { s.lookAfter(ctx, sess, cancel) })

	ours.Info("the till is open", "shop", s.shop.Name, "data", s.data, "process", os.Getpid())
	sayConnect(cmd.OutOrStdout(), s, host, have)
	tellSystemd("READY=1")
	defer tellSystemd("STOPPING=1")
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// lookAfter looks through the store behind the screens, and ends the service where
// it cannot go on: whoever started it starts it again.
func (s *settings) lookAfter(ctx context.Context, sess *session, cancel context.CancelCauseFunc) {
	if wrong := sess.setBack(ctx); wrong != "" {
		sess.log.Error(wrong)
	}
	sess.checking.Store(true)
	err := sess.check(ctx)
	sess.checking.Store(false)
	if err != nil && ctx.Err() == nil {
		cancel(fmt.Errorf("the store does not stand up to its check: %w", err))
		return
	}
	select {
	case <-ctx.Done():
	case <-sess.done:
		cancel(errors.New("the register ended by itself; the log in the data folder says why"))
	}
}

// screenFor is what a screen of the service is made of.
func (s *settings) screenFor(sess *session, t kiosk.Terminal) tui.Config {
	cfg := screenConfig(s.shop, t.Name, tongueOf(s))
	s.screen.dress(&cfg)
	cfg.Clock, cfg.Register, cfg.Stage, cfg.Instruments = clock{}, sess, sess.stage, sess.instruments
	cfg.NoColour, cfg.Dumb = false, false // the client says
	if t.Role == tui.Cashier || t.Role == tui.Supervisor {
		cfg.IdleLock = s.ssh.lock
		if p := newPrinter(s, s.find); p != nil {
			cfg.Printer = p
		}
	}
	return cfg
}

// listenSSH listens, or says what to do.
func listenSSH(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		cause := err
		var op *os.SyscallError
		if errors.As(err, &op) {
			cause = op.Err
		}
		return nil, fmt.Errorf("SSH cannot listen on %s: %s; choose another address with [ssh] listen or --listen", addr, plainCause(cause))
	}
	return l, nil
}

// sayConnect says how to get in.
func sayConnect(out io.Writer, s *settings, host kiosk.HostKey, keys kiosk.Keys) {
	fmt.Fprintf(out, "  on this machine   till%s\n", dataFlag(s.data))
	if s.ssh.listen == "" {
		return
	}
	fmt.Fprintf(out, "  over SSH          %s\n", sshLine(s.ssh.listen, "till"))
	fmt.Fprintf(out, "  host key          %s\n", host.Fingerprint())
	if len(keys) == 0 {
		fmt.Fprintln(out, "  keys              none yet: till keys add TERMINAL < id_ed25519.pub")
	} else {
		fmt.Fprintf(out, "  keys              %s\n", names(keys))
	}
}

// dataFlag is what finds a data folder other than the usual one.
func dataFlag(data string) string {
	if data == (places{}).fill().data {
		return ""
	}
	return " --data " + data
}

// sshLine is how to connect to an address as somebody.
func sshLine(addr, user string) string {
	host, port, _ := net.SplitHostPort(addr)
	if strings.Trim(host, "0.:[]") == "" {
		host = ownAddress()
	}
	if port == "22" {
		return "ssh " + user + "@" + host
	}
	return "ssh -p " + port + " " + user + "@" + host
}

// ownAddress is how others in the same network find this machine.
func ownAddress() string {
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	if host, err := os.Hostname(); err == nil {
		return host
	}
	return "this-machine"
}

// tellSystemd tells whoever started the service how it is (sd_notify(3)).
func tellSystemd(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if path[0] == '@' {
		path = "\x00" + path[1:] // an abstract socket
	}
	conn, err := net.Dial("unixgram", path)
	if err != nil {
		return
	}
	_, _ = conn.Write([]byte(state))
	_ = conn.Close()
}
