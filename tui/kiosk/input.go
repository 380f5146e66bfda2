package kiosk

import (
	"context"
	"io"
	"sync/atomic"

	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"
	"golang.org/x/time/rate"
)

// What somebody types goes to the program from here, and not by the program's own
// reader: that one waits for ever with what was typed after the program ended, and
// keeps the program with it.

const (
	typedPerSecond = 1 << 10   // bytes that are taken in the long run: no person and no scanner types faster
	typedAtOnce    = 4 << 10   // bytes
	mostSequence   = 256 << 10 // bytes of a paste, or of anything that begins and does not end
)

// keyboard reads what a client sends, at a pace that costs the others nothing.
type keyboard struct {
	io.Reader
	ctx     context.Context
	pace    *rate.Limiter
	pending atomic.Int64 // bytes since something was understood
	cancel  context.CancelFunc
}

// Read implements io.Reader. It ends the screen when the client has hung up.
func (k *keyboard) Read(p []byte) (int, error) {
	n, err := k.Reader.Read(p[:min(len(p), typedAtOnce/8)])
	if err == nil {
		err = k.pace.WaitN(k.ctx, n)
	}
	if err == nil && k.pending.Add(int64(n)) > mostSequence {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		k.cancel()
		return 0, err
	}
	return n, nil
}

// typing passes on what a client sends until it hangs up or ctx ends.
func typing(ctx context.Context, program *tea.Program, in io.Reader, term string, cancel context.CancelFunc) {
	k := &keyboard{Reader: in, ctx: ctx, pace: rate.NewLimiter(typedPerSecond, typedAtOnce), cancel: cancel}
	events := make(chan uv.Event)
	go func() {
		defer close(events)
		_ = uv.NewTerminalReader(k, term).StreamEvents(ctx, events) // an error is the line's, and ends the screen
	}()
	for e := range events {
		k.pending.Store(0)
		program.Send(e) // returns at once where the program has ended
	}
}
