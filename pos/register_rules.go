package pos

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// rulesMeta is the name of the rules that were agreed to, in the store.
const rulesMeta = "rules"

// rules are the keys and rules that the register runs on, "name: value" each.
func (r *Register) rules() []string {
	var list []string
	for _, rail := range r.cfg.Rails {
		account := rail.Account()
		list = append(list, fmt.Sprintf("%s: %s %s", rail.ID(), account.Fingerprint, account.ID))
	}
	return append(list, r.cfg.Rules...)
}

// compareRules finds out whether the shop's keys or rules are other than those
// that were agreed to. The first start agrees to what there is: set-up has shown
// it.
func (r *Register) compareRules(ctx context.Context) error {
	text, err := r.cfg.Store.Meta(ctx, rulesMeta)
	if err != nil {
		return err
	}
	now := r.rules()
	if text == "" {
		return r.agree(ctx, ShopAct{Kind: ShopBegun, Text: now})
	}
	var agreed []string
	if err := json.Unmarshal([]byte(text), &agreed); err != nil {
		return fmt.Errorf("the keys and rules that were agreed to are unreadable: %w", ErrDamaged)
	}
	r.changed = differ(agreed, now)
	if len(r.changed) > 0 {
		r.log.Warn("keys or rules were changed; nothing is rung up until a supervisor agrees", "changed", r.changed)
	}
	return nil
}

// differ lists, a line each, what is in one list of rules and not in the other.
func differ(was, is []string) []string {
	value := func(list []string, name string) string {
		for _, line := range list {
			if n, v, _ := strings.Cut(line, ": "); n == name {
				return v
			}
		}
		return "-"
	}
	var lines []string
	seen := make(map[string]bool)
	for _, line := range slices.Concat(was, is) {
		name, _, _ := strings.Cut(line, ": ")
		before, after := value(was, name), value(is, name)
		if !seen[name] && before != after {
			lines = append(lines, fmt.Sprintf("%s: %s > %s", name, before, after))
		}
		seen[name] = true
	}
	return lines
}

// agree stores the rules that the register runs on as agreed to.
func (r *Register) agree(ctx context.Context, act ShopAct) error {
	text, err := json.Marshal(r.rules())
	if err != nil {
		return err
	}
	e, err := entryOf(EntryShop, "", r.now(), act)
	if err != nil {
		return err
	}
	err = r.cfg.Store.Write(ctx, func(tx Tx) error {
		if _, err := tx.AppendJournal(e); err != nil {
			return err
		}
		return tx.PutMeta(rulesMeta, string(text))
	})
	if err != nil {
		return fmt.Errorf("the shop's keys and rules cannot be stored: %w", err)
	}
	return nil
}

// Agree accepts the keys and rules that Board.Changed lists: from now on they
// are the shop's. It needs a supervisor's PIN, where there is a supervisor.
func (r *Register) Agree(ctx context.Context, by Actor, pin string) error {
	r.mu.Lock()
	lines := slices.Clone(r.changed)
	r.mu.Unlock()
	if len(lines) == 0 {
		return nil
	}
	act := ShopAct{Kind: ShopAgreed, Actor: cleanActor(by), Text: lines}
	staff, err := r.staff(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(staff, func(m Member) bool { return m.Role == Supervisor }) {
		m, err := r.approve(ctx, pin)
		if err != nil {
			return err
		}
		act.Approved = m.Name
	}
	if err := r.agree(ctx, act); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed = nil
	r.log.Warn("other keys or rules were agreed to", "by", act.Approved, "changed", lines)
	r.publish()
	return nil
}
