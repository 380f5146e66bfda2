package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/cointill/till/pos"
)

// teller is a log for people: a line per event, in words, without keys and secrets.
type teller struct {
	to    io.Writer
	mu    *sync.Mutex
	least slog.Level
	plain bool // without the time: the journal has it
	attrs []slog.Attr
}

func (t teller) Enabled(_ context.Context, l slog.Level) bool { return l >= t.least }

func (t teller) Handle(_ context.Context, r slog.Record) error {
	var facts []string
	add := func(a slog.Attr) bool {
		if a.Key != "stack" { // the log in the data folder has it
			facts = append(facts, a.Key+" "+pos.CleanText(a.Value.String(), 300))
		}
		return true
	}
	for _, a := range t.attrs {
		add(a)
	}
	r.Attrs(add)
	line := pos.CleanText(r.Message, 300)
	if r.Level >= slog.LevelWarn {
		line = strings.ToLower(r.Level.String()) + ": " + line
	}
	if len(facts) > 0 {
		line += " (" + strings.Join(facts, ", ") + ")"
	}
	if !t.plain {
		line = r.Time.Local().Format(time.DateTime) + "  " + line
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, err := fmt.Fprintln(t.to, scrub(line))
	return err
}

func (t teller) WithAttrs(attrs []slog.Attr) slog.Handler {
	t.attrs = append(t.attrs[:len(t.attrs):len(t.attrs)], attrs...)
	return t
}

func (t teller) WithGroup(string) slog.Handler { return t }

// both writes to two logs.
type both [2]slog.Handler

func (b both) Enabled(ctx context.Context, l slog.Level) bool {
	return b[0].Enabled(ctx, l) || b[1].Enabled(ctx, l)
}

func (b both) Handle(ctx context.Context, r slog.Record) error {
	for _, h := range b {
		if h.Enabled(ctx, r.Level) {
			if err := h.Handle(ctx, r.Clone()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b both) WithAttrs(attrs []slog.Attr) slog.Handler {
	return both{b[0].WithAttrs(attrs), b[1].WithAttrs(attrs)}
}

func (b both) WithGroup(name string) slog.Handler {
	return both{b[0].WithGroup(name), b[1].WithGroup(name)}
}
