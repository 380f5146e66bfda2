package devnet

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/btcsuite/btcd/btcutil"
	"github.com/btcsuite/btcd/btcutil/bloom"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"
)

// btcMaxAsked is how many announced transactions a node fetches at once.
const btcMaxAsked = 100

// handle answers one message. An error ends the connection, as real nodes do
// with a peer that breaks the protocol; what they ignore is ignored.
func (c *btcConn) handle(msg wire.Message) error {
	switch m := msg.(type) {
	case *wire.MsgPing:
		if c.version > wire.BIP0031Version {
			c.send(wire.NewMsgPong(m.Nonce))
		}
	case *wire.MsgSendHeaders:
		c.mu.Lock()
		c.wantsHeader = true
		c.mu.Unlock()
	case *wire.MsgGetHeaders:
		c.getHeaders(m)
	case *wire.MsgGetBlocks:
		c.getBlocks(m)
	case *wire.MsgGetData:
		c.getData(m)
	case *wire.MsgGetCFHeaders:
		return c.getCFHeaders(m)
	case *wire.MsgGetCFilters:
		return c.getCFilters(m)
	case *wire.MsgGetCFCheckpt:
		return c.getCFCheckpt(m)
	case *wire.MsgMemPool:
		c.memPool()
	case *wire.MsgInv:
		c.offered(m)
	case *wire.MsgTx:
		c.submitted(m)
	case *wire.MsgFilterLoad:
		if len(m.Filter) == 0 {
			return errors.New("the peer loaded an empty filter")
		}
		c.mu.Lock()
		c.filter, c.wantsTxs = bloom.LoadFilter(m), true
		c.mu.Unlock()
	case *wire.MsgFilterAdd:
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.filter == nil {
			return errors.New("the peer added to a filter that it never loaded")
		}
		c.filter.Add(m.Data)
	case *wire.MsgFilterClear:
		c.mu.Lock()
		c.filter, c.wantsTxs = nil, true
		c.mu.Unlock()
	}
	return nil
}

// located is the last block of the node's chain that a locator names; the
// genesis block if it names none. Bitcoin.mu is held.
func (c *btcConn) located(locator []*chainhash.Hash, tip *btcBlock) *btcBlock {
	for _, hash := range locator {
		if k := c.net.index[*hash]; k != nil && c.net.onChain(k, tip) {
			return k
		}
	}
	return c.net.chain[0]
}

// after lists at most most blocks that follow the locator, up to stop.
func (c *btcConn) after(locator []*chainhash.Hash, stop chainhash.Hash, most int32) []*btcBlock {
	b := c.net
	b.mu.RLock()
	defer b.mu.RUnlock()
	tip := c.node.tip()
	from := c.located(locator, tip)
	var blocks []*btcBlock
	for h := from.height + 1; h <= min(tip.height, from.height+most); h++ {
		k := b.ancestor(tip, h)
		blocks = append(blocks, k)
		if k.hash == stop {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if from.height > 0 && len(blocks) == 0 {
		c.best = from
	}
	return blocks
}

func (c *btcConn) getHeaders(m *wire.MsgGetHeaders) {
	msg := wire.NewMsgHeaders()
	if len(m.BlockLocatorHashes) == 0 {
		// Without a locator it asks for one block, wherever that is.
		if k := c.known(m.HashStop); k != nil {
			msg.Headers = append(msg.Headers, &k.msg.Header)
		}
		c.send(msg)
		return
	}
	blocks := c.after(m.BlockLocatorHashes, m.HashStop, wire.MaxBlockHeadersPerMsg)
	for _, k := range blocks {
		msg.Headers = append(msg.Headers, &k.msg.Header)
	}
	if n := len(blocks); n > 0 {
		c.mu.Lock()
		c.best = blocks[n-1]
		c.mu.Unlock()
	}
	c.send(msg)
}

func (c *btcConn) getBlocks(m *wire.MsgGetBlocks) {
	msg := wire.NewMsgInv()
	for _, k := range c.after(m.BlockLocatorHashes, m.HashStop, wire.MaxBlocksPerMsg) {
		msg.InvList = append(msg.InvList, wire.NewInvVect(wire.InvTypeBlock, &k.hash))
	}
	if len(msg.InvList) > 0 {
		c.send(msg)
	}
}

// known is a block that the node has, be it on its chain or beside it.
func (c *btcConn) known(hash chainhash.Hash) *btcBlock {
	c.net.mu.RLock()
	defer c.net.mu.RUnlock()
	k := c.net.index[hash]
	if k != nil && c.node.held != nil && !c.net.onChain(k, c.node.held) {
		return nil
	}
	return k
}

func (c *btcConn) getData(m *wire.MsgGetData) {
	missing := wire.NewMsgNotFound()
	for _, inv := range m.InvList {
		if !c.deliver(inv) {
			missing.InvList = append(missing.InvList, inv)
		}
	}
	if len(missing.InvList) > 0 {
		c.send(missing)
	}
}

// deliver sends what one inventory vector asks for, and is false if the node
// does not have it.
func (c *btcConn) deliver(inv *wire.InvVect) bool {
	enc := wire.BaseEncoding
	if inv.Type&wire.InvWitnessFlag != 0 {
		enc = wire.WitnessEncoding
	}
	switch inv.Type &^ wire.InvWitnessFlag {
	case wire.InvTypeBlock:
		k := c.known(inv.Hash)
		if k == nil {
			return false
		}
		c.sendEnc(k.msg, enc)
	case wire.InvTypeTx:
		tx := c.relayed(inv.Hash)
		if tx == nil {
			return false
		}
		c.sendEnc(tx, enc)
	case wire.InvTypeFilteredBlock:
		k := c.known(inv.Hash)
		c.mu.Lock()
		filter := c.filter
		c.mu.Unlock()
		if k == nil || filter == nil {
			return false
		}
		msg, matched := bloom.NewMerkleBlock(btcutil.NewBlock(k.msg), filter)
		c.send(msg)
		for _, i := range matched {
			c.sendEnc(k.msg.Transactions[i], enc)
		}
	default:
		return false
	}
	return true
}

// relayed is a transaction of the mempool or of the last block: between the
// announcement and the question it may have been mined.
func (c *btcConn) relayed(hash chainhash.Hash) *wire.MsgTx {
	b := c.net
	b.mu.RLock()
	defer b.mu.RUnlock()
	if p := b.pool[hash]; p != nil && !p.quiet {
		return p.tx
	}
	if tx, k := b.find(hash); k != nil && k == c.node.tip() {
		return tx
	}
	return nil
}

// span is the blocks from a height to the stop block, on the stop block's
// branch. More than most of them, or a stop block that does not exist, break
// the protocol (BIP 157).
func (c *btcConn) span(kind wire.FilterType, from uint32, stop chainhash.Hash, most int32) ([]*btcBlock, error) {
	if kind != wire.GCSFilterRegular {
		return nil, fmt.Errorf("the peer asked for filters of the unknown type %d", kind)
	}
	end := c.known(stop)
	if end == nil {
		return nil, fmt.Errorf("the peer asked for filters up to the unknown block %s", stop)
	}
	if int64(from) > int64(end.height) || int64(end.height)-int64(from) >= int64(most) {
		return nil, fmt.Errorf("the peer asked for filters of blocks %d to %d at once", from, end.height)
	}
	c.net.mu.RLock()
	defer c.net.mu.RUnlock()
	blocks := make([]*btcBlock, 0, end.height-int32(from)+1)
	for h := int32(from); h <= end.height; h++ {
		blocks = append(blocks, c.net.ancestor(end, h))
	}
	return blocks, nil
}

func (c *btcConn) getCFHeaders(m *wire.MsgGetCFHeaders) error {
	blocks, err := c.span(m.FilterType, m.StartHeight, m.StopHash, wire.MaxCFHeadersPerMsg)
	if err != nil {
		return err
	}
	msg := wire.NewMsgCFHeaders()
	msg.FilterType, msg.StopHash = m.FilterType, m.StopHash
	if before := blocks[0].prev; before != nil {
		msg.PrevFilterHeader = before.filterHeader
	}
	for _, k := range blocks {
		msg.FilterHashes = append(msg.FilterHashes, &k.filterHash)
	}
	c.send(msg)
	return nil
}

func (c *btcConn) getCFilters(m *wire.MsgGetCFilters) error {
	blocks, err := c.span(m.FilterType, m.StartHeight, m.StopHash, wire.MaxGetCFiltersReqRange)
	if err != nil {
		return err
	}
	for _, k := range blocks {
		c.send(wire.NewMsgCFilter(m.FilterType, &k.hash, k.filter))
	}
	return nil
}

func (c *btcConn) getCFCheckpt(m *wire.MsgGetCFCheckpt) error {
	if m.FilterType != wire.GCSFilterRegular {
		return fmt.Errorf("the peer asked for filters of the unknown type %d", m.FilterType)
	}
	end := c.known(m.StopHash)
	if end == nil {
		return fmt.Errorf("the peer asked for filters up to the unknown block %s", m.StopHash)
	}
	msg := wire.NewMsgCFCheckpt(m.FilterType, &m.StopHash, int(end.height/wire.CFCheckptInterval))
	c.net.mu.RLock()
	for h := int32(wire.CFCheckptInterval); h <= end.height; h += wire.CFCheckptInterval {
		msg.FilterHeaders = append(msg.FilterHeaders, &c.net.ancestor(end, h).filterHeader)
	}
	c.net.mu.RUnlock()
	c.send(msg)
	return nil
}

// memPool announces the whole mempool (BIP 35).
func (c *btcConn) memPool() {
	for _, msg := range c.allTxs() {
		c.send(msg)
	}
}

func (c *btcConn) allTxs() []wire.Message {
	b := c.net
	b.mu.RLock()
	defer b.mu.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.node.held != nil {
		return nil
	}
	return c.inv(slices.Values(b.poolTxs()))
}

// inv announces transactions, except quiet ones and what the peer's bloom
// filter leaves out. c.mu and Bitcoin.mu are held.
func (c *btcConn) inv(txs iter.Seq[*btcPoolTx]) []wire.Message {
	var msgs []wire.Message
	var msg *wire.MsgInv
	for p := range txs {
		if p.quiet || c.filter != nil && !c.filter.MatchTxAndUpdate(btcutil.NewTx(p.tx)) {
			continue
		}
		if msg == nil || len(msg.InvList) == wire.MaxInvPerMsg {
			msg = wire.NewMsgInv()
			msgs = append(msgs, msg)
		}
		msg.InvList = append(msg.InvList, wire.NewInvVect(wire.InvTypeTx, &p.hash))
	}
	return msgs
}

// offered asks for transactions that the peer has and the network does not.
func (c *btcConn) offered(m *wire.MsgInv) {
	ask := wire.NewMsgGetData()
	c.net.mu.RLock()
	for _, inv := range m.InvList {
		if inv.Type&^wire.InvWitnessFlag != wire.InvTypeTx || len(ask.InvList) == btcMaxAsked {
			continue
		}
		if c.net.pool[inv.Hash] == nil && c.net.mined[inv.Hash] == nil {
			ask.InvList = append(ask.InvList, wire.NewInvVect(wire.InvTypeWitnessTx, &inv.Hash))
		}
	}
	c.net.mu.RUnlock()
	if len(ask.InvList) > 0 {
		c.send(ask)
	}
}

// submitted takes a transaction from a peer and tells the others.
func (c *btcConn) submitted(tx *wire.MsgTx) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	p, err := c.net.accept(tx, false)
	if err != nil {
		c.net.log.Info("a Bitcoin node did not take a transaction", "node", c.node.id, "tx", tx.TxHash(), "err", err)
		return
	}
	c.net.relay(p.hash, c)
}
