package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
)

// verifyFlags are the flags of `till verify`.
type verifyFlags struct {
	offline, json bool
	anchors       []string
	wait          time.Duration
}

func verifyCommand(at *places) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Prove that no sale, payment or address was changed behind the till's back",
		Long: `Checks, without changing anything and also while a register is open:

  - every row of the store against its check sum, and every counter;
  - the journal's chain of hashes: who changes, adds or removes an entry has to
    rewrite all that follow, and so the journal's head;
  - every sale against what its journal alone makes of it;
  - every address that was shown, derived again from the key;
  - every payment against its network. The register that is open is asked, or the
    networks are connected for it; --offline leaves this out.

It ends with the journal's head, like 118:9f1c…. Note it down where nobody who
could change the data folder can change it: a later "till verify --anchor" with it
proves that nothing up to there was rewritten.

What a network cannot say is told with the reason, and is no fault. The exit code
is 1 if anything is wrong; the first thing that is wrong stands first.`,
		Example: `  till verify
  till verify --offline --anchor 118:9f1c04ab…`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return verify(cmd, at.fill(), f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.offline, "offline", false, "ask no network")
	flags.StringArrayVar(&f.anchors, "anchor", nil, "the journal's head as it was noted down, `SEQ:HASH`; may be given several times")
	flags.BoolVar(&f.json, "json", false, "one JSON object")
	flags.DurationVar(&f.wait, "wait", 2*time.Minute, "how long networks may take to connect")
	return cmd
}

// mostTold is how many faults, and how many things that could not be checked,
// are told one by one.
const mostTold = 20

// verdict is what a check came to.
type verdict struct {
	OK       bool    `json:"ok"`
	Head     string  `json:"head"` // SEQ:HASH of the journal
	Entries  uint64  `json:"entries"`
	Sales    int     `json:"sales"`
	Derived  int     `json:"addresses"` // that were derived again
	Payments int     `json:"payments"`
	Asked    int     `json:"asked"` // payments that their network confirmed
	Faults   []fault `json:"faults"`
	// Unchecked says what could not be checked, and why.
	Unchecked []string `json:"unchecked"`
	Untold    int      `json:"untold,omitempty"` // more of these
}

// fault is something that is not as it was written.
type fault struct {
	What string `json:"what"` // store, journal, anchor, sale, address, payment
	Text string `json:"text"`
}

func (v *verdict) wrong(what, format string, args ...any) {
	v.OK = false
	f := fault{what, oneLine(fmt.Errorf(format, args...))}
	if slices.ContainsFunc(v.Faults, func(have fault) bool { return have.Text == f.Text }) {
		return // found in two ways
	}
	if len(v.Faults) >= mostTold {
		v.Untold++
		return
	}
	v.Faults = append(v.Faults, f)
}

func (v *verdict) unchecked(format string, args ...any) {
	if len(v.Unchecked) >= mostTold {
		v.Untold++
		return
	}
	v.Unchecked = append(v.Unchecked, oneLine(fmt.Errorf(format, args...)))
}

// anchor is a head of the journal that somebody noted down.
type anchor struct {
	seq  uint64
	hash pos.Hash
}

func (a anchor) String() string { return fmt.Sprintf("%d:%s", a.seq, a.hash) }

func isAnchor(text string) bool {
	_, err := readAnchor(text)
	return err == nil
}

func readAnchor(text string) (a anchor, err error) {
	seq, hash, ok := strings.Cut(strings.TrimSpace(text), ":")
	if ok {
		a.seq, err = strconv.ParseUint(seq, 10, 63)
	}
	if !ok || err != nil || a.seq == 0 || a.hash.UnmarshalText([]byte(hash)) != nil {
		return a, usage("--anchor takes what a former till verify printed as the journal's head, a number, a colon and 64 digits and letters a to f")
	}
	return a, nil
}

func verify(cmd *cobra.Command, at places, f verifyFlags) error {
	anchors := make(map[uint64]pos.Hash)
	for _, text := range f.anchors {
		a, err := readAnchor(text)
		if err != nil {
			return err
		}
		if other, twice := anchors[a.seq]; twice && other != a.hash {
			return usage("two anchors say something else about entry %d; one of them is not of this till", a.seq)
		}
		anchors[a.seq] = a.hash
	}
	books, err := readStore(cmd.Context(), at.data)
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()
	v := &verifier{books: books, anchors: anchors, verdict: verdict{OK: true, Faults: []fault{}, Unchecked: []string{}}}
	if err := v.run(cmd.Context(), at, f); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if f.json {
		err = json.NewEncoder(out).Encode(v.verdict)
	} else {
		v.say(out)
	}
	if err == nil && !v.OK {
		err = &exit{code: exitError}
	}
	return err
}

// verifier checks a store. Its errors are those of reading it; what is wrong with
// it is in the verdict.
type verifier struct {
	verdict
	books   *store.SQLite
	keys    map[string]accountKey // by account id
	noKeys  error                 // why the keys are not known
	anchors map[uint64]pos.Hash
	foreign map[string]int // addresses of accounts that are no longer configured
	loose   []pos.Payment  // money that is nobody's
}

func (v *verifier) run(ctx context.Context, at places, f verifyFlags) error {
	s, err := at.load()
	if err != nil {
		v.noKeys = err
		v.unchecked("addresses: %w", err)
	} else {
		v.keys = s.accountKeys()
	}
	for _, check := range []func(context.Context) error{v.checkStore, v.checkJournal, v.checkSales} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	if f.offline || v.Payments == 0 {
		return nil
	}
	return v.checkPayments(ctx, at, f.wait)
}

// checkStore looks through the whole file. A damaged row is named.
func (v *verifier) checkStore(ctx context.Context) error { return v.judge("store", v.books.Check(ctx)) }

// judge takes damage as a fault, and returns every other error.
func (v *verifier) judge(what string, err error) error {
	if errors.Is(err, pos.ErrDamaged) {
		v.wrong(what, "%w", err)
		return nil
	}
	return err
}

func (v *verdict) say(out io.Writer) {
	for _, f := range v.Faults {
		fmt.Fprintf(out, "PROBLEM  %-8s  %s\n", f.What, f.Text)
	}
	for _, text := range v.Unchecked {
		fmt.Fprintf(out, "note     %-8s  not checked: %s\n", "", text)
	}
	if v.Untold > 0 {
		fmt.Fprintf(out, "and %d more\n", v.Untold)
	}
	fmt.Fprintf(out, "%s, %s, %s derived again, %s", counted(v.Sales, "sale"), counted2(int(v.Entries), "journal entry", "journal entries"), //nolint:gosec // no journal is that long
		counted2(v.Derived, "address", "addresses"), counted(v.Payments, "payment"))
	if v.Payments > 0 {
		fmt.Fprintf(out, ", %d of them confirmed by their network", v.Asked)
	}
	fmt.Fprintln(out)
	if v.OK {
		fmt.Fprintln(out, "all that was checked is as it was written")
	} else {
		fmt.Fprintln(out, "NOT as it was written: keep a copy of the data folder as it is, compare with the last backup, and find out who could write there")
	}
	if v.Head != "" {
		fmt.Fprintf(out, "head     %s\n", v.Head)
	}
}
