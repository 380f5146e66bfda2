package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/cointill/till/pos"
)

// mostPIN is how long a line that holds a PIN may be; what a PIN is the register
// says.
const mostPIN = 64

// pinSource is where a command gets PINs from: a person at a terminal, without
// an echo, or the lines of standard input. They are never arguments: those
// stand in the shell's history and in the list of processes.
type pinSource struct {
	in   io.Reader
	out  io.Writer // what is asked
	tty  *os.File  // nil = lines of in
	next int       // of the lines
}

// pinFrom chooses the source of a command's PINs.
func pinFrom(cmd *cobra.Command, lines bool) (*pinSource, error) {
	in := cmd.InOrStdin()
	if lines {
		return &pinSource{in: in, out: io.Discard}, nil
	}
	tty, _ := in.(*os.File)
	if !onTerminal(in) {
		return nil, usage("a PIN is asked for on a terminal; in a script give it in standard input, with --pin-stdin")
	}
	return &pinSource{in: in, out: cmd.ErrOrStderr(), tty: tty}, nil
}

// ask asks for a PIN that exists.
func (p *pinSource) ask(ctx context.Context, what string) (secret, error) {
	if p.tty == nil {
		return p.line(what)
	}
	fmt.Fprintf(p.out, "%s: ", what)
	pin, err := readUnseen(ctx, p.tty)
	fmt.Fprintln(p.out)
	return pin, err
}

// askNew asks for a new PIN, on a terminal twice: one that cannot be taken is
// refused before it is typed again, and two different ones end it.
func (p *pinSource) askNew(ctx context.Context, what string, role pos.Role) (secret, error) {
	pin, err := p.ask(ctx, what)
	if err != nil || p.tty == nil {
		return pin, err
	}
	if weakPIN(string(pin), role) {
		return "", pos.ErrWeakPIN
	}
	again, err := p.ask(ctx, "again")
	if err == nil && again != pin {
		err = errors.New("these were two different PINs; nothing was changed, so start again")
	}
	return pin, err
}

// weakPIN tells whether the register would refuse a PIN: see pos.ErrWeakPIN.
func weakPIN(pin string, role pos.Role) bool {
	least := 4
	if role == pos.Supervisor {
		least = 6
	}
	return len(pin) < least || len(pin) > 12 || strings.Trim(pin, "0123456789") != ""
}

// line reads the next line, of at most as many bytes as a PIN has.
func (p *pinSource) line(what string) (secret, error) {
	p.next++
	var line []byte
	one := make([]byte, 1) // what follows is for the next
	for len(line) <= mostPIN+1 {
		n, err := p.in.Read(one)
		if n == 1 && one[0] == '\n' || err != nil && len(line) > 0 {
			return secret(strings.TrimSuffix(string(line), "\r")), nil
		}
		if err != nil {
			return "", usage("standard input has no line %d, which is to be %s", p.next, what)
		}
		line = append(line, one[:n]...)
	}
	return "", usage("line %d of standard input is longer than any PIN", p.next)
}

// readUnseen reads a line from a terminal that shows nothing of it. When ctx
// ends the terminal is as it was.
func readUnseen(ctx context.Context, tty *os.File) (secret, error) {
	was, err := term.GetState(tty.Fd())
	if err != nil {
		return "", fmt.Errorf("this terminal cannot be kept from showing the PIN (%s); use --pin-stdin", plainCause(err))
	}
	type read struct {
		text []byte
		err  error
	}
	typed := make(chan read, 1)
	go func() {
		text, err := term.ReadPassword(tty.Fd())
		typed <- read{text, err}
	}()
	select {
	case r := <-typed:
		if errors.Is(r.err, io.EOF) {
			r.err = usage("no PIN was typed")
		}
		return secret(strings.TrimSpace(string(r.text))), r.err
	case <-ctx.Done():
		_ = term.Restore(tty.Fd(), was)
		return "", ctx.Err()
	}
}
