package bitcoin

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/btcutil/gcs/builder"
	"github.com/btcsuite/btcd/chaincfg"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"
)

// synthetic is a regtest chain of any length whose blocks can be derived from
// their heights: only headers and filter headers are kept. Its proof of work is
// real and easy, its filters are empty, and its last block is of now.
type synthetic struct {
	params  *chaincfg.Params
	raw     []byte // headers, 80 bytes each
	filters []byte // filter headers, 32 bytes each
	height  map[chainhash.Hash]int32
	empty   []byte        // the filter of every block but the first
	lieAt   int32         // a block whose filter is another one
	slow    time.Duration // before every answer
	first   []byte        // the filter of the genesis block

	given atomic.Int64 // headers of both sorts that peers sent
}

const rawHeader = wire.MaxBlockHeaderPayload

func newSynthetic(t testing.TB, n int) *synthetic {
	t.Helper()
	s := &synthetic{
		params: &chaincfg.RegressionNetParams, raw: make([]byte, 0, (n+1)*rawHeader), filters: make([]byte, 0, (n+1)*filterHeader),
		height: make(map[chainhash.Hash]int32, 2*(n/wire.MaxBlockHeadersPerMsg+2)),
	}
	genesis := s.params.GenesisBlock
	began := genesis.Header.Timestamp.Unix()
	step := float64(time.Now().Unix()-60-began) / float64(n)
	var prev chainhash.Hash
	var prevFilter chainhash.Hash
	for h := range int32(n + 1) {
		header := genesis.Header
		if h > 0 {
			header = wire.BlockHeader{
				Version: 0x20000000, PrevBlock: prev, MerkleRoot: s.coinbase(h).TxHash(), Bits: s.params.PowLimitBits,
				Timestamp: time.Unix(began+int64(float64(h)*step), 0),
			}
			for blockchain.HashToBig(ptr(header.BlockHash())).Cmp(s.params.PowLimit) > 0 {
				header.Nonce++
			}
		}
		prev = header.BlockHash()
		s.raw = append(s.raw, serialized(&header)...)
		if h <= 1 {
			block := &wire.MsgBlock{Header: header, Transactions: []*wire.MsgTx{s.coinbase(h)}}
			if h == 0 {
				block = genesis
			}
			filter, err := builder.BuildBasicFilter(block, nil)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := filter.NBytes()
			if err != nil {
				t.Fatal(err)
			}
			if h == 0 {
				s.first = raw
			} else {
				s.empty = raw
			}
		}
		prevFilter = chainhash.DoubleHashH(append(s.filterHash(h), prevFilter[:]...))
		s.filters = append(s.filters, prevFilter[:]...)
		s.height[prev] = h
		if h%wire.MaxBlockHeadersPerMsg == 0 || int(h) > n-3000 {
			continue
		}
		// Peers are asked from where a message ended, and near the end.
		delete(s.height, prev)
	}
	return s
}

func ptr[T any](v T) *T { return &v }

func serialized(h *wire.BlockHeader) []byte {
	var b bytes.Buffer
	_ = h.Serialize(&b)
	return b.Bytes()
}

// coinbase pays nobody, so that the filter stays empty.
func (s *synthetic) coinbase(h int32) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	script := binary.LittleEndian.AppendUint32([]byte{4}, uint32(h))
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: wire.MaxPrevOutIndex}, SignatureScript: script, Sequence: wire.MaxTxInSequenceNum})
	tx.AddTxOut(wire.NewTxOut(0, []byte{0x6a}))
	return tx
}

func (s *synthetic) top() int32 { return int32(len(s.raw)/rawHeader) - 1 }

func (s *synthetic) header(h int32) *wire.BlockHeader {
	var header wire.BlockHeader
	_ = header.Deserialize(bytes.NewReader(s.raw[int(h)*rawHeader : int(h+1)*rawHeader]))
	return &header
}

func (s *synthetic) hash(h int32) chainhash.Hash {
	return chainhash.DoubleHashH(s.raw[int(h)*rawHeader : int(h+1)*rawHeader])
}

func (s *synthetic) filter(h int32) []byte {
	switch {
	case h == 0:
		return s.first
	case h == s.lieAt:
		return []byte{1, 0x40, 0x20, 0x10}
	}
	return s.empty
}

func (s *synthetic) filterHash(h int32) []byte {
	hash := chainhash.DoubleHashH(s.filter(h))
	return hash[:]
}

// lying is the same chain from a peer that gives one block another filter, and
// filter headers that go with it.
func (s *synthetic) lying(at int32) *synthetic {
	l := &synthetic{params: s.params, raw: s.raw, height: s.height, empty: s.empty, first: s.first, lieAt: at}
	var prev chainhash.Hash
	for h := range s.top() + 1 {
		prev = chainhash.DoubleHashH(append(l.filterHash(h), prev[:]...))
		l.filters = append(l.filters, prev[:]...)
	}
	return l
}

func (s *synthetic) filterHeader(h int32) *chainhash.Hash {
	return (*chainhash.Hash)(s.filters[int(h)*filterHeader : int(h+1)*filterHeader])
}

// find is the height of a hash, looked for backwards where it was not kept.
func (s *synthetic) find(hash chainhash.Hash) (int32, bool) {
	if h, ok := s.height[hash]; ok {
		return h, true
	}
	for h := s.top(); h >= 0; h-- {
		if s.hash(h) == hash {
			return h, true
		}
	}
	return 0, false
}

// export writes the two files to import from, as another till has them.
func (s *synthetic) export(t testing.TB) (blocks, filters string) {
	t.Helper()
	dir := t.TempDir()
	blocks, filters = filepath.Join(dir, "block_headers.bin"), filepath.Join(dir, "reg_filter_headers.bin")
	if err := errors.Join(os.WriteFile(blocks, s.raw, 0o600), os.WriteFile(filters, s.filters, 0o600)); err != nil {
		t.Fatal(err)
	}
	return blocks, filters
}

// serve is a peer that has the chain, on a loopback address.
func (s *synthetic) serve(t testing.TB, ip string) string {
	t.Helper()
	return listenOn(t, ip, s.talk)
}

func (s *synthetic) talk(conn net.Conn) {
	put := func(msg wire.Message) bool {
		_, err := wire.WriteMessageWithEncodingN(conn, msg, wire.AddrV2Version, s.params.Net, wire.WitnessEncoding)
		return err == nil
	}
	for {
		_, msg, _, err := wire.ReadMessageWithEncodingN(conn, wire.AddrV2Version, s.params.Net, wire.WitnessEncoding)
		if errors.Is(err, wire.ErrUnknownMessage) {
			continue
		}
		if err != nil {
			return
		}
		time.Sleep(s.slow)
		ok := true
		switch msg := msg.(type) {
		case *wire.MsgVersion:
			none := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
			mine := wire.NewMsgVersion(none, none, uint64(time.Now().UnixNano()), s.top())
			mine.UserAgent, mine.ProtocolVersion = "/Satoshi:29.0.0/", int32(wire.AddrV2Version)
			mine.Services = wire.SFNodeNetwork | wire.SFNodeWitness | wire.SFNodeCF
			ok = put(mine) && put(wire.NewMsgVerAck())
		case *wire.MsgPing:
			ok = put(wire.NewMsgPong(msg.Nonce))
		case *wire.MsgGetHeaders:
			ok = put(s.headersAfter(msg))
		case *wire.MsgGetCFCheckpt:
			ok = put(s.checkpoints(msg))
		case *wire.MsgGetCFHeaders:
			ok = put(s.filterHeaders(msg))
		case *wire.MsgGetCFilters:
			stop, found := s.find(msg.StopHash)
			for h := int32(msg.StartHeight); found && ok && h <= stop; h++ {
				ok = put(wire.NewMsgCFilter(msg.FilterType, ptr(s.hash(h)), s.filter(h)))
			}
		case *wire.MsgGetData:
			for _, iv := range msg.InvList {
				if h, found := s.find(iv.Hash); found && ok {
					ok = put(btcutil.NewBlock(&wire.MsgBlock{Header: *s.header(h), Transactions: []*wire.MsgTx{s.coinbase(h)}}).MsgBlock())
				}
			}
		}
		if !ok {
			return
		}
	}
}

func (s *synthetic) headersAfter(msg *wire.MsgGetHeaders) *wire.MsgHeaders {
	from := int32(0)
	for _, hash := range msg.BlockLocatorHashes {
		if h, ok := s.height[*hash]; ok {
			from = h
			break
		}
	}
	answer := wire.NewMsgHeaders()
	for h := from + 1; h <= s.top() && len(answer.Headers) < wire.MaxBlockHeadersPerMsg; h++ {
		_ = answer.AddBlockHeader(s.header(h))
	}
	s.given.Add(int64(len(answer.Headers)))
	return answer
}

func (s *synthetic) checkpoints(msg *wire.MsgGetCFCheckpt) *wire.MsgCFCheckpt {
	stop, _ := s.find(msg.StopHash)
	answer := wire.NewMsgCFCheckpt(msg.FilterType, &msg.StopHash, int(stop)/wire.CFCheckptInterval)
	for h := int32(wire.CFCheckptInterval); h <= stop; h += wire.CFCheckptInterval {
		_ = answer.AddCFHeader(s.filterHeader(h))
	}
	return answer
}

func (s *synthetic) filterHeaders(msg *wire.MsgGetCFHeaders) *wire.MsgCFHeaders {
	answer := wire.NewMsgCFHeaders()
	answer.FilterType, answer.StopHash = msg.FilterType, msg.StopHash
	stop, found := s.find(msg.StopHash)
	if !found {
		return answer
	}
	if msg.StartHeight > 0 {
		answer.PrevFilterHeader = *s.filterHeader(int32(msg.StartHeight) - 1)
	}
	for h := int32(msg.StartHeight); h <= stop; h++ {
		_ = answer.AddCFHash((*chainhash.Hash)(s.filterHash(h)))
	}
	s.given.Add(int64(len(answer.FilterHashes)))
	return answer
}
