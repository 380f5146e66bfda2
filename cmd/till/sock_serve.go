package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/cointill/till/pos"
)

const (
	// sockAtOnce is how many requests are worked on at a time: enough for
	// scripts, and few enough that nobody keeps the register from its work.
	sockAtOnce = 8
	sockRead   = 5 * time.Second  // for a request to arrive
	sockWork   = 60 * time.Second // for networks to answer
	sockWrite  = 10 * time.Second // for an answer to be taken
)

// sockServer listens for commands on the folder that this till holds.
type sockServer struct {
	listener *net.UnixListener
	clerk    clerk
	log      *slog.Logger
	places   chan struct{}
	life     context.Context
	end      context.CancelFunc
	work     sync.WaitGroup
	release  func()
}

// listenSock begins to answer commands.
func listenSock(data string, c clerk, log *slog.Logger) (*sockServer, error) {
	l, release, err := listenUnix(data, sockName)
	if err != nil {
		return nil, err
	}
	s := &sockServer{listener: l, clerk: c, log: log, places: make(chan struct{}, sockAtOnce), release: release}
	s.life, s.end = context.WithCancel(context.Background())
	s.work.Go(s.accept)
	return s, nil
}

// close ends what is worked on and takes the socket away.
func (s *sockServer) close() {
	if s == nil {
		return
	}
	s.end()
	_ = s.listener.Close()
	s.work.Wait()
	s.release()
}

func (s *sockServer) accept() {
	for {
		conn, err := s.listener.AcceptUnix()
		if err != nil {
			if s.life.Err() != nil {
				return
			}
			// Too many files are open, perhaps. It may pass.
			s.log.Error("a command could not be heard", "err", err)
			select {
			case <-s.life.Done():
				return
			case <-time.After(time.Second):
			}
			continue
		}
		select {
		case s.places <- struct{}{}:
			s.work.Go(func() {
				defer func() { <-s.places }()
				s.serve(conn)
			})
		default:
			// It fits the socket's buffer, so nobody has to read it.
			s.reply(conn, answer{Error: newSockError(errBusy)})
			_ = conn.Close()
		}
	}
}

// serve answers one request.
func (s *sockServer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(s.life, sockWork)
	defer cancel()
	defer context.AfterFunc(s.life, func() { _ = conn.SetReadDeadline(time.Now()) })()
	_ = conn.SetReadDeadline(time.Now().Add(sockRead))
	line, err := readLine(conn, mostRequest)
	if err != nil && !errors.Is(err, errTooLong) {
		return // nobody asked anything
	}
	var q request
	if err == nil {
		q, err = readRequest(line)
	}
	var a answer
	if err == nil {
		a, err = s.answer(ctx, q)
	}
	if err != nil {
		a = answer{Error: newSockError(err)}
	}
	s.reply(conn, a)
}

func (s *sockServer) reply(conn net.Conn, a answer) {
	a.Version = sockVersion
	line, err := json.Marshal(a)
	if err != nil || len(line) >= mostAnswer {
		line, _ = json.Marshal(answer{Version: sockVersion, Error: &sockError{Text: "the answer is too long to be given"}})
	}
	_ = conn.SetWriteDeadline(time.Now().Add(sockWrite))
	_, _ = conn.Write(append(line, '\n')) // whoever asked may have left
}

// readRequest understands a request, strictly.
func readRequest(line []byte) (request, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	var q request
	// The version alone first: another one may have other fields.
	var v struct {
		Version int `json:"v"`
	}
	if err := json.Unmarshal(line, &v); err != nil {
		return q, errors.New("this is no request: a line with one JSON object was expected")
	}
	if v.Version != sockVersion {
		return q, errSockVersion
	}
	if err := d.Decode(&q); err != nil {
		return q, errors.New("this is no request that this till knows")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return q, errors.New("one request at a time")
	}
	return q, nil
}

// answer works on a request; a fault in it does not reach the register.
func (s *sockServer) answer(ctx context.Context, q request) (a answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("a fault of till itself while it answered a command; it goes on", "fault", p, "stack", string(debug.Stack()))
			err = errors.New("a fault of till itself; the register goes on")
		}
	}()
	a, err = s.clerk.ask(ctx, q)
	switch q.Do {
	case askHire, askDismiss, askAgree, askRedeliver, askAct:
		s.log.Info("a command", "do", q.Do, "by", pos.CleanText(q.By.Name+" "+q.By.Terminal, 80), "err", err)
	}
	return a, err
}

// listenUnix listens on a socket in the data folder that only its owner can open.
// Only the holder of the folder's lock may call it: a socket that is there already
// was left behind by a till that ended without a word. release is called when l is
// closed.
func listenUnix(data, name string) (l *net.UnixListener, release func(), err error) {
	named := filepath.Join(data, name)
	switch info, err := os.Lstat(named); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, nil, fmt.Errorf("%s cannot be looked at: %s", named, plainCause(err))
	case info.Mode().Type() != fs.ModeSocket:
		return nil, nil, fmt.Errorf("%s is no socket and was left alone; take it away, so that it can be listened on", named)
	default:
		if err := os.Remove(named); err != nil {
			return nil, nil, fmt.Errorf("%s of a till that has ended cannot be removed: %s", named, plainCause(err))
		}
	}
	path, release, err := reachable(data, name)
	if err != nil {
		return nil, nil, err
	}
	l, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		release()
		var path *os.SyscallError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, nil, fmt.Errorf("%s cannot be listened on: %s", named, plainCause(err))
	}
	// The folder is its owner's alone, so nobody was faster than this.
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		release()
		return nil, nil, fmt.Errorf("%s cannot be closed to others: %s", named, plainCause(err))
	}
	return l, release, nil
}
