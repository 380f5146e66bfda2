package bitcoin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/btcutil/gcs/builder"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"
	"github.com/lightninglabs/neutrino/chainimport"
	"github.com/lightninglabs/neutrino/headerfs"

	"github.com/cointill/till/chain"
)

// A first start needs every block header and filter header since the genesis
// block. Peers send them in some minutes; a file or a server sends them at
// once. Either way the block headers' proof of work is checked here; filter
// headers are checked against the hard-coded ones, and against peers when the
// chain goes on from there.
const (
	maxHeaderFile = 8_000_000 // headers, 150 years of them
	importBatch   = 2_000     // headers in one transaction: each touches most pages of the index
	filterHeader  = chainhash.HashSize
)

// progress is how far a step of an import is, in blocks.
type progress struct{ done, of atomic.Uint64 }

// importDue tells whether headers are to be imported: on the first start, and
// again where that was interrupted. Later the network has more, and the files
// may be gone.
func (c *client) importDue() bool {
	if c.w.cfg.BlockHeaders == "" {
		return false
	}
	blocks, _ := HeaderFiles(c.w.cfg.Dir)
	stat, err := os.Stat(blocks)
	return err != nil || stat.Size() <= wire.MaxBlockHeaderPayload || c.store.marked(keyImporting)
}

// importHeaders fills the header files before the light client opens them.
// It marks them as unfinished while it works.
func (c *client) importHeaders(ctx context.Context, p *progress) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("a fault in reading them: %v", fault)
		}
	}()
	if err := c.store.mark(keyImporting, true); err != nil {
		return err
	}
	limit, err := c.sameLength()
	if err != nil {
		return err
	}
	blocks, undo, err := c.headerFile(ctx, c.w.cfg.BlockHeaders, headerfs.Block, limit, p)
	if err != nil {
		return fmt.Errorf("block headers: %w", err)
	}
	defer undo()
	filters, undo, err := c.headerFile(ctx, c.w.cfg.FilterHeaders, headerfs.RegularFilter, limit, p)
	if err != nil {
		return fmt.Errorf("filter headers: %w", err)
	}
	defer undo()
	blockStore, err := headerfs.NewBlockHeaderStore(c.w.cfg.Dir, c.store.db, &c.w.params)
	if err != nil {
		return err
	}
	filterStore, err := headerfs.NewFilterHeaderStore(c.w.cfg.Dir, c.store.db, headerfs.RegularFilter, &c.w.params, nil)
	if err != nil {
		return err
	}
	importer, err := chainimport.NewHeadersImport(&chainimport.ImportOptions{
		TargetChainParams: c.w.params, TargetBlockHeaderStore: blockStore, TargetFilterHeaderStore: filterStore,
		BlockHeadersSource: blocks, FilterHeadersSource: filters, WriteBatchSizePerRegion: importBatch,
	})
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	defer close(stop)
	go p.follow(stop, blockStore, filterStore, blocks, filters)
	_, err = importer.Import(ctx)
	return err
}

// follow notes how many headers are stored.
func (p *progress) follow(stop <-chan struct{}, blocks headerfs.BlockHeaderStore, filters headerfs.FilterHeaderStore, files ...string) {
	total := uint64(0)
	for i, size := range []int64{wire.MaxBlockHeaderPayload, filterHeader} {
		if stat, err := os.Stat(files[i]); err == nil {
			total += uint64(max(0, stat.Size()-chainimport.ImportMetadataSize) / size)
		}
	}
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		_, b, err1 := blocks.ChainTip()
		_, f, err2 := filters.ChainTip()
		if err1 == nil && err2 == nil {
			p.done.Store((uint64(b) + uint64(f)) / 2)
			p.of.Store(total / 2)
		}
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
	}
}

// sameLength is how many headers of another till's files are taken: one of them
// may be ahead. Without such files it is as many as there are.
func (c *client) sameLength() (int64, error) {
	limit := int64(maxHeaderFile)
	for source, size := range map[string]int64{c.w.cfg.BlockHeaders: wire.MaxBlockHeaderPayload, c.w.cfg.FilterHeaders: filterHeader} {
		if remote(source) {
			continue
		}
		stat, err := os.Stat(source)
		if err != nil {
			return 0, err
		}
		limit = min(limit, stat.Size()/size)
	}
	return limit, nil
}

func remote(source string) bool {
	return strings.HasPrefix(source, "http://") || strings.HasPrefix(source, "https://")
}

// headerFile makes a local file in the form that the importer reads: a prefix
// that names the network and the sort, then one header after the other. A file
// without the prefix, such as another till's own, gets one in a copy. Undo
// removes what was made for it.
func (c *client) headerFile(ctx context.Context, source string, kind headerfs.HeaderType, limit int64, p *progress) (path string, undo func(), err error) {
	var from io.ReadCloser
	size := int64(0)
	far := remote(source)
	if far {
		from, size, err = c.download(ctx, source)
	} else {
		from, size, err = openFile(source)
	}
	if err != nil {
		return "", nil, err
	}
	defer from.Close()
	head := bufio.NewReaderSize(from, 1<<16)
	prefix, first := c.headerPrefix(kind)
	start, err := head.Peek(max(len(prefix), len(first)))
	if err != nil {
		return "", nil, errors.New("it is too short to hold headers")
	}
	switch {
	case bytes.HasPrefix(start, prefix[:6]): // network, version and sort; it may start at another height
		if !far {
			return source, func() {}, nil
		}
		prefix, limit = nil, maxHeaderFile
	case !bytes.HasPrefix(start, first):
		return "", nil, fmt.Errorf("these are no %s of %s", map[headerfs.HeaderType]string{headerfs.Block: "block headers", headerfs.RegularFilter: "filter headers"}[kind], c.w.cfg.Network)
	}
	path = filepath.Join(c.w.cfg.Dir, fmt.Sprintf("import-%d.tmp", kind))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return "", nil, err
	}
	undo = func() { _ = os.Remove(path) }
	each := int64(wire.MaxBlockHeaderPayload)
	if kind == headerfs.RegularFilter {
		each = filterHeader
	}
	p.done.Store(0)
	p.of.Store(uint64(max(size, 0) / each))
	_, err = io.Copy(io.MultiWriter(file, &counter{p: p, each: each}), io.MultiReader(bytes.NewReader(prefix), io.LimitReader(head, limit*each)))
	if err = errors.Join(err, file.Close()); err != nil {
		undo()
		return "", nil, err
	}
	return path, undo, nil
}

// headerPrefix is what stands before imported headers, and the first header
// itself, by which files without a prefix are known.
func (c *client) headerPrefix(kind headerfs.HeaderType) (prefix, first []byte) {
	prefix = binary.LittleEndian.AppendUint32(nil, uint32(c.w.params.Net))
	prefix = append(prefix, 0, byte(kind))
	prefix = binary.LittleEndian.AppendUint32(prefix, 0)
	genesis := c.w.params.GenesisBlock
	if kind == headerfs.Block {
		var b bytes.Buffer
		_ = genesis.Header.Serialize(&b) // a buffer takes everything
		return prefix, b.Bytes()
	}
	filter, err := builder.BuildBasicFilter(genesis, nil)
	if err != nil {
		return prefix, nil
	}
	hash, err := builder.MakeHeaderForFilter(filter, chainhash.Hash{})
	if err != nil {
		return prefix, nil
	}
	return prefix, hash[:]
}

func openFile(path string) (io.ReadCloser, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	stat, err := file.Stat()
	if err != nil || !stat.Mode().IsRegular() {
		return nil, 0, errors.Join(err, file.Close(), fmt.Errorf("%s is not a file", path))
	}
	return file, stat.Size(), nil
}

// stall is how long a server may send nothing.
const stall = time.Minute

// download opens a file on a server, through the proxy where there is one.
func (c *client) download(ctx context.Context, url string) (io.ReadCloser, int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	idle := time.AfterFunc(stall, cancel)
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) { return c.w.cfg.Dial(ctx, namedAddr(addr)) },
	}
	end := func() {
		idle.Stop()
		cancel()
		transport.CloseIdleConnections()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		end()
		return nil, 0, err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		end()
		return nil, 0, err
	}
	if resp.StatusCode != http.StatusOK {
		end()
		return nil, 0, errors.Join(fmt.Errorf("%s answers %s", req.URL.Host, resp.Status), resp.Body.Close())
	}
	return &body{ReadCloser: resp.Body, idle: idle, end: end}, resp.ContentLength, nil
}

// body is a download that ends when nothing comes any more.
type body struct {
	io.ReadCloser
	idle *time.Timer
	end  func()
}

func (b *body) Read(p []byte) (int, error) {
	b.idle.Reset(stall)
	return b.ReadCloser.Read(p)
}

func (b *body) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}

// counter notes how many headers of a size were written.
type counter struct {
	p    *progress
	each int64
	n    int64
}

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	c.p.done.Store(uint64(c.n / c.each))
	return len(b), nil
}

// Headers is how many blocks' worth of headers and filter headers there are in
// the folder of a light client, which may run.
func Headers(dir string) (uint64, error) {
	blocks, filters := HeaderFiles(dir)
	b, err := os.Stat(blocks)
	if err != nil {
		return 0, err
	}
	f, err := os.Stat(filters)
	if err != nil {
		return 0, err
	}
	first := int64(wire.MaxBlockHeaderPayload + filterHeader) // of the genesis block
	return uint64(max(0, b.Size()+f.Size()-first)) / uint64(first), nil
}

// HeaderFiles names the header files in the folder of a light client. They can
// be imported from, also while it runs.
func HeaderFiles(dir string) (blocks, filters string) {
	return filepath.Join(dir, "block_headers.bin"), filepath.Join(dir, "reg_filter_headers.bin")
}

// importing says how far an import is, in blocks; false when there is none.
func (c *client) importing() (done, of uint64, ok bool) {
	p := c.work.Load()
	if p == nil {
		return 0, 0, false
	}
	return p.done.Load(), p.of.Load(), true
}

// headers is how many blocks' worth of headers and filter headers are known,
// counted by their size: they are fetched one after the other.
func (c *client) headers() uint64 {
	cs := c.service()
	if cs == nil {
		return 0
	}
	_, blocks, err := cs.BlockHeaders.ChainTip()
	if err != nil {
		return 0
	}
	_, filters, err := cs.RegFilterHeaders.ChainTip()
	if err != nil {
		return 0
	}
	const all = wire.MaxBlockHeaderPayload + filterHeader
	return (uint64(blocks)*wire.MaxBlockHeaderPayload + uint64(filters)*filterHeader) / all
}

// pace estimates how long something takes that goes on evenly.
type pace struct {
	stage string
	marks []mark
}

type mark struct {
	at   time.Time
	done uint64
}

// left is how long it takes from done to goal at the pace of the last half
// minute; 0 where that cannot be said.
func (p *pace) left(now time.Time, stage string, done, goal uint64) time.Duration {
	if stage != p.stage || len(p.marks) > 0 && done < p.marks[len(p.marks)-1].done {
		p.stage, p.marks = stage, nil
	}
	if n := len(p.marks); n == 0 || now.Sub(p.marks[n-1].at) >= time.Second {
		p.marks = append(p.marks, mark{now, done})
	}
	for len(p.marks) > 2 && now.Sub(p.marks[0].at) > 30*time.Second {
		p.marks = p.marks[1:]
	}
	first := p.marks[0]
	if goal <= done || done <= first.done || now.Sub(first.at) < 2*time.Second {
		return 0
	}
	each := now.Sub(first.at) / time.Duration(done-first.done)
	return (each * time.Duration(goal-done)).Round(time.Second)
}

// syncing completes the health of a watcher that catches up.
func (r *run) syncing(now time.Time, head chain.BlockRef, h *chain.Health) {
	stage := "blocks"
	if head.IsZero() {
		stage = "headers" // they are all there is to count yet
		h.Height = r.client.headers()
		if why := r.client.notImported(); why != nil && h.Code == chain.HealthOK {
			h.Code, h.Detail = chain.HealthNoImport, *why
		}
	}
	h.Left = r.state.pace.left(now, stage, h.Height, h.Goal)
}
