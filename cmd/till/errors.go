package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cointill/till/chain/xpub"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/words"
)

// The exit codes of every command; those of a sale's end are in sale.go.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

// exit is an error with the exit code that it ends the process with. A nil
// cause ends it silently: everything was said.
type exit struct {
	code  int
	cause error
}

func (e *exit) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.cause.Error()
}

func (e *exit) Unwrap() error { return e.cause }

// usage marks an error as the caller's: exit code 2.
func usage(format string, args ...any) error {
	return &exit{exitUsage, fmt.Errorf(format, args...)}
}

// finish says what went wrong, in one line, and returns the exit code.
func finish(err error, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	code := exitError
	var e *exit
	if errors.As(err, &e) {
		code = e.code
		if e.cause == nil {
			return code
		}
		err = e.cause
	}
	if errors.Is(err, context.Canceled) {
		return code
	}
	fmt.Fprintf(stderr, "till: %s\n", oneLine(err))
	return code
}

// oneLine makes any error one clean line. What the rooms of pos return has a
// sentence in tui/words; the rest are sentences already.
func oneLine(err error) string {
	text := err.Error()
	for _, known := range []error{
		pos.ErrNoSale, pos.ErrNoAddress, pos.ErrNotNow, pos.ErrConnecting, pos.ErrStaleRate, pos.ErrNoAsset, pos.ErrTooSmall,
	} {
		if errors.Is(err, known) {
			text = words.For("en", words.Format{}).Error(err)
			break
		}
	}
	if errors.Is(err, pos.ErrKeysChanged) {
		text += "; `till keys` shows which, and `till keys agree` agrees"
	}
	return pos.CleanText(scrub(strings.TrimSuffix(text, ".")), 600)
}

// shown repeats in a sentence what somebody wrote, unless it may be a private
// key in the wrong place.
func shown(text string, most int) string {
	if xpub.LooksPrivate(text) {
		return hidden
	}
	return pos.CleanText(text, most)
}

// wrongFlag makes a sentence of what the flags' library says.
func wrongFlag(cmd *cobra.Command, err error) error {
	text, _, _ := strings.Cut(err.Error(), ": strconv.") // Go's own words for a wrong number
	if xpub.LooksPrivate(text) {
		text = "a flag is not known, or its value is wrong; what was written is not repeated, because it may be a private key"
	}
	return usage("%s; see %s --help", pos.CleanText(text, 200), cmd.CommandPath())
}

// hideLong takes everything out of a text that is longer than a word: what a
// library repeats of a command line may be a key in the wrong place.
func hideLong(text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		if len(w) > 24 {
			words[i] = hidden
		}
	}
	return strings.Join(words, " ")
}

// refuseKeys refuses a command line that holds a private key or recovery words
// anywhere, before anything else looks at it. Outside of set-up 32 bytes in hex
// may as well be a transaction, a block, an order's hash or a journal's head.
func refuseKeys(args []string) error {
	setUp := slices.Contains(args, "init")
	for _, arg := range args {
		arg = urlText.ReplaceAllString(arg, "") // may hold an API key, which is hex too
		_, value, _ := strings.Cut(arg, "=")
		for _, text := range []string{arg, strings.TrimLeft(arg, "-"), value} {
			if _, err := xpub.ParseEVM(text); errors.Is(err, xpub.ErrPrivateKey) && (setUp || !isHash(text) && !isAnchor(text)) {
				return fmt.Errorf("REFUSED: on the command line: %w", err)
			}
		}
	}
	return nil
}

func isHash(text string) bool {
	text = strings.TrimPrefix(strings.TrimSpace(text), "0x")
	return len(text) == 64 && strings.Trim(text, "0123456789abcdefABCDEF") == ""
}

// clip repeats what somebody typed where a word was expected, unless it is
// longer than a word: it may be a key in the wrong place.
func clip(text string) string {
	if len(text) > 24 {
		return hidden
	}
	return shown(text, 24)
}
