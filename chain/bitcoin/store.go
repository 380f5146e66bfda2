package bitcoin

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"
	"github.com/btcsuite/btcwallet/walletdb"
	_ "github.com/btcsuite/btcwallet/walletdb/bdb" // the driver behind walletdb
	bolt "go.etcd.io/bbolt"

	"github.com/cointill/till/chain"
)

// Beside neutrino's own buckets the light client's database holds what a
// watcher must know after a crash: which of our payments were in which block
// (a lost branch cannot be asked for any more), what still waits, and with
// which scripts blocks were read. It holds no copy of the register's truth:
// entries newer than the register's cursor are dropped on start.
var (
	bucketTxs     = []byte("till-transactions") // txid -> storedTx
	bucketBlocks  = []byte("till-blocks")       // height, hash, txid -> storedIn
	bucketScripts = []byte("till-scripts")      // script -> since, until
	bucketMeta    = []byte("till-meta")
	keyScanned    = []byte("scanned")
	keyAudited    = []byte("audited")
	keyImporting  = []byte("importing") // headers were not imported to the end
)

type storedTx struct {
	Raw     []byte
	Seen    time.Time
	SeenRev uint64
	GoneRev uint64
	Outs    []storedOut
}

type storedOut struct {
	Index uint32
	To    chain.Destination
}

type storedIn struct {
	Time time.Time
	Rev  uint64
}

// store is the light client's database.
type store struct {
	db   walletdb.DB
	mu   sync.Mutex
	last []<-chan struct{} // whoever may still write
}

// openStore opens or makes the database in dir. One process at a time.
func openStore(dir string) (*store, error) {
	path := filepath.Join(dir, "client.db")
	db, err := walletdb.Create("bdb", path, true, 3*time.Second)
	if errors.Is(err, bolt.ErrTimeout) {
		return nil, fmt.Errorf("the Bitcoin folder %s is in use by another till: end that one, or choose another folder", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("the Bitcoin light client's database %s cannot be opened; it holds nothing that cannot be fetched again, so the folder may be moved away: %w", path, err)
	}
	err = walletdb.Update(db, func(tx walletdb.ReadWriteTx) error {
		for _, name := range [][]byte{bucketTxs, bucketBlocks, bucketScripts, bucketMeta} {
			if _, err := tx.CreateTopLevelBucket(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the Bitcoin light client's database %s cannot be written: %w", path, err), db.Close())
	}
	return &store{db: db}, nil
}

// after puts the end of the database off until done is closed.
func (s *store) after(done <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = append(s.last, done)
}

// close ends the database, in the background where somebody was left behind.
func (s *store) close() error {
	s.mu.Lock()
	last := s.last
	s.mu.Unlock()
	if len(last) == 0 {
		return s.db.Close()
	}
	go func() {
		for _, done := range last {
			<-done
		}
		_ = s.db.Close()
	}()
	return nil
}

// mark sets or removes a mark that survives a crash.
func (s *store) mark(key []byte, set bool) error {
	return walletdb.Update(s.db, func(tx walletdb.ReadWriteTx) error {
		if !set {
			return tx.ReadWriteBucket(bucketMeta).Delete(key)
		}
		return tx.ReadWriteBucket(bucketMeta).Put(key, []byte{1})
	})
}

func (s *store) marked(key []byte) (set bool) {
	err := walletdb.View(s.db, func(tx walletdb.ReadTx) error {
		set = tx.ReadBucket(bucketMeta).Get(key) != nil
		return nil
	})
	return err == nil && set
}

func blockKey(block chain.BlockRef, txid chainhash.Hash) []byte {
	hash, err := chainhash.NewHashFromStr(block.Hash)
	if err != nil {
		return nil
	}
	key := binary.BigEndian.AppendUint64(nil, block.Height)
	return append(append(key, hash[:]...), txid[:]...)
}

// change is what one batch alters: written before the sink is called, except
// for forget, which is written after it.
type change struct {
	records []*record
	forget  [][]byte // keys in bucketBlocks
	scripts map[string]*span
	scanned uint64
	audited uint64
}

func (c *change) empty() bool {
	return len(c.records)+len(c.forget)+len(c.scripts) == 0 && c.scanned == 0 && c.audited == 0
}

// write stores c in one transaction.
func (s *store) write(c *change) error {
	if c.empty() {
		return nil
	}
	return walletdb.Update(s.db, func(tx walletdb.ReadWriteTx) error {
		txs, blocks := tx.ReadWriteBucket(bucketTxs), tx.ReadWriteBucket(bucketBlocks)
		for _, r := range c.records {
			value, err := encodeTx(r)
			if err != nil {
				return err
			}
			if err := txs.Put(r.txid[:], value); err != nil {
				return err
			}
			if r.block.IsZero() {
				continue
			}
			value, err = json.Marshal(storedIn{Time: r.block.Time, Rev: r.inRev})
			if err != nil {
				return err
			}
			if err := blocks.Put(blockKey(r.block, r.txid), value); err != nil {
				return err
			}
		}
		for _, key := range c.forget {
			if err := blocks.Delete(key); err != nil {
				return err
			}
		}
		scripts := tx.ReadWriteBucket(bucketScripts)
		for script, sp := range c.scripts {
			if sp == nil {
				if err := scripts.Delete([]byte(script)); err != nil {
					return err
				}
				continue
			}
			value := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, sp.since), sp.until)
			if err := scripts.Put([]byte(script), value); err != nil {
				return err
			}
		}
		meta := tx.ReadWriteBucket(bucketMeta)
		for _, m := range []struct {
			key   []byte
			value uint64
		}{{keyScanned, c.scanned}, {keyAudited, c.audited}} {
			if m.value == 0 {
				continue
			}
			if err := meta.Put(m.key, binary.BigEndian.AppendUint64(nil, m.value)); err != nil {
				return err
			}
		}
		return nil
	})
}

func encodeTx(r *record) ([]byte, error) {
	var raw bytes.Buffer
	if err := r.tx.Serialize(&raw); err != nil {
		return nil, err
	}
	st := storedTx{Raw: raw.Bytes(), Seen: r.seenAt, SeenRev: r.seenRev, GoneRev: r.goneRev}
	for _, out := range r.outputs {
		st.Outs = append(st.Outs, storedOut{Index: out.index, To: out.to})
	}
	return json.Marshal(st)
}

func decodeTx(txid chainhash.Hash, value []byte) (*record, error) {
	var st storedTx
	if err := json.Unmarshal(value, &st); err != nil {
		return nil, err
	}
	r := &record{txid: txid, tx: new(wire.MsgTx), seenAt: st.Seen, seenRev: st.SeenRev, goneRev: st.GoneRev}
	if err := r.tx.Deserialize(bytes.NewReader(st.Raw)); err != nil {
		return nil, err
	}
	if r.tx.TxHash() != txid {
		return nil, errors.New("a stored transaction does not have its id")
	}
	for _, out := range st.Outs {
		if int(out.Index) >= len(r.tx.TxOut) {
			return nil, errors.New("a stored transaction lacks an output")
		}
		r.outputs = append(r.outputs, output{index: out.Index, to: out.To, amount: uint64(r.tx.TxOut[out.Index].Value)})
	}
	return r, nil
}

// load fills b with what the register at cursor knows, drops the rest, and
// returns the stored spans and how far the archive was audited.
func (s *store) load(b *book, cursor chain.Cursor) (spans map[string]span, audited uint64, err error) {
	spans = map[string]span{}
	ring := map[uint64]string{}
	for _, block := range cursor.Ring {
		ring[block.Height] = block.Hash
	}
	b.reset()
	b.mu.Lock()
	defer b.mu.Unlock()
	var stale [][]byte
	deep := map[chainhash.Hash]bool{} // mined below the ring
	err = walletdb.Update(s.db, func(tx walletdb.ReadWriteTx) error {
		txs, blocks := tx.ReadWriteBucket(bucketTxs), tx.ReadWriteBucket(bucketBlocks)
		err := txs.ForEach(func(key, value []byte) error {
			txid, err := chainhash.NewHash(key)
			if err != nil {
				return err
			}
			r, err := decodeTx(*txid, value)
			if err != nil {
				return err
			}
			if r.seenRev > cursor.Seq {
				r.seenRev, r.seenAt = 0, time.Time{}
			}
			if r.goneRev > cursor.Seq {
				r.goneRev = 0
			}
			b.txs[*txid] = r
			return nil
		})
		if err != nil {
			return err
		}
		err = blocks.ForEach(func(key, value []byte) error {
			if len(key) != 8+2*chainhash.HashSize {
				return errors.New("a stored block entry has a wrong key")
			}
			height := binary.BigEndian.Uint64(key)
			hash, txid := chainhash.Hash(key[8:40]), chainhash.Hash(key[40:])
			var in storedIn
			if err := json.Unmarshal(value, &in); err != nil {
				return err
			}
			r := b.txs[txid]
			if r == nil || in.Rev > cursor.Seq || ring[height] != hash.String() {
				stale = append(stale, bytes.Clone(key))
				if r != nil && len(cursor.Ring) > 0 && height < cursor.Ring[0].Height {
					deep[txid] = true
				}
				return nil
			}
			r.block, r.inRev = chain.BlockRef{Height: height, Hash: hash.String(), Time: in.Time}, in.Rev
			return nil
		})
		if err != nil {
			return err
		}
		for _, key := range stale {
			if err := blocks.Delete(key); err != nil {
				return err
			}
		}
		for txid, r := range b.txs {
			switch {
			case !r.block.IsZero():
			case r.seenRev == 0 || r.goneRev != 0 || deep[txid]:
				// Unknown to the register, gone, or mined for good.
				delete(b.txs, txid)
				if err := txs.Delete(txid[:]); err != nil {
					return err
				}
			default:
				b.index(r)
			}
		}
		err = tx.ReadWriteBucket(bucketScripts).ForEach(func(key, value []byte) error {
			if len(value) == 16 {
				spans[string(key)] = span{since: binary.BigEndian.Uint64(value), until: binary.BigEndian.Uint64(value[8:])}
			}
			return nil
		})
		if v := tx.ReadWriteBucket(bucketMeta).Get(keyAudited); len(v) == 8 {
			// Older than this database is a register that was restored.
			audited = min(binary.BigEndian.Uint64(v), cursor.Head().Height)
		}
		return err
	})
	return spans, audited, err
}

// drop removes transactions that are mined below the ring, or gone.
func (s *store) drop(list []*record) error {
	if len(list) == 0 {
		return nil
	}
	return walletdb.Update(s.db, func(tx walletdb.ReadWriteTx) error {
		txs, blocks := tx.ReadWriteBucket(bucketTxs), tx.ReadWriteBucket(bucketBlocks)
		for _, r := range list {
			if err := txs.Delete(r.txid[:]); err != nil {
				return err
			}
			if r.block.IsZero() {
				continue
			}
			if err := blocks.Delete(blockKey(r.block, r.txid)); err != nil {
				return err
			}
		}
		return nil
	})
}
