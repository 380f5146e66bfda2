package btcdtest

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/peer"
	"github.com/btcsuite/btcd/wire"
)

// Notice is when a bare listener heard of something.
type Notice func(kind string, hash string, at time.Time)

// Bare connects a btcd/peer listener that does nothing but say when its node
// told it of a block ("block": its announcement) or handed it a transaction
// ("tx": after asking for it). Benchmarks compare with it in the same run.
func Bare(t testing.TB, addr string, params *chaincfg.Params, notice Notice) {
	t.Helper()
	var ready sync.Once
	up := make(chan struct{})
	cfg := &peer.Config{
		UserAgentName: "bare", UserAgentVersion: "1", ChainParams: params, ProtocolVersion: wire.AddrV2Version, AllowSelfConns: true,
		Listeners: peer.MessageListeners{
			OnVerAck: func(*peer.Peer, *wire.MsgVerAck) { ready.Do(func() { close(up) }) },
			OnInv: func(p *peer.Peer, msg *wire.MsgInv) {
				now := time.Now()
				get := wire.NewMsgGetData()
				for _, iv := range msg.InvList {
					switch iv.Type {
					case wire.InvTypeBlock:
						notice("block", iv.Hash.String(), now)
					case wire.InvTypeTx:
						_ = get.AddInvVect(wire.NewInvVect(wire.InvTypeWitnessTx, &iv.Hash))
					}
				}
				if len(get.InvList) > 0 {
					p.QueueMessage(get, nil)
				}
			},
			OnTx: func(_ *peer.Peer, tx *wire.MsgTx) { notice("tx", tx.TxHash().String(), time.Now()) },
		},
	}
	p, err := peer.NewOutboundPeer(cfg, addr)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	p.AssociateConnection(conn)
	t.Cleanup(func() {
		p.Disconnect()
		p.WaitForDisconnect()
	})
	select {
	case <-up:
	case <-time.After(patience):
		t.Fatal("the bare listener cannot shake hands")
	}
}
