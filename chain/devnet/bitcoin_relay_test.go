package devnet

import (
	"bytes"
	"encoding/hex"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/peer"
	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// btcEar is a relay listener on btcd/peer, as the watcher has it: it fetches
// every transaction that is announced to it.
type btcEar struct {
	*peer.Peer
	verack chan struct{}

	mu      sync.Mutex
	invs    map[chain.TxID]int
	txs     map[chain.TxID]*wire.MsgTx
	blocks  map[string]*wire.MsgBlock
	headers []string // announced or answered, in order
	tips    []string // announced by inv
	missing []string
}

// btcListen connects to a node; silent asks it not to tell of transactions.
func btcListen(t testing.TB, addr string, silent bool) *btcEar {
	t.Helper()
	e := &btcEar{
		verack: make(chan struct{}),
		invs:   make(map[chain.TxID]int), txs: make(map[chain.TxID]*wire.MsgTx), blocks: make(map[string]*wire.MsgBlock),
	}
	var err error
	e.Peer, err = peer.NewOutboundPeer(&peer.Config{
		UserAgentName: "ear", UserAgentVersion: "1", ChainParams: btcParams, DisableRelayTx: silent,
		AllowSelfConns: true, TrickleInterval: 10 * time.Millisecond,
		Listeners: peer.MessageListeners{
			OnVerAck:   func(*peer.Peer, *wire.MsgVerAck) { close(e.verack) },
			OnInv:      e.onInv,
			OnTx:       e.onTx,
			OnBlock:    e.onBlock,
			OnHeaders:  e.onHeaders,
			OnNotFound: e.onNotFound,
		},
	}, addr)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	e.AssociateConnection(conn)
	t.Cleanup(func() {
		e.Disconnect()
		e.WaitForDisconnect()
	})
	select {
	case <-e.verack:
	case <-time.After(btcPatience):
		t.Fatal("no handshake")
	}
	return e
}

func (e *btcEar) onInv(_ *peer.Peer, m *wire.MsgInv) {
	ask := wire.NewMsgGetData()
	e.mu.Lock()
	for _, v := range m.InvList {
		if v.Type == wire.InvTypeTx {
			e.invs[chain.TxID(v.Hash.String())]++
			ask.InvList = append(ask.InvList, wire.NewInvVect(wire.InvTypeWitnessTx, &v.Hash))
		} else {
			e.tips = append(e.tips, v.Hash.String())
		}
	}
	e.mu.Unlock()
	if len(ask.InvList) > 0 {
		e.QueueMessage(ask, nil)
	}
}

func (e *btcEar) onTx(_ *peer.Peer, tx *wire.MsgTx) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.txs[chain.TxID(tx.TxHash().String())] = tx
}

func (e *btcEar) onBlock(_ *peer.Peer, b *wire.MsgBlock, _ []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.blocks[b.BlockHash().String()] = b
}

func (e *btcEar) onHeaders(_ *peer.Peer, m *wire.MsgHeaders) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range m.Headers {
		e.headers = append(e.headers, h.BlockHash().String())
	}
}

func (e *btcEar) onNotFound(_ *peer.Peer, m *wire.MsgNotFound) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, v := range m.InvList {
		e.missing = append(e.missing, v.Hash.String())
	}
}

// ask sends a getdata for one thing.
func (e *btcEar) ask(t testing.TB, kind wire.InvType, hash string) {
	t.Helper()
	h := btcMust[*chainhash.Hash](t)(chainhash.NewHashFromStr(hash))
	m := wire.NewMsgGetData()
	m.InvList = append(m.InvList, wire.NewInvVect(kind, h))
	e.QueueMessage(m, nil)
}

func (e *btcEar) tx(id chain.TxID) *wire.MsgTx {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.txs[id]
}

// see waits for condition on what was heard so far.
func (e *btcEar) see(t testing.TB, what string, ok func() bool) {
	t.Helper()
	btcWait(t, what, func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return ok()
	})
}

func (e *btcEar) hear(t testing.TB, id chain.TxID) *wire.MsgTx {
	t.Helper()
	btcWait(t, "transaction "+string(id), func() bool { return e.tx(id) != nil })
	return e.tx(id)
}

func TestBitcoinRelayAnnounces(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 3})
	var ears []*btcEar
	for _, addr := range b.Peers() {
		ears = append(ears, btcListen(t, addr, false))
	}
	deaf := btcListen(t, b.Peers()[0], true)

	shop := btcShopAddress(t, 1)
	id := btcMust[chain.TxID](t)(b.Customer().PayAddress(shop.EncodeAddress(), 77_000, BitcoinPayOptions{Replaceable: true}))
	for i, e := range ears {
		tx := e.hear(t, id)
		if tx.TxOut[0].Value != 77_000 {
			t.Errorf("node %d relays %d sat", i, tx.TxOut[0].Value)
		}
		if len(tx.TxIn[0].Witness) != 2 {
			t.Errorf("node %d relays it without its witness", i)
		}
		if tx.TxIn[0].Sequence != wire.MaxTxInSequenceNum-2 {
			t.Errorf("node %d relays it without its BIP 125 signal", i)
		}
	}

	// A double spend at a higher fee is announced like anything else.
	by := btcMust[chain.TxID](t)(b.Replace(id))
	for i, e := range ears {
		tx := e.hear(t, by)
		if tx.TxIn[0].PreviousOutPoint != e.tx(id).TxIn[0].PreviousOutPoint {
			t.Errorf("node %d relays no conflict", i)
		}
	}
	// The node that was asked for silence speaks of the block alone. It comes
	// after the transactions, so that they would have been heard by now.
	hashes := btcMust[[]string](t)(b.Mine(1))
	deaf.see(t, "the block", func() bool { return len(deaf.tips) > 0 && deaf.tips[0] == hashes[0] })
	deaf.mu.Lock()
	defer deaf.mu.Unlock()
	if len(deaf.invs) != 0 {
		t.Errorf("the silent peer heard of %v", deaf.invs)
	}
}

func TestBitcoinRelayBackFill(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1, Trickle: -1})
	shop := btcShopAddress(t, 1).EncodeAddress()
	var ids []chain.TxID
	for range 3 {
		ids = append(ids, btcMust[chain.TxID](t)(b.Customer().PayAddress(shop, 5_000, BitcoinPayOptions{})))
	}
	quiet := btcMust[chain.TxID](t)(b.Customer().PayAddress(shop, 5_000, BitcoinPayOptions{Quiet: true}))

	// Nothing is told of what was there before, until the peer asks (BIP 35).
	e := btcListen(t, b.Peers()[0], false)
	last := btcMust[chain.TxID](t)(b.Customer().PayAddress(shop, 5_000, BitcoinPayOptions{}))
	e.hear(t, last)
	for _, id := range ids {
		if e.tx(id) != nil {
			t.Errorf("%s was told without being asked", id)
		}
	}
	e.QueueMessage(wire.NewMsgMemPool(), nil)
	for _, id := range ids {
		e.hear(t, id)
	}
	// What the miners keep to themselves nobody gets, before it is in a block.
	e.ask(t, wire.InvTypeWitnessTx, string(quiet))
	e.see(t, "notfound", func() bool { return len(e.missing) == 1 && e.missing[0] == string(quiet) })
	hashes := btcMust[[]string](t)(b.Mine(1))
	if ref, ok := b.Confirmed(quiet); !ok || ref.Hash != hashes[0] {
		t.Fatalf("the quiet payment is in %v", ref)
	}
	if e.tx(quiet) != nil {
		t.Error("the quiet payment was relayed")
	}
	if left := b.Mempool(); len(left) != 0 {
		t.Errorf("%v were left in the mempool", left)
	}
}

func TestBitcoinServesWithAndWithoutWitness(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1, Trickle: -1})
	id := btcMust[chain.TxID](t)(b.Customer().PayAddress(btcShopAddress(t, 1).EncodeAddress(), 5_000, BitcoinPayOptions{}))
	hash := btcMust[[]string](t)(b.Mine(1))[0]
	e := btcListen(t, b.Peers()[0], false)
	for _, kind := range []wire.InvType{wire.InvTypeBlock, wire.InvTypeWitnessBlock} {
		e.ask(t, kind, hash)
		e.see(t, "the block", func() bool { return e.blocks[hash] != nil })
		e.mu.Lock()
		tx := e.blocks[hash].Transactions[1]
		delete(e.blocks, hash)
		e.mu.Unlock()
		if tx.TxHash().String() != string(id) {
			t.Errorf("%s holds %s", kind, tx.TxHash())
		}
		if got, want := tx.HasWitness(), kind == wire.InvTypeWitnessBlock; got != want {
			t.Errorf("%s with witness: %v", kind, got)
		}
	}
	// A transaction of the last block is still served to a late question.
	e.ask(t, wire.InvTypeWitnessTx, string(id))
	e.hear(t, id)
	e.ask(t, wire.InvTypeWitnessBlock, string(id))
	e.see(t, "notfound", func() bool { return len(e.missing) == 1 })
}

func TestBitcoinAnnouncesByHeaders(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 1})
	e := btcListen(t, b.Peers()[0], true)
	e.QueueMessage(wire.NewMsgSendHeaders(), nil)
	e.QueueMessage(&wire.MsgGetHeaders{
		ProtocolVersion:    wire.ProtocolVersion,
		BlockLocatorHashes: []*chainhash.Hash{btcParams.GenesisHash},
	}, nil)
	e.see(t, "all headers", func() bool { return len(e.headers) == 110 })

	want := btcMust[[]string](t)(b.Mine(1))
	e.see(t, "the header of a new block", func() bool { return len(e.headers) == 111 && e.headers[110] == want[0] })
	branch := btcMust[[]string](t)(b.Reorg(3, Remined))
	e.see(t, "the headers of a new branch", func() bool { return len(e.headers) == 115 })
	for i, hash := range branch {
		if e.headers[111+i] != hash {
			t.Errorf("header %d of the branch is %s, want %s", i, e.headers[111+i], hash)
		}
	}
	if len(e.tips) != 0 {
		t.Errorf("blocks came by inv too: %v", e.tips)
	}
	// More than eight headers are too many to push.
	many := btcMust[[]string](t)(b.Mine(9))
	e.see(t, "an inv", func() bool { return len(e.tips) == 1 && e.tips[0] == many[8] })
}

func TestBitcoinTakesTransactionsFromPeers(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 2, Trickle: -1})
	id := btcMust[chain.TxID](t)(b.Customer().PayAddress(btcShopAddress(t, 1).EncodeAddress(), 5_000, BitcoinPayOptions{}))
	raw, ok := b.Raw(id)
	if !ok {
		t.Fatal("the transaction cannot be read back")
	}
	if err := b.Drop(id); err != nil {
		t.Fatal(err)
	}
	var tx wire.MsgTx
	if err := tx.Deserialize(bytes.NewReader(btcMust[[]byte](t)(hex.DecodeString(raw)))); err != nil {
		t.Fatal(err)
	}
	from, other := btcListen(t, b.Peers()[0], false), btcListen(t, b.Peers()[1], false)
	from.QueueMessageWithEncoding(&tx, nil, wire.WitnessEncoding)
	other.hear(t, id)
	if got := b.Mempool(); len(got) != 1 || got[0] != id {
		t.Errorf("the mempool holds %v", got)
	}
	// What breaks the rules is neither taken nor told, and costs no connection.
	bad := tx.Copy()
	bad.TxOut[0].Value += 100
	from.QueueMessageWithEncoding(bad, nil, wire.WitnessEncoding)
	next := btcMust[chain.TxID](t)(b.Customer().PayAddress(btcShopAddress(t, 2).EncodeAddress(), 5_000, BitcoinPayOptions{}))
	from.hear(t, next)
	if got := b.Mempool(); len(got) != 2 {
		t.Errorf("the mempool holds %v", got)
	}
}

func TestBitcoinHeldNodeStandsStill(t *testing.T) {
	b := btcStart(t, BitcoinOptions{Nodes: 2, Trickle: -1})
	if err := b.Hold(0); err != nil {
		t.Fatal(err)
	}
	held, other := btcListen(t, b.Peers()[0], false), btcListen(t, b.Peers()[1], false)
	id := btcMust[chain.TxID](t)(b.Customer().PayAddress(btcShopAddress(t, 1).EncodeAddress(), 5_000, BitcoinPayOptions{}))
	hash := btcMust[[]string](t)(b.Reorg(2, Remined))[2]
	other.hear(t, id)
	other.see(t, "the block", func() bool { return len(other.tips) == 1 })
	held.ask(t, wire.InvTypeWitnessBlock, hash)
	held.see(t, "notfound", func() bool { return len(held.missing) == 1 })
	if held.StartingHeight() != 110 || len(held.tips) != 0 || held.tx(id) != nil {
		t.Errorf("the held node went on: height %d, %v", held.StartingHeight(), held.tips)
	}
	if err := b.Release(0); err != nil {
		t.Fatal(err)
	}
	held.see(t, "the block", func() bool { return len(held.tips) == 1 && held.tips[0] == hash })
}
