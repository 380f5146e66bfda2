package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/xpub"
	"github.com/cointill/till/pos"
)

// accountKey derives an account's addresses.
type accountKey struct {
	account chain.Account
	key     *xpub.Key
}

// accountKeys are the keys of a configuration by the ids of their accounts.
func (s *settings) accountKeys() map[string]accountKey {
	keys := make(map[string]accountKey)
	add := func(k *xpub.Key) { keys[k.Account().ID] = accountKey{k.Account(), k} }
	if s.bitcoin != nil {
		add(s.bitcoin.key)
	}
	for _, e := range s.evm {
		add(e.key)
	}
	return keys
}

// checkJournal walks the chain of hashes, compares the anchors, and looks that
// every sale that was ever rung up is still there.
func (v *verifier) checkJournal(ctx context.Context) error {
	var walked pos.Chain
	loose := pos.NewReplay() // money that is nobody's
	for {
		page, err := v.books.Journal(ctx, walked.Seq, salePage)
		if err != nil {
			return v.judge("journal", err)
		}
		for _, e := range page {
			if err := walked.Add(e); err != nil {
				return v.judge("journal", err)
			}
			if want, noted := v.anchors[e.Seq]; noted {
				if delete(v.anchors, e.Seq); want != e.Hash {
					v.wrong("anchor", "entry %d of the journal is not the one that was noted down: it, or one before it, was rewritten", e.Seq)
				}
			}
			if err := v.checkEntry(ctx, e, loose); err != nil {
				return err
			}
		}
		if len(page) < salePage {
			break
		}
	}
	v.Entries = walked.Seq
	v.Head = anchor{walked.Seq, walked.Hash}.String()
	for _, seq := range slices.Sorted(maps.Keys(v.anchors)) {
		v.wrong("anchor", "the journal ends with entry %d, and entry %d was noted down: what followed was cut off", walked.Seq, seq)
	}
	return v.checkLoose(ctx, loose)
}

// checkEntry looks at an entry that is about more than its own sale's state.
func (v *verifier) checkEntry(ctx context.Context, e pos.Entry, loose *pos.Replay) error {
	switch {
	case e.Kind == pos.EntrySale || e.Kind == pos.EntrySnapshot:
		_, err := v.books.Sale(ctx, e.Sale)
		if errors.Is(err, pos.ErrNoSale) {
			v.wrong("sale", "the sale that entry %d of the journal rang up on %s is gone from the store", e.Seq, e.At.Local().Format(time.DateTime))
			return nil
		}
		return v.judge("store", err)
	case e.Kind == pos.EntryEvent && e.Sale == "":
		if err := loose.Add(e); err != nil {
			v.wrong("journal", "%w", err)
		}
	}
	return nil
}

// checkLoose compares money that is nobody's. What got a sale later is compared
// with that one.
func (v *verifier) checkLoose(ctx context.Context, loose *pos.Replay) error {
	for _, p := range loose.Loose() {
		have, found, err := v.books.Payment(ctx, p.Key)
		if err != nil {
			if err = v.judge("store", err); err != nil {
				return err
			}
			continue
		}
		if found && have.SaleID == "" {
			if v.loose = append(v.loose, have); have.Live() {
				v.Payments++
			}
		}
		switch {
		case !found:
			v.wrong("payment", "%s of the journal is gone from the store", p.Key)
		case have.SaleID == "":
			if where := firstDifference(have, p); where != "" {
				v.wrong("payment", "%s is not what the journal says: %s", p.Key, where)
			}
		}
	}
	return nil
}

// checkSales rebuilds every sale from the journal, and derives its addresses.
func (v *verifier) checkSales(ctx context.Context) error {
	v.foreign = make(map[string]int)
	for r, err := range eachSale(ctx, v.books, time.Time{}, time.Time{}, time.Time{}) {
		if err != nil {
			return v.judge("store", err)
		}
		v.Sales++
		for _, p := range r.Payments {
			if p.Live() {
				v.Payments++
			}
		}
		if err := v.checkSale(ctx, r); err != nil {
			return err
		}
		v.checkAddresses(r.Sale)
	}
	for _, account := range slices.Sorted(maps.Keys(v.foreign)) {
		if v.noKeys == nil {
			v.unchecked("%s of the account %s, whose key is not in the configuration any more", counted2(v.foreign[account], "address", "addresses"), pos.CleanText(account, 40))
		}
	}
	return nil
}

// tries is how often a sale is read again that a register may just be changing.
const tries = 5

// checkSale compares a sale with what its journal makes of it.
func (v *verifier) checkSale(ctx context.Context, r pos.Record) error {
	for try := 1; ; try++ {
		entries, err := v.books.History(ctx, r.Sale.ID)
		if err != nil {
			return v.judge("journal", err)
		}
		replay := pos.NewReplay()
		for _, e := range entries {
			if err := replay.Add(e); err != nil {
				v.wrong("sale", "sale %d: %w", r.Sale.Number, err)
				return nil
			}
		}
		want, ok := replay.Record(r.Sale.ID)
		if !ok {
			v.wrong("sale", "sale %d is in no entry of the journal: it was never rung up here", r.Sale.Number)
			return nil
		}
		where := firstDifference(r, want)
		if where == "" {
			return nil
		}
		if try == tries {
			v.wrong("sale", "sale %d is not what the journal says: %s", r.Sale.Number, where)
			return nil
		}
		// Between the two reads something may have come.
		if r, err = v.books.Sale(ctx, r.Sale.ID); err != nil {
			return v.judge("store", err)
		}
	}
}

// checkAddresses derives what a sale showed from the keys.
func (v *verifier) checkAddresses(s pos.Sale) {
	shown := make(map[chain.Destination]bool)
	for _, a := range s.Addresses {
		shown[a.To] = true
		k, known := v.keys[a.Account]
		if !known {
			v.foreign[a.Account]++
			continue
		}
		to, err := k.key.Destination(a.Index)
		switch path := pathOf(k.account, a.Index); {
		case err != nil:
			v.wrong("address", "sale %d shows number %d of the key %s, which has no such address", s.Number, a.Index, k.account.Fingerprint)
		case to != a.To:
			v.wrong("address", "sale %d showed %s, and number %d of the key %s is %s: who pays that does not pay this shop", s.Number, a.To, a.Index, k.account.Fingerprint, to)
		case a.Path != path:
			v.wrong("address", "sale %d says that %s is %s, and it is %s", s.Number, a.To, pos.CleanText(a.Path, 60), path)
		default:
			v.Derived++
		}
	}
	for _, q := range s.Quotes {
		if !shown[q.To] {
			v.wrong("address", "sale %d asked for money to %s, which is none of its addresses", s.Number, q.To)
		}
	}
}

// pathOf is where a wallet finds an address again.
func pathOf(a chain.Account, index uint32) string {
	if a.Path == "" {
		return ""
	}
	return a.Path + "/" + strconv.FormatUint(uint64(index), 10)
}

// firstDifference names the first value in which two things differ as they are
// stored, "" if in none.
func firstDifference(have, want any) string {
	a, err1 := json.Marshal(have)
	b, err2 := json.Marshal(want)
	if err1 != nil || err2 != nil {
		return "one of them cannot be written down"
	}
	if bytes.Equal(a, b) {
		return ""
	}
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return "they cannot be compared"
	}
	if where := differs("", x, y); where != "" {
		return where
	}
	return "its numbers are written otherwise"
}

func differs(where string, have, want any) string {
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			break
		}
		names := slices.Collect(maps.Keys(w))
		for name := range h {
			if _, both := w[name]; !both {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			if d := differs(where+"."+name, h[name], w[name]); d != "" {
				return d
			}
		}
		return ""
	case []any:
		h, ok := have.([]any)
		if !ok || len(h) != len(w) {
			break
		}
		for i := range w {
			if d := differs(fmt.Sprintf("%s %d", where, i+1), h[i], w[i]); d != "" {
				return d
			}
		}
		return ""
	}
	a, _ := json.Marshal(have)
	b, _ := json.Marshal(want)
	if bytes.Equal(a, b) {
		return ""
	}
	return fmt.Sprintf("%s is %s and not %s", pos.CleanText(trimDot(where), 60), pos.CleanText(string(a), 80), pos.CleanText(string(b), 80))
}

func trimDot(s string) string {
	if len(s) > 0 && s[0] == '.' {
		return s[1:]
	}
	return s
}
