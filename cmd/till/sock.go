package main

import (
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
	"syscall"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// The control socket: the till that holds a data folder listens on a socket in
// it, and commands ask it there. A connection carries one request and one
// answer, a line of JSON each. sock_serve.go is the holder's side.
const (
	sockName    = "till.sock"
	sockVersion = 1
	mostRequest = 64 << 10 // bytes of a request's line
	mostAnswer  = 4 << 20  // bytes of an answer's line
)

// The requests.
const (
	askHello     = "hello"        // who holds the folder
	askStaff     = "staff-list"   //
	askHire      = "staff-add"    // Name, Role, NewPIN; PIN where there is a supervisor
	askDismiss   = "staff-remove" // Name; PIN
	askRules     = "rules"        // which keys or rules are other than those agreed to
	askAgree     = "agree"        // to them; PIN where there is a supervisor
	askLookup    = "lookup"       // Text
	askRedeliver = "redeliver"    // Seq
	askAct       = "act"          // Sale, Deed; PIN where the deed needs one
	askRecheck   = "recheck"      // end the screens whose key was removed
)

// request is what a command asks a register.
type request struct {
	Version int       `json:"v"`
	Do      string    `json:"do"`
	By      pos.Actor `json:"by,omitzero"`
	PIN     secret    `json:"pin,omitempty"` // a supervisor's
	Name    string    `json:"name,omitempty"`
	Role    pos.Role  `json:"role,omitempty"`
	NewPIN  secret    `json:"new_pin,omitempty"`
	Text    string    `json:"text,omitempty"`
	Seq     uint64    `json:"seq,omitempty"`
	Sale    string    `json:"sale,omitempty"` // id
	Deed    *deedJSON `json:"deed,omitempty"`
}

// deedJSON is a pos.Deed without who does it and the PIN, which every request has.
type deedJSON struct {
	Kind  pos.ActKind     `json:"kind"`
	Why   string          `json:"why,omitempty"`
	Asset chain.AssetID   `json:"asset,omitempty"`
	Cash  money.Fiat      `json:"cash,omitzero"`
	Basis pos.RefundBasis `json:"basis,omitempty"`
	Fiat  money.Fiat      `json:"fiat,omitzero"`
	To    string          `json:"to,omitempty"`
}

// answer is what a register answers: an error, or what was asked for.
type answer struct {
	Version   int            `json:"v"`
	Error     *sockError     `json:"error,omitempty"`
	Holder    *holderJSON    `json:"holder,omitempty"`
	Staff     []pos.Member   `json:"staff,omitempty"`
	Changed   []string       `json:"changed,omitempty"` // keys and rules, "name: before > now"
	Sightings []sightingJSON `json:"sightings,omitempty"`
	Record    *pos.Record    `json:"record,omitempty"`
	Ended     int            `json:"ended,omitempty"` // screens
}

// holderJSON is who holds a data folder.
type holderJSON struct {
	PID      int       `json:"pid"`
	Terminal string    `json:"terminal"`
	Shop     string    `json:"shop,omitempty"`
	Since    time.Time `json:"since"`
	Serves   bool      `json:"serves,omitempty"` // screens, at a socket beside this one
}

// sightingJSON is a pos.Sighting.
type sightingJSON struct {
	Rail  string      `json:"rail"`
	Asset chain.Asset `json:"asset"`
	Found chain.Found `json:"found"`
	Error *sockError  `json:"error,omitempty"`
}

func (s sightingJSON) sighting() pos.Sighting {
	out := pos.Sighting{Rail: s.Rail, Asset: s.Asset, Found: s.Found}
	if s.Error != nil {
		out.Err = s.Error.asError()
	}
	return out
}

// secret is a PIN. It stands in a request on its way to the register, and in no
// log and no message.
type secret string

// String implements fmt.Stringer.
func (secret) String() string { return hidden }

// GoString implements fmt.GoStringer.
func (secret) GoString() string { return hidden }

// LogValue implements slog.LogValuer.
func (secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// sockError is an error on its way through the socket, which keeps what it is.
type sockError struct {
	Code  string    `json:"code,omitempty"`
	Text  string    `json:"text"`
	Left  int       `json:"left,omitempty"`
	Until time.Time `json:"until,omitzero"`
}

// sockCodes are the errors that a command tells apart, the particular first.
var sockCodes = []struct {
	code string
	err  error
}{
	{"no-supervisor", pos.ErrNoSupervisor},
	{"wrong-pin", pos.ErrPIN},
	{"locked", pos.ErrPINLocked},
	{"cannot", chain.ErrCannot},
	{"no-sale", pos.ErrNoSale},
	{"not-now", pos.ErrNotNow},
	{"address", pos.ErrAddress},
	{"far-rate", pos.ErrFarRate},
	{"keys-changed", pos.ErrKeysChanged},
	{"connecting", pos.ErrConnecting},
	{"closed", pos.ErrClosed},
	{"weak-pin", pos.ErrWeakPIN},
	{"pin-taken", pos.ErrPINTaken},
	{"staff", pos.ErrStaff},
	{"busy", errBusy},
	{"version", errSockVersion},
}

var (
	errBusy        = errors.New("the register answers other commands just now; try again")
	errSockVersion = errors.New("the register that is open is of another version of till; close it, or use its own version")
)

func newSockError(err error) *sockError {
	e := &sockError{Text: pos.CleanText(scrub(err.Error()), 600)}
	for _, known := range sockCodes {
		if errors.Is(err, known.err) {
			e.Code = known.code
			break
		}
	}
	var wrong *pos.WrongPINError
	if errors.As(err, &wrong) {
		e.Left = wrong.Left
	}
	var locked *pos.LockedPINError
	if errors.As(err, &locked) {
		e.Until = locked.Until
	}
	return e
}

// asError is the error as the register had it.
func (e *sockError) asError() error {
	switch {
	case e.Code == "wrong-pin" && e.Left > 0:
		return &pos.WrongPINError{Left: e.Left}
	case e.Code == "locked" && !e.Until.IsZero():
		return &pos.LockedPINError{Until: e.Until}
	}
	for _, known := range sockCodes {
		if known.code == e.Code {
			return &toldError{pos.CleanText(e.Text, 600), known.err}
		}
	}
	return errors.New(pos.CleanText(e.Text, 600))
}

// toldError has the words that came through the socket and is what it was.
type toldError struct {
	text string
	is   error
}

func (e *toldError) Error() string { return e.text }
func (e *toldError) Unwrap() error { return e.is }

// errNoHolder says that nobody listens in a data folder.
var errNoHolder = errors.New("no till answers there")

// askHolder asks the till that holds a data folder, or fails with errNoHolder.
func askHolder(ctx context.Context, data string, q request) (answer, error) {
	q.Version = sockVersion
	line, err := json.Marshal(q)
	if err != nil {
		return answer{}, err
	}
	if len(line) >= mostRequest {
		return answer{}, errors.New("that is too long to be asked")
	}
	path, done, err := reachable(data, sockName)
	if err != nil {
		return answer{}, err
	}
	defer done()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return answer{}, notReached(data, err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })()
	// A register that is too busy says so and hangs up before it has read.
	_, _ = conn.Write(append(line, '\n'))
	text, err := readLine(conn, mostAnswer)
	if err != nil {
		return answer{}, sockBroken(ctx, data)
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		return answer{}, sockBroken(ctx, data)
	}
	switch {
	case a.Version != sockVersion:
		return answer{}, errSockVersion
	case a.Error != nil:
		return answer{}, a.Error.asError()
	}
	return a, nil
}

// notReached tells a folder that nobody holds from one whose socket is closed
// to us.
func notReached(data string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTSOCK), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EPROTOTYPE):
		return errNoHolder
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	var sys syscall.Errno
	if errors.As(err, &sys) {
		err = sys
	}
	return fmt.Errorf("the till that holds %s cannot be asked at %s: %s; ask as the same user", data, sockName, plainCause(err))
}

func sockBroken(ctx context.Context, data string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("the till that holds %s broke off; look whether it still runs, and try again", data)
}

// readLine reads a line of at most so many bytes, without its end.
func readLine(r io.Reader, most int) ([]byte, error) {
	var line []byte
	chunk := make([]byte, 4096)
	for {
		n, err := r.Read(chunk)
		for i, b := range chunk[:n] {
			if b == '\n' {
				return append(line, chunk[:i]...), nil
			}
		}
		line = append(line, chunk[:n]...)
		if len(line) > most {
			return nil, errTooLong
		}
		if err != nil {
			return nil, err
		}
	}
}

var errTooLong = errors.New("the line is too long")

// mostSockPath is what every system takes as a socket's path: 104 bytes with a
// zero on macOS, 108 on Linux.
const mostSockPath = 103

// reachable is a path by which a socket of a data folder can be reached. A
// folder whose own path is too long for that is reached by a file descriptor,
// which done closes.
func reachable(data, name string) (path string, done func(), err error) {
	path = filepath.Join(data, name)
	if len(path) <= mostSockPath {
		return path, func() {}, nil
	}
	dir, err := os.Open(data)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, errNoHolder
	}
	if err != nil {
		return "", nil, fmt.Errorf("the data folder %s cannot be opened: %s", data, plainCause(err))
	}
	short := fmt.Sprintf("/proc/self/fd/%d", dir.Fd())
	if _, err := os.Stat(short); err != nil {
		_ = dir.Close()
		return "", nil, fmt.Errorf("the path of %s is too long for a socket on this system; choose a folder with a shorter one", data)
	}
	return filepath.Join(short, name), func() { _ = dir.Close() }, nil
}
