package bitcoin

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"
	"pgregory.net/rapid"

	"github.com/cointill/till/chain"
)

func addressOf(n byte) chain.Destination {
	addr, err := btcutil.NewAddressWitnessPubKeyHash(bytes.Repeat([]byte{n}, 20), &chaincfg.SimNetParams)
	if err != nil {
		panic(err)
	}
	return chain.Destination(addr.EncodeAddress())
}

// TestCoverage holds the bookkeeping of what was read for which target against
// a plain model: after every look is done, each watched target has been looked
// for in every block after its Since.
func TestCoverage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type read map[uint64]bool
		model := map[chain.Destination]read{} // blocks that were read with a target
		since := map[chain.Destination]uint64{}
		stored := map[string]span{}
		set := newTargets(&chaincfg.SimNetParams)
		height := uint64(rapid.IntRange(1, 50).Draw(t, "start"))
		name := func(script string) chain.Destination {
			for n := range byte(6) {
				if s, _ := scriptOf(addressOf(n), &chaincfg.SimNetParams); s == script {
					return addressOf(n)
				}
			}
			panic("unknown script")
		}
		mark := func(to chain.Destination, from, until uint64) {
			if model[to] == nil {
				model[to] = read{}
			}
			for h := from; h <= until; h++ {
				model[to][h] = true
			}
		}
		looks := func(list []look) {
			for _, l := range list {
				for script := range l.scripts {
					mark(name(script), l.from, l.to)
				}
				set.done(l)
			}
		}
		save := func() {
			for script, s := range set.takeDirty() {
				if s == nil {
					delete(stored, script)
				} else {
					stored[script] = *s
				}
			}
		}
		looks(set.begin(height, stored))
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0: // a block, whose batch stores what changed before it
				height++
				set.scan(height)
				for to := range since {
					mark(to, height, height)
				}
				save()
			case 1: // a target is shown, now or in the past
				to := addressOf(byte(rapid.IntRange(0, 5).Draw(t, "target")))
				s := uint64(rapid.IntRange(1, int(height)).Draw(t, "since"))
				if old, watched := since[to]; !watched || s < old {
					since[to] = s
				}
				list, err := set.add([]chain.Target{{ID: to, Since: s}})
				if err != nil {
					t.Fatal(err)
				}
				looks(list)
			case 2: // it is closed
				to := addressOf(byte(rapid.IntRange(0, 5).Draw(t, "target")))
				delete(since, to)
				set.remove([]chain.Destination{to})
			case 3: // a restart; what was not stored yet may be lost
				if rapid.Bool().Draw(t, "stored") {
					save()
				}
				set = newTargets(&chaincfg.SimNetParams)
				if rapid.Bool().Draw(t, "forget one") { // it went cold meanwhile
					delete(since, addressOf(byte(rapid.IntRange(0, 5).Draw(t, "forgotten"))))
				}
				for _, to := range slices.Sorted(maps.Keys(since)) {
					if _, err := set.add([]chain.Target{{ID: to, Since: since[to]}}); err != nil {
						t.Fatal(err)
					}
				}
				looks(set.begin(height, maps.Clone(stored)))
			}
			for to, s := range since {
				for h := s + 1; h <= height; h++ {
					if !model[to][h] {
						t.Fatalf("block %d of %d was not read with %s, which was shown at %d", h, height, to, s)
					}
				}
			}
		}
	})
}

// TestCoverageSparesWork: a target that was watched up to the cursor is not
// looked for again after a restart.
func TestCoverageSparesWork(t *testing.T) {
	a := chain.Target{ID: addressOf(1), Since: 10}
	set := newTargets(&chaincfg.SimNetParams)
	if _, err := set.add([]chain.Target{a}); err != nil {
		t.Fatal(err)
	}
	if l := set.begin(10, nil); len(l) != 0 {
		t.Fatalf("nothing was missed, yet %+v", l)
	}
	for h := uint64(11); h < 500; h++ {
		set.scan(h)
	}
	stored := map[string]span{}
	for script, s := range set.takeDirty() {
		stored[script] = *s
	}
	for name, early := range map[string]bool{"before Run": true, "after Run": false} {
		again := newTargets(&chaincfg.SimNetParams)
		var looks []look
		if early {
			_, err := again.add([]chain.Target{a})
			if err != nil {
				t.Fatal(err)
			}
			looks = again.begin(499, maps.Clone(stored))
		} else {
			again.begin(499, maps.Clone(stored))
			l, err := again.add([]chain.Target{a})
			if err != nil {
				t.Fatal(err)
			}
			looks = l
		}
		if len(looks) != 0 {
			t.Errorf("watched %s: blocks %d to %d would be read again", name, looks[0].from, looks[0].to)
		}
	}
}

func TestGroups(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"203.0.113.5:8333", "203.0.200.9:8333", true},
		{"203.0.113.5:8333", "203.1.113.5:8333", false},
		{"[2001:db8:1::1]:8333", "[2001:db8:2::1]:8333", true},
		{"[2001:db8::1]:8333", "[2001:db9::1]:8333", false},
		{"127.0.0.1:1", "127.0.0.1:2", false},
		{"aaaa.onion:8333", "bbbb.onion:8333", true},
		{"[::ffff:203.0.113.5]:8333", "203.0.1.1:8333", true},
	} {
		if same := groupOf(c.a) == groupOf(c.b); same != c.same {
			t.Errorf("%s and %s: one group %v, want %v (%s, %s)", c.a, c.b, same, c.same, groupOf(c.a), groupOf(c.b))
		}
	}
}

func TestStandard(t *testing.T) {
	good := func() *wire.MsgTx {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: 1}, Sequence: wire.MaxTxInSequenceNum, Witness: wire.TxWitness{make([]byte, 72), make([]byte, 33)}})
		tx.AddTxOut(wire.NewTxOut(10_000, numberedScript(1)))
		return tx
	}
	if !standard(good()) || replaceable(good()) {
		t.Error("a plain payment counts as odd")
	}
	for name, spoil := range map[string]func(*wire.MsgTx){
		"version":     func(tx *wire.MsgTx) { tx.Version = 4 },
		"dust":        func(tx *wire.MsgTx) { tx.TxOut[0].Value = 293 },
		"script":      func(tx *wire.MsgTx) { tx.TxOut[0].PkScript = []byte{0x51, 0x52, 0x53} },
		"weight":      func(tx *wire.MsgTx) { tx.TxIn[0].Witness[0] = make([]byte, 400_000) },
		"not pushes":  func(tx *wire.MsgTx) { tx.TxIn[0].SignatureScript = []byte{0x76} },
		"long script": func(tx *wire.MsgTx) { tx.TxIn[0].SignatureScript = make([]byte, 1651) },
		"too small":   func(tx *wire.MsgTx) { tx.TxOut[0].PkScript = nil },
	} {
		tx := good()
		spoil(tx)
		if standard(tx) {
			t.Errorf("%s: counts as standard", name)
		}
	}
	tx := good()
	tx.TxIn[0].Sequence = wire.MaxTxInSequenceNum - 2
	if !replaceable(tx) {
		t.Error("BIP 125 is not seen")
	}
}

// relayed makes a hub with one joined peer that nobody writes to.
func relayed(t *testing.T) (*Watcher, *link) {
	t.Helper()
	w, err := New(Config{Network: Simnet, Dir: t.TempDir(), Peers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	t.Cleanup(func() { _ = near.Close(); _ = far.Close() })
	l := &link{hub: w.hub, addr: "127.0.0.1:1", group: "g", conn: near, out: make(chan wire.Message, 2*maxInflight), quit: make(chan struct{})}
	w.hub.join(l)
	return w, l
}

// TestStrangersCannotCrowdOut: invented payments to a shown address neither
// fill the memory nor keep out the one that several peers vouch for.
func TestStrangersCannotCrowdOut(t *testing.T) {
	w, l := relayed(t)
	to := addressOf(9)
	if err := w.Watch(t.Context(), chain.Target{ID: to}); err != nil {
		t.Fatal(err)
	}
	script, _ := scriptOf(to, &w.params)
	gone := 0
	for i := range 3 * maxOpenPerTarget {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: uint32(i)}})
		tx.AddTxOut(wire.NewTxOut(1_000, []byte(script)))
		w.hub.inv(l, announce(tx.TxHash()))
		w.hub.tx(l, tx)
		for _, n := range w.hub.take() {
			if n.victim == nil {
				continue
			}
			gone++
			w.book.mu.Lock()
			w.book.unindex(n.victim)
			n.victim.gone = true
			w.book.mu.Unlock()
		}
	}
	if open := w.book.waiting(); open > maxOpenPerTarget {
		t.Errorf("%d invented payments are kept, at most %d may be", open, maxOpenPerTarget)
	}
	if gone != 2*maxOpenPerTarget {
		t.Errorf("%d were forgotten, want %d", gone, 2*maxOpenPerTarget)
	}
}

// TestRelayLogIsBounded: announcements without end do not fill the memory, and
// a transaction is still asked for after them.
func TestRelayLogIsBounded(t *testing.T) {
	w, l := relayed(t)
	for i := range 3 * maxKnown {
		w.hub.inv(l, announce(chainhash.HashH(fmt.Append(nil, i))))
	}
	w.hub.mu.Lock()
	known, order, later, asked := len(w.hub.known), len(w.hub.order), len(w.hub.later), len(w.hub.asked)
	w.hub.mu.Unlock()
	if known > maxKnown || order > maxKnown || later > maxKnown || asked > maxInflight {
		t.Errorf("known %d, order %d, later %d, asked %d", known, order, later, asked)
	}
	if l.inflight > maxInflight {
		t.Errorf("%d transactions were asked of one peer", l.inflight)
	}
}

// TestAncestors: a parent that relay brought and no block held is counted.
func TestAncestors(t *testing.T) {
	w, l := relayed(t)
	to := addressOf(3)
	if err := w.Watch(t.Context(), chain.Target{ID: to}); err != nil {
		t.Fatal(err)
	}
	script, _ := scriptOf(to, &w.params)
	parent := wire.NewMsgTx(2)
	parent.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: 5}})
	parent.AddTxOut(wire.NewTxOut(9_000, numberedScript(1)))
	child := func(salt int64) *wire.MsgTx {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: parent.TxHash()}})
		tx.AddTxOut(wire.NewTxOut(8_000-salt, []byte(script)))
		return tx
	}
	give := func(tx *wire.MsgTx) *record {
		w.hub.inv(l, announce(tx.TxHash()))
		w.hub.tx(l, tx)
		return w.book.txs[tx.TxHash()]
	}
	give(parent)
	if r := give(child(0)); r == nil || r.proof.Ancestors != 1 {
		t.Errorf("an unconfirmed parent is not counted: %+v", r)
	}
	w.hub.mined(&wire.MsgBlock{Transactions: []*wire.MsgTx{parent}})
	if r := give(child(1)); r == nil || r.proof.Ancestors != 0 {
		t.Errorf("a mined parent is counted: %+v", r)
	}
}

// TestStore: what is written comes back, as far as the register has it.
func TestStore(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	at := func(h uint64) chain.BlockRef {
		return chain.BlockRef{Height: h, Hash: chainhash.HashH(fmt.Append(nil, h)).String(), Time: time.Unix(1_700_000_000, 0).UTC()}
	}
	make1 := func(n uint32) *record {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: n}})
		tx.AddTxOut(wire.NewTxOut(7_000, numberedScript(uint64(n))))
		return &record{txid: tx.TxHash(), tx: tx, outputs: []output{{index: 0, to: addressOf(byte(n)), amount: 7_000}}}
	}
	waiting, mined, lost, unknown, deep, left := make1(1), make1(2), make1(3), make1(4), make1(5), make1(6)
	waiting.seenRev, waiting.seenAt = 5, at(1).Time
	mined.seenRev, mined.block, mined.inRev = 6, at(101), 8
	lost.seenRev, lost.goneRev = 6, 9
	unknown.block, unknown.inRev = at(102), 99 // the register never got it
	deep.seenRev, deep.block, deep.inRev = 2, at(50), 3
	left.seenRev, left.block, left.inRev = 4, chain.BlockRef{Height: 101, Hash: chainhash.HashH([]byte("another branch")).String(), Time: at(101).Time}, 7
	if err := s.write(&change{records: []*record{waiting, mined, lost, unknown, deep, left}, scripts: map[string]*span{"a": {since: 3, until: 4}, "b": nil}, audited: 77}); err != nil {
		t.Fatal(err)
	}
	cursor := chain.Cursor{Seq: 10}.Push(at(100)).Push(at(101))
	for range 2 { // loading drops what it does not need, and can be repeated
		b := newBook()
		spans, audited, err := s.load(b, cursor)
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(spans, map[string]span{"a": {3, 4}}) || audited != 77 {
			t.Errorf("spans %v, audited %d", spans, audited)
		}
		if len(b.txs) != 3 || b.opened != 2 {
			t.Errorf("%d records, %d of them open; want the waiting, the mined and the left one", len(b.txs), b.opened)
		}
		if r := b.txs[mined.txid]; r == nil || r.block != at(101) || r.inRev != 8 || r.outputs[0] != mined.outputs[0] {
			t.Errorf("the mined one came back as %+v", r)
		}
		if r := b.txs[waiting.txid]; r == nil || !r.open() || len(b.spends[r.tx.TxIn[0].PreviousOutPoint]) != 1 {
			t.Errorf("the waiting one came back as %+v", r)
		}
		if r := b.txs[left.txid]; r == nil || !r.open() {
			t.Errorf("one whose block left the chain came back as %+v", r)
		}
	}
}

// TestClaimedHeight: one stranger that lies about its height is outvoted; peers
// that the shop chose are believed.
func TestClaimedHeight(t *testing.T) {
	for name, c := range map[string]struct {
		chosen  []string
		heights []uint64
		want    uint64
	}{
		"nobody":            {nil, nil, 0},
		"one":               {nil, []uint64{7}, 7},
		"one lies high":     {nil, []uint64{100, 9_000_000, 100}, 100},
		"one of two lies":   {nil, []uint64{9_000_000, 100}, 100},
		"one is behind":     {nil, []uint64{101, 3, 101}, 101},
		"most are ahead":    {nil, []uint64{100, 105, 105, 105, 3}, 105},
		"chosen, one ahead": {[]string{"a", "b"}, []uint64{100, 105}, 105},
	} {
		w := &client{w: &Watcher{cfg: Config{Peers: c.chosen}}}
		if got := w.claimed(c.heights); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
