package pos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutants are faults that the register could have. The simulation has to find
// each of them; where it does not, it proves nothing about the register.
var mutants = []struct {
	name, file, was, is string
}{
	{
		"the cursor is stored before the events", "register_commit.go",
		"	if len(st.payments)+len(store)",
		"	if st.cursorOf != \"\" {\n		_ = r.cfg.Store.Write(ctx, func(tx Tx) error { return tx.PutCursor(st.cursorOf, st.cursor) })\n	}\n	if len(st.payments)+len(store)",
	},
	{
		"news are published before they are stored", "register_commit.go",
		"	if len(st.payments)+len(store)", "	st.settle()\n	if len(st.payments)+len(store)",
	},
	{
		"a block that left the chain is ignored", "payment.go",
		"	case chain.Retracted:\n		p.State, p.Block = Unconfirmed, chain.BlockRef{}", "	case chain.Retracted:",
	},
	{"older revisions win", "payment.go", "e.Rev <= p.Rev", "e.Rev >= p.Rev"},
	{"a repetition counts again", "payment.go", "	case known && e.Rev <= p.Rev:\n		return false\n", ""},
	{"a payment that is known is taken for another", "replay.go", "i >= 0 {\n		rec.Payments[i] = p", "i > 0 {\n		rec.Payments[i] = p"},
	{"closed sales are not watched", "register_watch.go", "Hot(ctx, r.now().Add(-hotFor))\n	if err != nil {\n		return err", "Hot(ctx, r.now().Add(hotFor))\n	if err != nil {\n		return err"},
	{
		"an index is used again after a crash", "register_open.go",
		"		to, err := rail.Destination(index)\n		if err != nil {\n			return Address{}, err\n		}\n		if taken, err := r.taken(tx, to, account, now); err != nil {\n			return Address{}, err\n		} else if taken {\n			continue\n",
		"		index = uint32(len(r.entries))\n		to, err := rail.Destination(index)\n		if err != nil {\n			return Address{}, err\n",
	},
	{"more than enough is needed", "assess.go", "	case t.sn.Cmp(need) >= 0:\n", "	case t.sn.Cmp(need) > 0:\n"},
	{"tolerance makes sales dearer", "need.go", "n := q.Due.Sub(a.tolerance(q)).Sub(", "n := plus(q.Due, a.tolerance(q)).Sub("},
	{"late money counts", "assess.go", "		return !p.MinedAt.After(deadline.Add(grace))", "		return true || deadline.Add(grace).IsZero()"},
	{"late money that was seen counts", "assess.go", "			return !p.FirstAt.After(deadline)\n", "			return true\n"},
	{"money that went away is ignored", "verdict.go", "	case p.Counted == nil:\n		return false\n", "	case p.Counted == nil || true:\n		return false\n"},
	{"a transaction that was replaced stays", "payment.go", "	case chain.Gone:\n		p.State, p.Block = Gone, chain.BlockRef{}", "	case chain.Gone:"},
	{"a clock that is set back ends a price", "assess.go", "	case len(a.sale.Quotes) > 0 && !a.env.Now.Before(o.Next):", "	case len(a.sale.Quotes) > 0 && (!a.env.Now.Before(o.Next) || a.env.Now.Before(a.sale.CreatedAt)):"},
	{"a change is left out of the journal", "register_apply.go", "	st.enter(EntryOutcome, rec.Sale.ID, o)\n", "	if o.Status != Underpaid {\n		st.enter(EntryOutcome, rec.Sale.ID, o)\n	}\n"},
	{"what went back is taken for what came", "register_apply.go", "owner.Sale.paysBack(e.Target); fresh.Refund", "false; fresh.Refund"},
	{"refunds are not looked for after a restart", "register_watch.go", "targets = append(targets, f.target(rail))", "_ = f"},
}

// mutation is one place of a fault.
type mutation struct{ file, was, is string }

// behind are guards behind those that a fault breaks. They must fail too, or
// nothing happens.
var behind = map[string]mutation{
	"an index is used again after a crash": {
		"store/memory_tx.go", "owner != 0 && owner != row.number {\n\t\t\treturn errIndexTaken", "owner < 0 {\n\t\t\treturn errIndexTaken",
	},
}

// TestSimulationFindsMutants builds the register with each fault and lets the
// simulation look for it.
func TestSimulationFindsMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the register many times; run without -short")
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			replace := map[string]string{}
			parts := []mutation{{m.file, m.was, m.is}}
			if guard, ok := behind[m.name]; ok {
				parts = append(parts, guard)
			}
			for _, part := range parts {
				path, faulty := part.apply(t)
				replace[path] = faulty
			}
			overlay := filepath.Join(t.TempDir(), "overlay.json")
			list, err := json.Marshal(map[string]map[string]string{"Replace": replace})
			if err != nil {
				t.Fatal(err)
			}
			write(t, overlay, string(list))
			// A fault may also make it hang, which is noticed too.
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, "go", "test", "-vet=off", "-count=1", "-overlay", overlay, "-run", "^TestSimulation$", ".",
				"-rapid.checks=20000", "-rapid.seed=1", "-rapid.shrinktime=0s", "-rapid.nofailfile")
			out, err := cmd.CombinedOutput()
			if err == nil || !bytes.Contains(out, []byte("after step")) {
				t.Errorf("nobody noticed, %v:\n%.2000s", err, out)
				return
			}
			at := bytes.Index(out, []byte("after step"))
			t.Logf("%.200s", out[at:])
		})
	}
}

// apply writes the faulty file, and returns the path of the good one and its own.
func (m mutation) apply(t *testing.T) (path, faulty string) {
	t.Helper()
	text, err := os.ReadFile(m.file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), m.was) != 1 {
		t.Fatalf("%s does not have it once:\n%s", m.file, m.was)
	}
	if path, err = filepath.Abs(m.file); err != nil {
		t.Fatal(err)
	}
	faulty = filepath.Join(t.TempDir(), "faulty.go")
	write(t, faulty, strings.Replace(string(text), m.was, m.is, 1))
	return path, faulty
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
