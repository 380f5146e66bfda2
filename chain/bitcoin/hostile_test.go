package bitcoin

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/chaintest"
)

// invented is a transaction with an input that does not exist.
func invented(t *testing.T, to chain.Destination, sat int64, salt byte) *wire.MsgTx {
	t.Helper()
	params, err := paramsOf(Simnet)
	if err != nil {
		t.Fatal(err)
	}
	script, err := scriptOf(to, &params)
	if err != nil {
		t.Fatal(err)
	}
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: sha256.Sum256([]byte{salt}), Index: 1}, Sequence: wire.MaxTxInSequenceNum, Witness: wire.TxWitness{make([]byte, 71), make([]byte, 33)}})
	tx.AddTxOut(wire.NewTxOut(sat, []byte(script)))
	return tx
}

func serving(txs ...*wire.MsgTx) func(chainhash.Hash) *wire.MsgTx {
	return func(hash chainhash.Hash) *wire.MsgTx {
		for _, tx := range txs {
			if tx.TxHash() == hash {
				return tx
			}
		}
		return nil
	}
}

// TestInventedPayment: one peer's word is reported as one peer's word.
func TestInventedPayment(t *testing.T) {
	t.Parallel()
	m := &mixed{shop: newShop(t)}
	to := chain.Target{ID: m.Fresh(t)}
	tx := invented(t, to.ID, 1e8, 1)
	m.fakes = []*fakePeer{newFakePeer(t, "127.0.0.2", func(f *fakePeer) { f.serve = serving(tx) })}
	l := chaintest.NewLedger(t, Simnet)
	m.begin(t, l, to)
	m.fakes[0].say(announce(tx.TxHash()))
	l.Wait(t, "Seen", func() bool { return len(l.At(to.ID)) == 1 })
	m.Mine(t, 2)
	l.Wait(t, "two blocks", func() bool { return l.Tip().Block.Height == m.Height(t) })
	p := l.At(to.ID)[0]
	want := chain.Proof{Announcers: 1, Of: 2, Groups: 1, Standard: true}
	if p.Kind() != chain.Seen || p.Proof != want {
		t.Errorf("an invented payment is %s with %+v, want seen with %+v", p.Kind(), p.Proof, want)
	}
}

// TestEvidenceGrows: more announcers, more evidence, in one or few events.
func TestEvidenceGrows(t *testing.T) {
	t.Parallel()
	m := &mixed{shop: newShop(t)}
	m.fakes = []*fakePeer{newFakePeer(t, "127.0.0.2", nil), newFakePeer(t, "127.0.0.3", nil)}
	to := chain.Target{ID: m.Fresh(t)}
	l := chaintest.NewLedger(t, Simnet)
	m.begin(t, l, to)
	tx := m.Pay(t, to.ID, chain.Bitcoin, chain.Units(90_000))
	l.Wait(t, "Seen", func() bool { return len(l.At(to.ID)) == 1 })
	if of := l.At(to.ID)[0].Proof.Of; of != 3 {
		t.Errorf("it is one of %d peers, there are 3", of)
	}
	hash, err := chainhash.NewHashFromStr(string(tx))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range m.fakes {
		f.say(announce(*hash), announce(*hash)) // saying it twice is still one voice
	}
	l.Wait(t, "three announcers", func() bool { return l.At(to.ID)[0].Proof.Announcers == 3 })
	if p := l.At(to.ID)[0]; p.Proof.Groups != 3 || !p.Proof.Replaceable || p.Kind() != chain.Seen {
		t.Errorf("%s with %+v", p.Kind(), p.Proof)
	}
}

// TestSilentPeer: who announces first and never delivers only costs a moment.
func TestSilentPeer(t *testing.T) {
	t.Parallel()
	for name, setup := range map[string]func(*fakePeer){
		"silent":   func(f *fakePeer) { f.silent = true },
		"notfound": nil,
	} {
		t.Run(name, func(t *testing.T) {
			m := &mixed{shop: newShop(t)}
			m.fakes = []*fakePeer{newFakePeer(t, "127.0.0.2", setup)}
			to := chain.Target{ID: m.Fresh(t)}
			l := chaintest.NewLedger(t, Simnet)
			m.begin(t, l, to)
			tx := m.Build(t, btcdOutput(to.ID, 80_000))
			m.fakes[0].say(announce(tx.TxHash()))
			l.Wait(t, "the question to the first announcer", func() bool { return m.fakes[0].wasAsked(tx.TxHash()) })
			m.Broadcast(t, tx)
			l.Wait(t, "Seen from the second announcer", func() bool { return len(l.At(to.ID)) == 1 })
			if p := l.At(to.ID)[0]; p.Proof.Announcers != 2 {
				t.Errorf("%d announcers, two peers announced it", p.Proof.Announcers)
			}
		})
	}
}

// TestConflictOfOneVoice: a single peer that claims a double spend raises a
// Conflict, and cannot make a real payment go away.
func TestConflictOfOneVoice(t *testing.T) {
	t.Parallel()
	m := &mixed{shop: newShop(t)}
	var rival *wire.MsgTx
	m.fakes = []*fakePeer{newFakePeer(t, "127.0.0.2", func(f *fakePeer) {
		f.serve = func(hash chainhash.Hash) *wire.MsgTx { return serving(rival)(hash) }
	})}
	to := chain.Target{ID: m.Fresh(t)}
	l := chaintest.NewLedger(t, Simnet)
	m.begin(t, l, to)
	tx := m.Build(t, btcdOutput(to.ID, 80_000))
	rival = tx.Copy()
	rival.TxOut[0].PkScript = numberedScript(7)
	m.Broadcast(t, tx)
	l.Wait(t, "Seen", func() bool { return len(l.At(to.ID)) == 1 })
	m.fakes[0].say(announce(rival.TxHash()))
	l.Wait(t, "Conflict", func() bool { return l.At(to.ID)[0].Fought })
	p := l.At(to.ID)[0]
	if e := p.History[len(p.History)-1]; e.By != chain.TxID(rival.TxHash().String()) || !e.Block.IsZero() {
		t.Errorf("the conflict is %+v", e)
	}
	m.Mine(t, 1)
	l.Wait(t, "Included", func() bool { return l.At(to.ID)[0].Kind() == chain.Included })
	if l.At(to.ID)[0].Had(chain.Gone) {
		t.Error("one voice made a real payment go away")
	}
}

// TestGarbage: a peer that sends rubbish is dropped, and the shop goes on.
func TestGarbage(t *testing.T) {
	header := func(command string, length uint32) []byte {
		var b [24]byte
		binary.LittleEndian.PutUint32(b[:], uint32(fakeNet))
		copy(b[4:16], command)
		binary.LittleEndian.PutUint32(b[16:], length)
		return b[:]
	}
	flood := func(f *fakePeer) {
		var txids []chainhash.Hash
		for i := range wire.MaxInvPerMsg {
			txids = append(txids, sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i))))
		}
		f.say(announce(txids...))
	}
	cases := map[string]struct {
		attack  func(*fakePeer)
		dropped bool
	}{
		"noise":     {func(f *fakePeer) { f.shout(bytes.Repeat([]byte{0xa5, 0x17}, 4000)) }, true},
		"too long":  {func(f *fakePeer) { f.shout(header("inv", 1<<31)) }, true},
		"wrong sum": {func(f *fakePeer) { f.shout(append(header("tx", 4), 1, 2, 3, 4)) }, true},
		"endless inv": {func(f *fakePeer) {
			f.shout(append(header("inv", 9), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
		}, true},
		"two versions":  {func(f *fakePeer) { f.say(wire.NewMsgVerAck()) }, true},
		"unasked":       {unasked, true},
		"unknown words": {func(f *fakePeer) { f.shout(unknownMessage()) }, false},
		"inv flood":     {flood, false},
	}
	s := newShop(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := &mixed{shop: &shop{Node: s.Node, dir: prepare(t, t.TempDir())}}
			f := newFakePeer(t, "127.0.0.2", func(f *fakePeer) { f.silent = true })
			m.fakes = []*fakePeer{f}
			to := chain.Target{ID: m.Fresh(t)}
			l := chaintest.NewLedger(t, Simnet)
			session := m.begin(t, l, to)
			before := f.dials()
			c.attack(f)
			if c.dropped {
				l.Wait(t, "the peer to be dropped and dialled again", func() bool { return f.dials() > before })
			}
			m.Pay(t, to.ID, chain.Bitcoin, chain.Units(70_000))
			l.Wait(t, "a real payment", func() bool { return len(l.At(to.ID)) == 1 })
			m.Mine(t, 1)
			l.Wait(t, "its block", func() bool { return l.At(to.ID)[0].Kind() == chain.Included })
			if !c.dropped && f.connected() == 0 {
				t.Error("the peer was dropped for something harmless")
			}
			if h := session.Watcher.Health(); !h.Usable() {
				t.Errorf("health is %+v", h)
			}
		})
	}
}

// unasked sends transactions that nobody asked for.
func unasked(f *fakePeer) {
	for i := range 30 {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: uint32(i)}})
		tx.AddTxOut(wire.NewTxOut(1, numberedScript(1)))
		f.say(tx)
	}
}

func unknownMessage() []byte {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, uint32(fakeNet))
	command := [12]byte{'w', 'h', 'a', 't', 'i', 's', 'i', 't'}
	b.Write(command[:])
	_ = binary.Write(&b, binary.LittleEndian, uint32(3))
	sum := chainhash.DoubleHashB([]byte("abc"))
	b.Write(sum[:4])
	b.WriteString("abc")
	return b.Bytes()
}

// TestLyingHeight: one relay peer that claims a higher chain does not make the
// shop stop selling.
func TestLyingHeight(t *testing.T) {
	m := &mixed{shop: newShop(t), change: func(w *Watcher) { w.tune.behind = 200 * time.Millisecond }}
	m.fakes = []*fakePeer{newFakePeer(t, "127.0.0.2", func(f *fakePeer) { f.height = 9_000_000 })}
	l := chaintest.NewLedger(t, Simnet)
	session := m.begin(t, l)
	for range 3 {
		m.Mine(t, 1)
		l.Wait(t, "a Tip", func() bool { return l.Tip().Block.Height == m.Height(t) })
	}
	if h := session.Watcher.Health(); h.State != chain.Ready {
		t.Errorf("health is %s %s, want ready", h.State, h.Code)
	}
}

// TestRescue: most peers announce a block that the light client does not get.
// It is set up again, says so, and what it knows goes on working meanwhile.
func TestRescue(t *testing.T) {
	t.Parallel()
	m := &mixed{shop: newShop(t), change: func(w *Watcher) { w.tune.behind = 300 * time.Millisecond }}
	m.fakes = []*fakePeer{newFakePeer(t, "127.0.0.2", nil), newFakePeer(t, "127.0.0.3", nil)}
	l := chaintest.NewLedger(t, Simnet)
	to := chain.Target{ID: m.Fresh(t)}
	session := m.begin(t, l, to)
	live := session.Watcher.(*Watcher)
	live.mu.Lock()
	first := live.live.client.(*client).service()
	live.mu.Unlock()
	inv := wire.NewMsgInv()
	_ = inv.AddInvVect(wire.NewInvVect(wire.InvTypeBlock, &chainhash.Hash{9}))
	for _, f := range m.fakes {
		f.say(inv)
	}
	l.Wait(t, "HealthBehind", func() bool {
		for _, h := range l.Healths() {
			if h.Code == chain.HealthBehind {
				return true
			}
		}
		return false
	})
	l.Wait(t, "another light client", func() bool {
		live.mu.Lock()
		defer live.mu.Unlock()
		now := live.live.client.(*client).service()
		return now != nil && now != first
	})
	m.Pay(t, to.ID, chain.Bitcoin, chain.Units(60_000))
	m.Mine(t, 1)
	l.Wait(t, "Included", func() bool { p := l.At(to.ID); return len(p) == 1 && p[0].Kind() == chain.Included })
	// Peers that announce a block that exists are behind nobody.
	hash, err := chainhash.NewHashFromStr(m.Hash(t, m.Height(t)))
	if err != nil {
		t.Fatal(err)
	}
	inv = wire.NewMsgInv()
	_ = inv.AddInvVect(wire.NewInvVect(wire.InvTypeBlock, hash))
	for _, f := range m.fakes {
		f.say(inv)
	}
	l.Wait(t, "Ready again", func() bool { return session.Watcher.Health().State == chain.Ready })
}
