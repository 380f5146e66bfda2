package kiosk

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"charm.land/ssh"
	"charm.land/wish/v2"
	"github.com/cointill/till/tui"
	"github.com/cointill/till/tui/words"
	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/time/rate"
)

// Garbage is what a process that shows many screens should give to
// debug.SetGCPercent: screens are long-lived memory, and with Go's usual 100 there
// is as much again that nobody uses.
const Garbage = 30

// Config is what a server is made of. Host, Screen and Log are required.
type Config struct {
	Host HostKey
	// Keys are those that open something now; it is asked at every login, and now
	// and then for those who are in. Its error lets nobody new in and ends nothing.
	// nil = there are none.
	Keys func() (Keys, error)
	// Guest is what somebody without a key may see, by the name in front of the @.
	// nil = nobody comes in without a key.
	Guest func(user string) (Terminal, bool)
	// Screen is what a terminal's screen is made of. Its actor's terminal, Role,
	// Follow, Floor and Context are filled in here.
	Screen func(Terminal) tui.Config
	Floor  *Floor

	// Sessions is how many screens there may be at once; 0 = 20.
	Sessions int
	// Longest is how long a screen stays open at most; 0 = a week.
	Longest time.Duration
	Words   words.Words
	Log     *slog.Logger
}

const (
	usualSessions = 20
	usualLongest  = 7 * 24 * time.Hour
)

// Server shows screens. Make it with New.
type Server struct {
	cfg  Config
	ssh  *ssh.Server
	door door

	life context.Context
	stop context.CancelFunc

	mu    sync.Mutex
	seats map[*seat]struct{}
	conns map[*counted]struct{}
	work  sync.WaitGroup // of seats
	odd   rate.Sometimes // logs keys that open nothing, not all of a flood
}

// New makes a server that does not listen yet.
func New(cfg Config) (*Server, error) {
	if cfg.Sessions == 0 {
		cfg.Sessions = usualSessions
	}
	if cfg.Longest == 0 {
		cfg.Longest = usualLongest
	}
	if cfg.Floor == nil {
		cfg.Floor = &Floor{}
	}
	if cfg.Keys == nil {
		cfg.Keys = func() (Keys, error) { return nil, nil }
	}
	s := &Server{
		cfg: cfg, seats: make(map[*seat]struct{}), conns: make(map[*counted]struct{}),
		odd: rate.Sometimes{First: 20, Interval: time.Minute},
	}
	s.door.init(cfg.Sessions)
	s.life, s.stop = context.WithCancel(context.Background())
	var err error
	s.ssh, err = wish.NewServer(
		func(srv *ssh.Server) error { srv.AddHostKey(cfg.Host.signer); return nil },
		wish.WithVersion("till"),
		wish.WithMaxTimeout(cfg.Longest),
		wish.WithMiddleware(s.seated, s.looked),
		wish.WithPublicKeyAuth(func(ctx ssh.Context, key ssh.PublicKey) bool {
			_, ok := s.opens(key)
			if !ok {
				s.odd.Do(func() {
					s.cfg.Log.Warn("a key that opens nothing", "key", gossh.FingerprintSHA256(key), "from", ctx.RemoteAddr().String())
				})
			}
			return ok
		}),
		func(srv *ssh.Server) error {
			srv.HandshakeTimeout = handshakeTime
			srv.ConnCallback = s.meet
			srv.ServerConfigCallback = s.config
			srv.ChannelHandlers = map[string]ssh.ChannelHandler{"session": s.channel}
			srv.RequestHandlers = map[string]ssh.RequestHandler{} // no forwarding back
			return nil
		},
	)
	return s, err
}

// config lets in without a key whoever needs none: a guest, and whoever can open
// the socket in the data folder, who can open the books there as well.
func (s *Server) config(ctx ssh.Context) *gossh.ServerConfig {
	c := &gossh.ServerConfig{MaxAuthTries: 6}
	v := visitOf(ctx)
	if v.local || s.cfg.Guest != nil {
		c.NoClientAuth = true
		c.NoClientAuthCallback = func(meta gossh.ConnMetadata) (*gossh.Permissions, error) {
			if !v.local {
				if _, ok := s.cfg.Guest(meta.User()); !ok {
					return nil, ssh.ErrPermissionDenied
				}
			}
			return &gossh.Permissions{}, nil
		}
	}
	return c
}

// opens is what a key opens now.
func (s *Server) opens(key gossh.PublicKey) (Terminal, bool) {
	keys, err := s.cfg.Keys()
	if err != nil {
		s.cfg.Log.Error("nobody new is let in", "err", err)
		return Terminal{}, false
	}
	k, ok := keys.find(key)
	return k.Terminal, ok
}

// Serve lets in whoever connects to l until Close, and returns nil then.
func (s *Server) Serve(l net.Listener) error { return s.serve(l) }

// ServeLocal is Serve for a socket that only its owner can open: no key is asked
// for, and everybody has a cashier's screen by the name that they give.
func (s *Server) ServeLocal(l net.Listener) error { return s.serve(localListener{l}) }

func (s *Server) serve(l net.Listener) error {
	if err := s.ssh.Serve(l); s.life.Err() == nil && !errors.Is(err, ssh.ErrServerClosed) {
		return err
	}
	return nil
}

// Recheck ends the screens whose key is not there any more, and says how many.
func (s *Server) Recheck() int {
	n := 0
	for _, st := range s.all() {
		if !s.permitted(st) {
			st.end(keyGone)
			n++
		}
	}
	return n
}

// permitted tells whether a screen may still be shown to whoever has it.
func (s *Server) permitted(st *seat) bool {
	if st.key == nil {
		return true
	}
	keys, err := s.cfg.Keys()
	if err != nil {
		return true // nothing is known that would be against it
	}
	k, ok := keys.find(st.key)
	return ok && k.Terminal == st.terminal
}

func (s *Server) all() []*seat {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*seat, 0, len(s.seats))
	for st := range s.seats {
		list = append(list, st)
	}
	return list
}

// Open lists the screens that are open.
func (s *Server) Open() []Terminal {
	var list []Terminal
	for _, st := range s.all() {
		list = append(list, st.terminal)
	}
	return list
}

// goodbye is how long a client has to hang up after its screen, when the service
// stops.
const goodbye = 500 * time.Millisecond

// Close takes nobody in any more, ends all screens with a word to each, and hangs
// up on whoever is still there when ctx ends.
func (s *Server) Close(ctx context.Context) error {
	s.stop()
	for _, st := range s.all() {
		st.end(stopping)
	}
	risen := make(chan struct{})
	go func() { s.work.Wait(); close(risen) }()
	var err error
	select {
	case <-risen:
		short, cancel := context.WithTimeout(ctx, goodbye)
		err = s.ssh.Shutdown(short)
		cancel()
	case <-ctx.Done():
		err = s.ssh.Close()
	}
	s.mu.Lock()
	left := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	for _, c := range left {
		_ = c.Close()
	}
	<-risen
	if errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}
