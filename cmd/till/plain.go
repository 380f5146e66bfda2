package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui"
	"github.com/cointill/till/tui/plain"
	"github.com/cointill/till/tui/qr"
	"github.com/cointill/till/tui/words"
)

// plainHelp is what --plain says.
const plainHelp = "in lines, for a screen reader or a pipe; also with ACCESSIBLE=1, TERM=dumb, or where there is no terminal"

// wantsLines tells whether the register is to be shown in lines.
func wantsLines(cmd *cobra.Command) bool {
	if said, err := cmd.Flags().GetBool("plain"); err == nil && said {
		return true
	}
	accessible := os.Getenv("ACCESSIBLE")
	return accessible != "" && accessible != "0" || os.Getenv("TERM") == "dumb" ||
		!onTerminal(cmd.InOrStdin()) || !onTerminal(cmd.OutOrStdout())
}

// runLines shows the register in lines, on what the command reads and writes.
func runLines(cmd *cobra.Command, cfg tui.Config, start func(context.Context) (*session, error)) error {
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	if cfg.Clock == nil {
		cfg.Clock = clock{}
	}
	out := cmd.OutOrStdout()
	format := words.Format{Locale: cfg.Locale, Zone: cfg.Zone}
	speech := words.For(cfg.Language, format)
	fmt.Fprintln(out, speech.Phrases().LineStarting)
	s, err := start(ctx)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	}
	if wrong := s.setBack(ctx); wrong != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "till: %s\n", wrong)
	}
	known := s.Shop()
	format.Asset = func(id chain.AssetID) (chain.Asset, bool) {
		for _, a := range append(known.Assets[:len(known.Assets):len(known.Assets)], known.Known...) {
			if a.ID == id {
				return a, true
			}
		}
		return shippedAsset(id)
	}
	checked := make(chan error, 1)
	if s.check == nil {
		checked <- nil
	} else {
		go func() {
			err := s.check(ctx)
			if checked <- err; err != nil && ctx.Err() == nil {
				cancel() // nothing is rung up on records that are damaged
			}
		}()
	}
	o := plain.Options{
		Actor: cfg.Actor, Words: words.For(cfg.Language, format), Format: format, Clock: cfg.Clock, In: cmd.InOrStdin(), Out: out,
		Person: onTerminal(cmd.InOrStdin()), Echo: echoOf(cmd.InOrStdin()), Code: plainCode(out),
	}
	if s.stage != nil {
		o.Stage = s.stage
	}
	if cfg.Printer != nil {
		o.Printer = cfg.Printer
	}
	err = plain.Run(ctx, s, o)
	cancel()
	if res := <-checked; !errors.Is(res, context.Canceled) {
		err = errors.Join(err, res)
	}
	return errors.Join(err, s.close())
}

// plainCode draws a code without an attribute: of blocks alone.
func plainCode(out any) func([]chain.Form) (string, bool) {
	return func(forms []chain.Form) (string, bool) {
		cols, rows := 120, 80 // of a pipe, or of a terminal that does not say
		if f, ok := out.(*os.File); ok {
			if w, _, err := term.GetSize(f.Fd()); err == nil && w > 0 {
				cols = w
			}
		}
		code, ok := qr.Fit(forms, cols, rows, qr.ModeFor(true, true, true))
		if !ok {
			return "", false
		}
		return code.String(), true
	}
}

// echoOf switches the echo of a terminal, nil where the input is none.
func echoOf(in any) func(bool) {
	f, ok := in.(*os.File)
	if !ok || !term.IsTerminal(f.Fd()) {
		return nil
	}
	return func(on bool) {
		state, err := unix.IoctlGetTermios(int(f.Fd()), ioctlGetTermios)
		if err != nil {
			return
		}
		state.Lflag &^= unix.ECHO
		if on {
			state.Lflag |= unix.ECHO
		}
		_ = unix.IoctlSetTermios(int(f.Fd()), ioctlSetTermios, state)
	}
}

var _ plain.Register = (*pos.Register)(nil)
