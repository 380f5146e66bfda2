package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/tui/words"
)

// eventsFlags are the flags of `till events`.
type eventsFlags struct {
	from   uint64
	limit  int
	follow bool
	json   bool
}

// eventPoll is how often `till events --follow` looks: one seek in an index.
const eventPoll = 250 * time.Millisecond

// eventPage is how many changes are read at a time.
const eventPage = 500

func eventsCommand(at *places) *cobra.Command {
	var f eventsFlags
	cmd := &cobra.Command{
		Use:   "events",
		Short: "List every change of every sale, oldest first; --follow waits for more",
		Long: `Lists the changes of all sales in the order in which they were stored, oldest
first, also while a register is open. Changes are numbered 1, 2, 3 … without a
gap: a program that keeps the last number it has done goes on with --from that
number plus one and misses nothing.

With --follow it then waits for more, and ends with exit code 0 when it is
interrupted, terminated or nobody reads its output any more.

With --json each change is the object of "till sale --json" with "seq", its
number, and "was", the status before ("" for a new sale). Status, verdict and
amounts are those of the change; the address, the price, the rate and the
payments are as they are stored now.

With [callback] url = "https://…" in the configuration, or "till sale --callback",
each change is also posted there, as the same object, signed as Standard Webhooks
has it (webhook-id, webhook-timestamp, webhook-signature). The receiver answers
2xx within 15 seconds; otherwise it is tried again for three days, ten times in
all. Changes of one sale come in order, and at least once: webhook-id is the same
each time. Only https to public addresses is posted to, and whatever
allow = ["10.0.0.0/8", "shop.local"] in [callback] names.`,
		Example: `  till events --limit 20
  till events --follow --json --from 118
  till events deliveries --failed
  till events secret`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return listEvents(cmd, at.fill(), f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Uint64Var(&f.from, "from", 1, "begin with the change of this `number`")
	flags.BoolVar(&f.follow, "follow", false, "wait for more")
	flags.IntVar(&f.limit, "limit", 0, "end after so many; 0 is all")
	flags.BoolVar(&f.json, "json", false, "one JSON object per change")
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(deliveriesCommand(at), redeliverCommand(at), hookSecretCommand(at))
	return cmd
}

// eventJSON is a change for scripts: the sale's object as of the change.
type eventJSON struct {
	Seq uint64     `json:"seq"`
	Was pos.Status `json:"was"`
	saleJSON
}

// errNoReader says that nobody reads what is written any more.
var errNoReader = errors.New("nobody reads the output")

func listEvents(cmd *cobra.Command, at places, f eventsFlags) error {
	if f.limit < 0 {
		return usage("--limit takes 0 for all, or a number of changes")
	}
	books, err := readStore(cmd.Context(), at.data)
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()
	// A pipe whose reader is gone is an end like any other, not a signal.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	defer signal.Stop(pipe)

	out := bufio.NewWriter(cmd.OutOrStdout())
	l := eventLister{eventsFlags: f, books: books, out: out, find: at.assets(), path: filepath.Join(at.data, store.FileName)}
	l.speech, l.format = at.speech()
	l.file, _ = os.Stat(l.path)
	err = l.run(cmd.Context(), listener(cmd.OutOrStdout()))
	if err == nil {
		err = out.Flush()
	}
	if errors.Is(err, errNoReader) || errors.Is(err, syscall.EPIPE) || f.follow && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// eventLister writes changes as they come.
type eventLister struct {
	eventsFlags
	books pos.Store
	out   *bufio.Writer
	find  assetFinder
	path  string      // of the store
	file  os.FileInfo // of the store, when it was opened

	wrote  int
	speech words.Words
	format words.Format
}

// run ends with the last change, or, where more are waited for, with an error.
func (l *eventLister) run(ctx context.Context, read func() bool) error {
	after := max(l.from, 1) - 1
	tick := time.NewTicker(eventPoll)
	defer tick.Stop()
	for {
		page := eventPage
		if l.limit > 0 {
			page = min(page, l.limit-l.wrote)
		}
		changes, err := l.books.Outbox(ctx, after, page)
		if err != nil {
			return err
		}
		for _, c := range changes {
			if err := l.write(ctx, c); err != nil {
				return err
			}
			after = c.Seq
		}
		l.wrote += len(changes)
		switch {
		case l.limit > 0 && l.wrote >= l.limit:
			return nil
		case len(changes) == page:
			continue
		case !l.follow && l.wrote == 0 && !l.json:
			_, err := fmt.Fprintln(l.out, "no changes")
			return err
		case !l.follow:
			return nil
		}
		if err := l.out.Flush(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if !read() {
			return errNoReader
		}
		if now, err := os.Stat(l.path); l.file != nil && (err != nil || !os.SameFile(now, l.file)) {
			return fmt.Errorf("%s was taken away or replaced, and its changes were read up to number %d; begin again", l.path, after)
		}
	}
}

// recordOf is the sale of a change as it was after it, as far as that is known.
func recordOf(ctx context.Context, books pos.Store, c pos.Change) (pos.Record, error) {
	r, err := books.Sale(ctx, c.SaleID)
	switch {
	case errors.Is(err, pos.ErrNoSale): // the change itself says the most of it
		r.Sale = pos.Sale{ID: c.SaleID, Number: c.Number}
	case err != nil:
		return r, err
	}
	r.Sale.Outcome = c.Outcome
	return r, nil
}

// marshalEvent makes the JSON of a change, for scripts and callbacks.
func marshalEvent(ctx context.Context, books pos.Store, c pos.Change, find assetFinder) ([]byte, error) {
	r, err := recordOf(ctx, books, c)
	if err != nil {
		return nil, err
	}
	v := pos.View{Record: r}
	v.Asset, _ = find(c.Outcome.Asset)
	return json.Marshal(eventJSON{c.Seq, c.Was, newSaleJSON(v, c.At)})
}

func (l *eventLister) write(ctx context.Context, c pos.Change) error {
	if l.json {
		line, err := marshalEvent(ctx, l.books, c, l.find)
		if err != nil {
			return err
		}
		_, err = l.out.Write(append(line, '\n'))
		return err
	}
	_, err := fmt.Fprintf(l.out, "%6d  %s  sale %s  %s", c.Seq, c.At.Local().Format(time.DateTime), words.Number4(c.Number), eventText(c, l.speech, l.format))
	if err != nil {
		return err
	}
	return l.out.WriteByte('\n')
}

// eventText says what a change changed: the status, and what is to be done.
func eventText(c pos.Change, speech words.Words, format words.Format) string {
	text := speech.Status(c.Outcome)
	if c.Was != "" && c.Was != c.Outcome.Status {
		text = speech.Status(pos.Outcome{Status: c.Was}) + " > " + text
	}
	if c.Outcome.Verdict != pos.NoVerdict {
		text += "  " + speech.Verdict(c.Outcome.Verdict)
	}
	if why := speech.Reason(c.Outcome.Reason, format.Find(c.Outcome.Asset)); why != "" {
		text += "  " + why
	}
	return text
}

// listener returns a function that tells whether anybody still reads an output,
// as far as the system says: for a pipe or a socket whose other end is gone.
func listener(out io.Writer) func() bool {
	file, ok := out.(*os.File)
	if !ok {
		return func() bool { return true }
	}
	return func() bool {
		fds := []unix.PollFd{{Fd: int32(file.Fd())}} //nolint:gosec // file descriptors are small
		n, err := unix.Poll(fds, 0)
		return err != nil || n == 0 || fds[0].Revents&(unix.POLLERR|unix.POLLHUP) == 0
	}
}
