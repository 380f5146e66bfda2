package kiosk

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/ssh"
	bubbletea "charm.land/wish/v2/bubbletea"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui"
	gossh "golang.org/x/crypto/ssh"
)

// Frames a second. A screen far away needs few, and drawing is most of what it
// costs; one at this counter is typed at like any other.
const (
	framesFar  = 10
	framesHere = 30
)

// quitTime is how long a screen has to put its terminal in order.
const quitTime = 2 * time.Second

// ending is why a screen ended.
type ending uint8

const (
	left ending = iota // whoever sat there left, or hung up
	keyGone
	stopping
	faulty
)

// seat is somebody with a screen.
type seat struct {
	terminal Terminal
	key      gossh.PublicKey // nil = none was needed
	local    bool
	conn     *gossh.ServerConn
	cancel   context.CancelFunc

	once sync.Once
	why  ending
}

// end ends a screen; the first reason counts.
func (st *seat) end(why ending) {
	st.once.Do(func() { st.why = why })
	st.cancel()
}

// looked refuses, with a word, whoever asks for what there is not.
func (s *Server) looked(next ssh.Handler) ssh.Handler {
	return func(sess ssh.Session) {
		p := s.cfg.Words.Phrases()
		_, _, terminal := sess.Pty()
		switch {
		case sess.RawCommand() != "" || sess.Subsystem() != "":
			s.refuse(sess, p.SSHNoCommand)
		case !terminal:
			s.refuse(sess, p.SSHNoTerminal)
		default:
			next(sess)
		}
	}
}

func (s *Server) refuse(sess ssh.Session, text string) {
	to := io.Writer(sess.Stderr())
	if _, _, terminal := sess.Pty(); terminal {
		to = sess // after what puts the terminal in order, which goes there too
	}
	_, _ = fmt.Fprintf(to, "till: %s\r\n", text)
	_ = sess.Exit(1)
}

// sit gives a session a seat, if there is one, and counts it.
func (s *Server) sit(sess ssh.Session, st *seat) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.Err() != nil || len(s.seats) >= s.cfg.Sessions {
		return false
	}
	s.seats[st] = struct{}{}
	s.work.Add(1)
	visitOf(sess.Context()).enter()
	return true
}

func (s *Server) rise(st *seat) {
	s.mu.Lock()
	delete(s.seats, st)
	s.mu.Unlock()
	s.work.Done()
}

// whose is the terminal of a session, by its key. The key was looked up when it
// was offered; this is the one that was proven.
func (s *Server) whose(sess ssh.Session) (t Terminal, key gossh.PublicKey, ok bool) {
	if key := sess.PublicKey(); key != nil {
		t, ok = s.opens(key)
		return t, key, ok
	}
	switch v := visitOf(sess.Context()); {
	case v.local:
		name := pos.CleanText(sess.User(), mostName)
		return Terminal{Name: name, Role: tui.Cashier}, nil, name != ""
	case s.cfg.Guest != nil:
		t, ok = s.cfg.Guest(sess.User())
	}
	return t, nil, ok
}

// seated shows a screen until somebody leaves it.
func (s *Server) seated(ssh.Handler) ssh.Handler {
	return func(sess ssh.Session) {
		p := s.cfg.Words.Phrases()
		t, key, ok := s.whose(sess)
		if !ok {
			s.refuse(sess, p.SSHKeyGone)
			return
		}
		ctx, cancel := context.WithCancel(sess.Context())
		defer cancel()
		v := visitOf(sess.Context())
		conn, _ := sess.Context().Value(ssh.ContextKeyConn).(*gossh.ServerConn)
		st := &seat{terminal: t, key: key, local: v.local, conn: conn, cancel: cancel}
		if !s.sit(sess, st) {
			s.refuse(sess, fmt.Sprintf(p.SSHFull, s.cfg.Sessions))
			return
		}
		defer s.rise(st)
		log := s.cfg.Log.With("terminal", t.Name, "role", string(t.Role))
		if !v.local {
			log = log.With("from", sess.RemoteAddr().String())
		}
		log.Info("a screen was opened")
		defer func() {
			if fault := recover(); fault != nil {
				log.Error("a fault of till itself; the others go on", "fault", fault, "stack", string(debug.Stack()))
				s.refuse(sess, p.SSHFault)
			}
		}()
		go s.watch(ctx, st)

		err := s.show(ctx, sess, st)
		// Whoever keeps the line after the screen, or takes no last word, is not
		// waited for.
		time.AfterFunc(lingerTime, func() { _ = conn.Close() })
		if err != nil && ctx.Err() == nil {
			st.end(faulty)
		}
		st.end(left)
		log.Info("a screen was closed", "why", []string{"left", "its key was removed", "the service stops", "a fault of till itself"}[st.why])
		switch st.why {
		case keyGone:
			s.refuse(sess, p.SSHKeyGone)
		case stopping:
			s.refuse(sess, p.SSHStopping)
		case faulty:
			log.Error("a screen broke", "err", err)
			s.refuse(sess, p.SSHFault)
		}
	}
}

// show runs one screen. When ctx ends it has a moment to put the terminal in
// order; then the connection is cut, which frees whatever is stuck in it.
func (s *Server) show(ctx context.Context, sess ssh.Session, st *seat) error {
	cfg := s.cfg.Screen(st.terminal)
	cfg.Actor.Terminal = st.terminal.Name
	cfg.Role, cfg.Follow, cfg.Floor, cfg.Context = st.terminal.Role, st.terminal.Follow, s.cfg.Floor, ctx
	pty, _, _ := sess.Pty()
	cfg.Dumb = pty.Term == "dumb"
	for _, v := range sess.Environ() {
		cfg.NoColour = cfg.NoColour || len(v) > len("NO_COLOR=") && v[:len("NO_COLOR=")] == "NO_COLOR="
	}
	model := tui.New(cfg)
	defer model.Close()
	frames := framesFar
	if st.local {
		frames = framesHere
	}
	sized := make(chan struct{})
	program := tea.NewProgram(model, append(bubbletea.MakeOptions(sess),
		tea.WithFilter(filter(sync.OnceFunc(func() { close(sized) }))),
		tea.WithInput(nil), // see input.go
		tea.WithOutput(output{sess, st.conn}),
		tea.WithoutSignalHandler(), // one for the whole process; this one's would keep it from ending
		tea.WithFPS(frames),
	)...)
	ended := make(chan struct{})
	defer close(ended)
	for _, work := range []func(){
		func() { resize(ctx, program, sized, visitOf(sess.Context()).sizes) },
		func() { typing(ctx, program, sess, pty.Term, st.cancel) },
	} {
		go func() {
			defer s.caught(st)
			work()
		}()
	}
	defer context.AfterFunc(ctx, func() {
		go program.Quit() // waits for a program that is stuck in writing
		late := time.NewTimer(quitTime)
		defer late.Stop()
		select {
		case <-ended:
		case <-late.C:
			_ = st.conn.Close()
		}
	})()
	_, err := program.Run()
	return err
}

// caught keeps a fault on a goroutine of a session from the others.
func (s *Server) caught(st *seat) {
	if fault := recover(); fault != nil {
		s.cfg.Log.Error("a fault of till itself; the others go on", "fault", fault, "stack", string(debug.Stack()))
		st.end(faulty)
	}
}

// filter notes that a program has its first size; and nobody at the other end of
// a line can suspend what runs here.
func filter(sized func()) func(tea.Model, tea.Msg) tea.Msg {
	return func(_ tea.Model, msg tea.Msg) tea.Msg {
		switch msg.(type) {
		case tea.WindowSizeMsg:
			sized()
		case tea.SuspendMsg:
			return tea.ResumeMsg{}
		}
		return msg
	}
}

// resize tells a program of its window, but not before it has the size that it was
// started with: the two would overtake each other.
func resize(ctx context.Context, program *tea.Program, sized <-chan struct{}, sizes <-chan size) {
	select {
	case <-ctx.Done():
		return
	case <-sized:
	}
	for {
		select {
		case <-ctx.Done():
			return
		case w := <-sizes:
			program.Send(tea.WindowSizeMsg{Width: int(w.cols), Height: int(w.rows)})
		}
	}
}

// output hangs up on a client that does not take what is written.
type output struct {
	io.Writer
	conn io.Closer
}

func (o output) Write(p []byte) (int, error) {
	stuck := time.AfterFunc(stallTime, func() { _ = o.conn.Close() })
	defer stuck.Stop()
	return o.Writer.Write(p)
}
