package bitcoin

import (
	"bytes"
	"encoding/json"
	"net"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"
)

// FuzzDecodeTx: a damaged database is an error, never a fault.
func FuzzDecodeTx(f *testing.F) {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(&wire.TxIn{})
	tx.AddTxOut(wire.NewTxOut(1, numberedScript(1)))
	good, err := encodeTx(&record{txid: tx.TxHash(), tx: tx, outputs: []output{{to: "x", amount: 1}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"Raw":"AAAA","Outs":[{"Index":4294967295}]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		var st storedTx
		if json.Unmarshal(value, &st) == nil {
			var probe wire.MsgTx
			if probe.Deserialize(bytes.NewReader(st.Raw)) == nil {
				r, err := decodeTx(probe.TxHash(), value)
				if err == nil && len(r.outputs) != len(st.Outs) {
					t.Errorf("%d outputs of %d", len(r.outputs), len(st.Outs))
				}
			}
		}
		if _, err := decodeTx(chainhash.Hash{1}, value); err == nil {
			t.Error("a transaction came back under another's id")
		}
	})
}

// FuzzLink: whatever a peer sends after its handshake, the connection's faults
// stay its own.
func FuzzLink(f *testing.F) {
	for _, msg := range []wire.Message{announce(chainhash.Hash{1}), wire.NewMsgPing(1), wire.NewMsgTx(2), wire.NewMsgNotFound(), wire.NewMsgAddr(), wire.NewMsgHeaders(), wire.NewMsgVerAck()} {
		var b bytes.Buffer
		if _, err := wire.WriteMessageWithEncodingN(&b, msg, protocol, fakeNet, wire.WitnessEncoding); err == nil {
			f.Add(b.Bytes())
		}
	}
	f.Add(unknownMessage())
	f.Fuzz(func(t *testing.T, stream []byte) {
		w, err := New(Config{Network: Simnet, Dir: t.TempDir(), Peers: []string{"127.0.0.1:1"}})
		if err != nil {
			t.Fatal(err)
		}
		near, far := net.Pipe()
		l := &link{hub: w.hub, addr: "127.0.0.1:1", group: "g", conn: near, out: make(chan wire.Message, 2*maxInflight), quit: make(chan struct{})}
		w.hub.join(l)
		go func() {
			_, _ = far.Write(stream)
			_ = far.Close()
		}()
		if l.read() == nil {
			t.Error("reading ended without a reason")
		}
		l.close()
		w.hub.leave(l)
		if n := w.hub.count(); n != 0 {
			t.Errorf("%d peers are left", n)
		}
	})
}
