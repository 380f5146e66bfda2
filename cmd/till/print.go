package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui"
	"github.com/cointill/till/tui/receipt"
	"github.com/cointill/till/tui/words"
)

// printWait is how long a printer's command or file may take.
const printWait = 20 * time.Second

// paperFeed moves the last line past the edge where paper is torn.
const paperFeed = "\n\n\n"

// receiptSettings say where receipts go. At most one of the two is set; neither
// is, where none are printed.
type receiptSettings struct {
	command []string // takes a receipt on its input
	file    string   // or a device: receipts are put at its end
	width   int
}

func (s receiptSettings) none() bool { return len(s.command) == 0 && s.file == "" }

func (r *reader) readReceipt(c configFile) error {
	f, out := c.Receipt, &r.out.receipt
	out.width = receipt.Widths[0]
	if f.Width != 0 {
		if out.width = int(min(f.Width, receipt.Widest+1)); out.width < receipt.Narrowest || out.width > receipt.Widest {
			return r.wrong("receipt.width", "a width is %d to %d characters; paper has 32, 42 or 48", receipt.Narrowest, receipt.Widest)
		}
	}
	if f.Print != "" && f.File != "" {
		return r.wrong("receipt.file", "a receipt goes to a command or to a file; leave out print or file")
	}
	out.file = home(f.File)
	if f.Print == "" {
		return nil
	}
	args, err := splitCommand(f.Print)
	if err != nil {
		return r.wrong("receipt.print", "%w", err)
	}
	out.command = args
	return nil
}

// splitCommand splits a command into words as a shell would: at blanks, with
// quotes and backslashes. No shell runs it, so nothing else means anything.
func splitCommand(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	started, quote, escaped := false, rune(0), false
	for _, r := range text {
		switch {
		case escaped:
			if quote == '"' && r != '"' && r != '\\' {
				word.WriteByte('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, started = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, started = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if started {
				words = append(words, word.String())
				word.Reset()
			}
			started = false
		default:
			word.WriteRune(r)
			started = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("a quote is not closed; write it as on a command line")
	}
	if started {
		words = append(words, word.String())
	}
	if len(words) == 0 || words[0] == "" {
		return nil, errors.New("it names no command")
	}
	return words, nil
}

// printer prints a shop's receipts.
type printer struct {
	receiptSettings
	speech words.Words
	format words.Format
	shop   pos.Shop
	wait   time.Duration // how long it may take
}

var _ tui.Printer = (*printer)(nil)

// newPrinter returns nil where no receipts are printed.
func newPrinter(s *settings, find assetFinder) *printer {
	if s.receipt.none() {
		return nil
	}
	speech, format := tongueOf(s).words(find)
	return &printer{s.receipt, speech, format, s.shop, printWait}
}

// demoPrinter is the environment's printer, TILL_RECEIPT_PRINT and the like, for
// a demo that has no configuration; nil without one.
func demoPrinter(environ []string) (*printer, error) {
	var config configFile
	r := &reader{name: "the environment", out: &settings{shop: demoShop}}
	if err := errors.Join(overlay(&config, environ), r.readReceipt(config)); err != nil {
		return nil, err
	}
	return newPrinter(r.out, shippedAsset), nil
}

// text is a receipt as this printer writes it.
func (p *printer) text(v pos.View, again bool) string {
	return receipt.Text(v, receipt.Options{Words: p.speech, Format: p.format, Shop: p.shop, Width: p.width, Copy: again, Testnet: onTestnet(v.Sale)})
}

// onTestnet tells whether a sale was to be paid with worthless money, also where
// the configuration is not there to ask.
func onTestnet(s pos.Sale) bool {
	return slices.ContainsFunc(s.Quotes, func(q pos.Quote) bool {
		if network, ok := strings.CutPrefix(q.Rail, "bitcoin:"); ok {
			return network != "mainnet"
		}
		return slices.ContainsFunc(evmChains, func(c evmChain) bool { return c.test && q.Rail == fmt.Sprintf("eip155:%d", c.id) })
	})
}

// Print hands a receipt to the command or the file, and waits until it was taken.
func (p *printer) Print(ctx context.Context, v pos.View, again bool) error {
	within, cancel := context.WithTimeout(ctx, p.wait)
	defer cancel()
	text, to := p.text(v, again)+paperFeed, p.toCommand
	if p.file != "" {
		to = p.toFile
	}
	if err := to(within, text); ctx.Err() == nil {
		return err
	}
	return ctx.Err()
}

func (p *printer) toCommand(ctx context.Context, text string) error {
	said := p.speech.Phrases()
	name := pos.CleanText(p.command[0], 60)
	cmd := exec.CommandContext(ctx, p.command[0], p.command[1:]...)
	cmd.Stdin = strings.NewReader(text)
	cmd.Env = bare(os.Environ())
	// A group of its own: what it started ends with it, if it takes too long.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // of one that left the group and keeps the output open
	var says capped
	cmd.Stdout, cmd.Stderr = &says, &says
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil, errors.Is(err, exec.ErrWaitDelay):
		return fmt.Errorf(said.PaperSlow, name, p.speech.Span(p.wait))
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist), errors.Is(err, os.ErrPermission):
		return fmt.Errorf(said.PaperNoCommand, name)
	}
	why := pos.CleanText(says.String(), 120)
	if exit := new(exec.ExitError); why == "" && errors.As(err, &exit) {
		why = exit.Error() // "exit status 1"
	} else if why == "" {
		why = plainCause(err)
	}
	return fmt.Errorf(said.PaperFailed, name, why)
}

// toFile writes in the background: a device may block, and a pipe that nobody
// reads does for ever.
func (p *printer) toFile(ctx context.Context, text string) error {
	said := p.speech.Phrases()
	done := make(chan error, 1)
	go func() {
		f, err := os.OpenFile(p.file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err == nil {
			_, err = io.WriteString(f, text)
			err = errors.Join(err, f.Close())
		}
		done <- err
	}()
	name := pos.CleanText(p.file, 80)
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf(said.PaperFailed, name, plainCause(err))
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf(said.PaperSlow, name, p.speech.Span(p.wait))
	}
}

// bare is an environment without till's own part of it, which holds keys.
func bare(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(s string) bool { return strings.HasPrefix(s, envPrefix) })
}

// capped keeps the beginning of what a command says.
type capped struct{ bytes.Buffer }

func (c *capped) Write(p []byte) (int, error) {
	if room := 500 - c.Len(); room > 0 {
		c.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
