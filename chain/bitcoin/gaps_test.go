package bitcoin

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// TestForgottenQuestions: what was asked for and is in a block before the
// answer comes costs the peer neither its turn nor its good name.
func TestForgottenQuestions(t *testing.T) {
	w, l := relayed(t)
	make1 := func(n int) *wire.MsgTx {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: uint32(n)}})
		tx.AddTxOut(wire.NewTxOut(1_000, numberedScript(uint64(n))))
		return tx
	}
	for n := range maxInflight + 10 {
		tx := make1(n)
		w.hub.inv(l, announce(tx.TxHash()))
		w.hub.mined(&wire.MsgBlock{Transactions: []*wire.MsgTx{tx}})
		if n < maxSins {
			w.hub.tx(l, tx)
		}
		for len(l.out) > 0 {
			<-l.out
		}
	}
	if l.inflight != 0 || l.sins.Load() != 0 {
		t.Errorf("%d questions count as open and %d sins, want none", l.inflight, l.sins.Load())
	}
	w.hub.inv(l, announce(make1(-1).TxHash()))
	if len(l.out) != 1 {
		t.Error("the peer is not asked for anything any more")
	}
}

// TestPeerIsAskedAgain: a peer that lost the connection before it answered is
// asked again when it announces the transaction again.
func TestPeerIsAskedAgain(t *testing.T) {
	w, l := relayed(t)
	txid := chainhash.Hash{7}
	w.hub.inv(l, announce(txid))
	w.hub.leave(l)
	again := &link{hub: w.hub, addr: l.addr, group: l.group, out: make(chan wire.Message, 4), quit: make(chan struct{})}
	w.hub.join(again)
	w.hub.inv(again, announce(txid))
	if len(again.out) != 1 {
		t.Error("the peer is not asked on its new connection")
	}
	if n := len(w.hub.known[txid].offers); n != 1 {
		t.Errorf("it counts as %d announcers", n)
	}
}

// TestRetractedWaitsAnew: an old payment whose block left the chain is not
// given up at once, and one that was never seen before its block not never.
func TestRetractedWaitsAnew(t *testing.T) {
	w, _ := relayed(t)
	now := time.Now()
	w.cfg.Now = func() time.Time { return now }
	block := chain.BlockRef{Height: 9, Hash: chainhash.Hash{9}.String(), Time: now}
	r := &run{w: w, growing: map[*record]bool{}}
	for n, seen := range []time.Time{{}, now.Add(-2 * w.tune.forgetAfter)} {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: uint32(n)}})
		tx.AddTxOut(wire.NewTxOut(1_000, numberedScript(1)))
		w.book.txs[tx.TxHash()] = &record{txid: tx.TxHash(), tx: tx, outputs: []output{{to: addressOf(1), amount: 1_000}}, block: block, seenAt: seen}
	}
	r.retract(block)
	if r.expire(); w.book.waiting() != 2 {
		t.Errorf("%d payments wait right after the reorganisation, want 2", w.book.waiting())
	}
	now = now.Add(w.tune.forgetAfter + time.Minute)
	if r.expire(); w.book.waiting() != 0 {
		t.Errorf("%d payments wait for ever", w.book.waiting())
	}
}

// TestNothingIsReadOverAGap: a block is read only after its parent, blocks
// whose headers are not there yet are not left out, and without a peer a
// missing header is no reorganisation.
func TestNothingIsReadOverAGap(t *testing.T) {
	s := newShop(t)
	w := s.Watcher(t).(*Watcher)
	st, err := openStore(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.close()
	r := &run{w: w, ctx: t.Context(), store: st, client: newClient(w, st), growing: map[*record]bool{}}
	r.looks = newLooker(r, 0)
	if err := r.client.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer r.client.close()
	top := s.Height(t)
	wait := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("waited in vain for %s", what)
			}
		}
	}
	wait("the headers", func() bool { return best(r) == top && r.client.current() })

	// The parent of the top block was replaced after it was read.
	r.ring = r.ring.Push(chain.BlockRef{Height: top - 1, Hash: chainhash.Hash{1}.String()})
	if err := r.read(top, top); err == nil {
		t.Error("a block was read that does not follow the one before it")
	}
	parent, err := r.client.header(top - 1)
	if err != nil {
		t.Fatal(err)
	}
	r.ring = chain.Cursor{}.Push(parent)
	if err := r.read(top, top); err != nil || r.ring.Head().Height != top {
		t.Errorf("the top block was not read: %v", err)
	}

	// The cursor is ahead of the headers, as after the folder was moved away.
	r.ring = r.ring.Push(chain.BlockRef{Height: top + 1, Hash: chainhash.Hash{2}.String()})
	r.w.targets.begin(top+1, nil)
	if err := r.looks.lookAt(t.Context(), look{from: top + 1, to: top + 1}, nil, top+1); err == nil {
		t.Error("a look back left out a block whose header is not there yet")
	}
	r.w.targets.unread(top + 1)
	if err := r.looks.lookAt(t.Context(), look{from: top + 1, to: top + 1}, nil, top+1); err != nil {
		t.Errorf("a look back waits for a block that left the chain: %v", err)
	}

	// All of the ring is above a chain that is complete.
	wait("the peer", func() bool { n, _ := r.client.peers(); return n > 0 })
	r.ring = chain.Cursor{}.Push(chain.BlockRef{Height: top + 500, Hash: chainhash.Hash{3}.String()})
	r.state.gap = w.cfg.Now().Add(-time.Hour)
	if ok, err := r.retreat(top); !ok || err != nil || r.ring.Head().Height != top {
		t.Errorf("from far above the chain it goes to %d, %v", r.ring.Head().Height, err)
	}
	r.ring = r.ring.Push(chain.BlockRef{Height: top + 1, Hash: chainhash.Hash{2}.String()})

	s.Stop(t)
	wait("the peer to be gone", func() bool { n, _ := r.client.peers(); return n == 0 })
	if !r.client.current() {
		t.Fatal("this test wants a light client that believes itself complete")
	}
	r.state.gap = w.cfg.Now().Add(-time.Hour)
	if ok, err := r.retreat(top); ok || err != nil || r.ring.Head().Height != top+1 {
		t.Errorf("with no peer a block was retracted: head %d, %v", r.ring.Head().Height, err)
	}
}

// TestLeavingDoesNotWaitForNames: a resolver that does not answer does not hold
// the till open.
func TestLeavingDoesNotWaitForNames(t *testing.T) {
	never, asked := make(chan struct{}), make(chan struct{}, 64)
	defer close(never)
	w, err := New(Config{Network: Mainnet, Dir: t.TempDir(), Resolve: func(string) ([]net.IP, error) { asked <- struct{}{}; <-never; return nil, nil }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.hub.run(ctx); close(done) }()
	<-asked
	cancel()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("it waits for a name that nobody knows")
	}
}

// TestStrangersWhileNothingIsStored: invented payments do not fill the memory
// while nobody takes the relay's notes.
func TestStrangersWhileNothingIsStored(t *testing.T) {
	w, l := relayed(t)
	to := addressOf(9)
	if err := w.Watch(t.Context(), chain.Target{ID: to}); err != nil {
		t.Fatal(err)
	}
	w.book.opened = 2*maxOpen - 1 // the others pay other addresses
	script, _ := scriptOf(to, &w.params)
	for i := range 10 {
		tx := wire.NewMsgTx(2)
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: uint32(i)}})
		tx.AddTxOut(wire.NewTxOut(1_000, []byte(script)))
		w.book.txs[chainhash.Hash{byte(i)}] = &record{tx: tx, outputs: []output{{to: to, amount: 1_000}}}
		w.hub.inv(l, announce(tx.TxHash()))
		w.hub.tx(l, tx)
	}
	if w.book.opened > 2*maxOpen {
		t.Errorf("%d payments wait", w.book.opened)
	}
}

// TestOnePeerDoesNotFillThePool: the addresses of other peers are not one
// peer's choice.
func TestOnePeerDoesNotFillThePool(t *testing.T) {
	p := newPool()
	var list []*wire.NetAddress
	for i := range wire.MaxAddrPerMsg {
		list = append(list, wire.NewNetAddressIPPort(net.IPv4(8, byte(i>>8), byte(i), 1), 8333, 0))
	}
	if p.learn(list); len(p.addrs) != maxTold || !p.hungry() {
		t.Errorf("one peer named %d addresses, want %d", len(p.addrs), maxTold)
	}
}

// TestHeadersAreImportedOnce: the files are wanted on the first start only, and
// an older register than the database is audited from its own end.
func TestHeadersAreImportedOnce(t *testing.T) {
	s := newShop(t)
	w := s.Watcher(t).(*Watcher)
	st, err := openStore(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.close()
	first := newClient(w, st)
	if err := first.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); !first.current(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the headers do not come")
		}
	}
	first.close()
	w.cfg.BlockHeaders, w.cfg.FilterHeaders = filepath.Join(s.dir, "gone"), filepath.Join(s.dir, "gone too")
	second := newClient(w, st)
	if err := second.start(t.Context()); err != nil {
		t.Fatalf("the second start wants the files again: %v", err)
	}
	second.close()

	if err := st.write(&change{audited: 500}); err != nil {
		t.Fatal(err)
	}
	restored := chain.Cursor{}.Push(chain.BlockRef{Height: 400, Hash: chainhash.Hash{4}.String()})
	if _, audited, err := st.load(newBook(), restored); err != nil || audited != 400 {
		t.Errorf("audited up to %d (%v), the register is at 400", audited, err)
	}
}

// TestRescueIsSaidFirst: a client that is stuck may also be slow to end, so the
// register hears of it before.
func TestRescueIsSaidFirst(t *testing.T) {
	s := newShop(t)
	w := s.Watcher(t).(*Watcher)
	st, err := openStore(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.close()
	r := &run{w: w, ctx: t.Context(), store: st, client: newClient(w, st), growing: map[*record]bool{}}
	r.looks = newLooker(r, 0)
	if err := r.client.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer r.client.close()
	first, told := r.client.(*client).service(), false
	r.sink = func(_ context.Context, events []chain.Event, _ chain.Cursor) error {
		for _, e := range events {
			told = told || e.Kind == chain.HealthChanged && e.Health.State != chain.Ready && r.client.(*client).service() == first
		}
		return nil
	}
	now := w.cfg.Now()
	r.state.alone, r.state.relays = now.Add(-time.Hour), 1
	if err := r.rescue(now); err != nil {
		t.Fatal(err)
	}
	if r.client.(*client).service() == first || !told {
		t.Errorf("another client: %v, said before: %v", r.client.(*client).service() != first, told)
	}
}
