package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/tui/qr"
)

// finding is one line of the doctor's: what was looked at, what is known, and
// what to do where it is not well.
type finding struct {
	what string
	bad  bool   // something does not work because of it
	note bool   // it works, but somebody should know
	text string // a fact; with "; what to do" where bad or note
}

func good(what, format string, args ...any) finding {
	return finding{what: what, text: fmt.Sprintf(format, args...)}
}

func noted(what, format string, args ...any) finding {
	return finding{what: what, note: true, text: fmt.Sprintf(format, args...)}
}

func faulty(what, format string, args ...any) finding {
	return finding{what: what, bad: true, text: fmt.Sprintf(format, args...)}
}

func (f finding) String() string {
	mark := "ok"
	switch {
	case f.bad:
		mark = "PROBLEM"
	case f.note:
		mark = "note"
	}
	return fmt.Sprintf("%-7s  %-10s  %s", mark, f.what, oneLine(errors.New(f.text)))
}

func doctorCommand(at *places) *cobra.Command {
	var offline bool
	var wait time.Duration
	var since string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the configuration, keys, data folder, backup, nodes, prices, clock and this terminal",
		Long: `Looks at everything that a register needs, one line each: ok, note or PROBLEM,
and what to do. It changes nothing. It ends with exit code 1 if there is a problem.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := doctor{out: cmd.OutOrStdout(), tell: cmd.ErrOrStderr(), wait: wait, offline: offline}
			if since != "" {
				var err error
				if d.usedSince, err = time.Parse(time.DateOnly, since); err != nil || offline {
					return usage("--used-since takes a day, like 2024-01-31, and asks nodes")
				}
			}
			return d.run(cmd.Context(), at.fill())
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "ask no node and no exchange")
	cmd.Flags().StringVar(&since, "used-since", "", "read the Bitcoin chain since this day and find the key's first unused index (2 to 3 MB for each day)")
	cmd.Flags().DurationVar(&wait, "wait", 20*time.Second, "how long nodes and exchanges may take to answer")
	return cmd
}

// doctor prints findings and remembers whether one was bad.
type doctor struct {
	out     io.Writer
	tell    io.Writer // progress
	wait    time.Duration
	offline bool
	// usedSince is the day since which the key's addresses are looked for; zero
	// = not at all.
	usedSince time.Time
	// exchange is where a price source is asked, "" = at its own address.
	exchange func(name string) string
	sick     bool
}

func (d *doctor) say(findings ...finding) {
	for _, f := range findings {
		d.sick = d.sick || f.bad
		fmt.Fprintln(d.out, f)
	}
}

func (d *doctor) run(ctx context.Context, at places) error {
	s, err := at.load()
	if err != nil {
		d.say(faulty("config", "%s", err))
	} else {
		d.say(good("config", "%s, %s, %s", at.config, s.own(), counted(len(s.shop.Assets), "coin")))
		d.say(checkPrivate(at.config)...)
	}
	for _, name := range unknownEnv(os.Environ()) {
		d.say(noted("config", "the environment variable %s means nothing to till; remove it, or correct its name", name))
	}
	if s != nil {
		d.say(checkKeys(s)...)
	}
	d.say(checkData(ctx, at.data, s)...)
	if s != nil && !d.offline {
		d.say(d.network(ctx, s)...)
	}
	if s != nil && s.bitcoin != nil && !d.usedSince.IsZero() {
		d.say(checkUsed(ctx, s, d.usedSince, d.tell)...)
	}
	d.terminal()
	if d.sick {
		return &exit{code: exitError}
	}
	return nil
}

// network asks nodes and exchanges, all at once, and tells in a fixed order.
func (d *doctor) network(ctx context.Context, s *settings) []finding {
	ctx, cancel := context.WithTimeout(ctx, d.wait)
	defer cancel()
	var checks []func() []finding
	if s.bitcoin != nil {
		checks = append(checks, func() []finding { return checkWays(ctx, s) })
	}
	for _, e := range s.evm {
		for _, endpoint := range e.endpoints {
			checks = append(checks, func() []finding { return checkEVM(ctx, e, endpoint) })
		}
		if len(e.endpoints) == 1 {
			checks = append(checks, func() []finding {
				return []finding{noted(e.chain.name, "one endpoint has to be believed; a second one of another company is safer")}
			})
		}
	}
	checks = append(checks, func() []finding { return d.checkRates(ctx, s) })
	results := make([][]finding, len(checks))
	var wg sync.WaitGroup
	for i, check := range checks {
		wg.Go(func() { results[i] = check() })
	}
	wg.Wait()
	var all []finding
	for _, r := range results {
		all = append(all, r...)
	}
	return all
}

func checkKeys(s *settings) []finding {
	var found []finding
	add := func(what string, account chain.Account, first []chain.Destination, warnings []string) {
		if len(first) == 0 {
			found = append(found, faulty(what, "the key gives no address; set it up again with `till init --force`"))
			return
		}
		found = append(found, good(what, "key %s, first address %s", strings.TrimSpace(account.Fingerprint+" "+account.Path), first[0]))
		for _, w := range warnings {
			found = append(found, noted(what, "%s", w))
		}
	}
	if b := s.bitcoin; b != nil {
		var warnings []string
		for _, w := range b.key.Warnings {
			warnings = append(warnings, w.Text())
		}
		add("Bitcoin", b.key.Account(), b.key.First(1), warnings)
	}
	for _, e := range s.evm {
		var warnings []string
		for _, w := range e.key.Warnings {
			warnings = append(warnings, w.Text())
		}
		add(e.chain.name, e.key.Account(), e.key.First(1), warnings)
	}
	return found
}

// terminal looks at where this runs, and shows a code to try with a phone.
func (d *doctor) terminal() {
	name := os.Getenv("TERM")
	file, ok := d.out.(*os.File)
	if !ok || !term.IsTerminal(file.Fd()) {
		d.say(noted("terminal", "the output is no terminal; run this on the one that the register will use"))
		return
	}
	cols, rows, err := term.GetSize(file.Fd())
	if err != nil {
		d.say(noted("terminal", "it does not say its size; 80x24 is assumed"))
		cols, rows = 80, 24
	}
	dumb, noColour := name == "dumb" || name == "", os.Getenv("NO_COLOR") != ""
	switch {
	case dumb:
		d.say(noted("terminal", "TERM=%s, %dx%d: no colours and no attributes; set TERM to what the terminal is, like xterm-256color", clip(name), cols, rows))
	case cols < 40 || rows < 20:
		d.say(noted("terminal", "%s, %dx%d: too small for most QR codes; at least 40x20, better 80x24", clip(name), cols, rows))
	case noColour:
		d.say(good("terminal", "%s, %dx%d, colours off by NO_COLOR", clip(name), cols, rows))
	default:
		d.say(good("terminal", "%s, %dx%d", clip(name), cols, rows))
	}
	if !utf8Locale(os.Environ()) {
		d.say(noted("terminal", "the locale is not UTF-8, codes and € may look wrong; set LANG to something like en_IE.UTF-8"))
	}
	const sample = "till: this screen can be read"
	if code, ok := qr.Fit([]chain.Form{{Kind: chain.FormAddress, Text: sample}}, cols, rows, qr.ModeFor(dumb, noColour, true)); ok {
		fmt.Fprintf(d.out, "\nScan this with a phone. It should read %q.\n%s\n", sample, code)
	}
}

// utf8Locale tells what the environment says about the character set.
func utf8Locale(environ []string) bool {
	values := make(map[string]string)
	for _, e := range environ {
		k, v, _ := strings.Cut(e, "=")
		values[k] = v
	}
	for _, k := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(values[k]); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
