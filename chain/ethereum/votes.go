package ethereum

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/cointill/till/chain"
)

// votes asks all endpoints whether they have the same blocks and payments. Each has a
// goroutine of its own, so that a slow one holds up nobody.
type votes struct {
	w       *Watcher
	changed chan struct{}
	group   sync.WaitGroup

	mu    sync.Mutex
	ring  []chain.BlockRef
	known map[string]claim // what was read of the ring's blocks beyond their hash
	by    []vote           // one per endpoint
	sure  chain.BlockRef   // what was agreed on once and is on the chain still
	turn  int              // of the last claim
	again int              // how often claims were taken back, or made anew
	wake  []chan struct{}
}

// claim is what was read of a block from the endpoint in use: its header, the
// zero header where it was read in an earlier life, and what it pays.
type claim struct {
	header
	paid []hit
	read bool // what the block did was looked at
	turn int  // grows with every claim: the same block may be read again from another
}

type vote struct {
	up       bool
	head     uint64
	agrees   uint64 // highest block of the ring that it has too
	hash     string // of that block
	disputed int    // blocks in a row that it has otherwise
	again    int    // votes.again when it looked: what it denied may be taken back since
}

func startVotes(ctx context.Context, w *Watcher) *votes {
	v := &votes{w: w, changed: make(chan struct{}, 1), by: make([]vote, len(w.ends)), wake: make([]chan struct{}, len(w.ends))}
	if len(w.ends) == 1 {
		return v
	}
	for i, end := range w.ends {
		v.wake[i] = make(chan struct{}, 1)
		v.group.Add(1)
		go func() {
			defer v.group.Done()
			v.attend(ctx, i, end)
		}()
	}
	return v
}

func (v *votes) wait() { v.group.Wait() }

// follow tells the voters what to vote on.
func (v *votes) follow(ring []chain.BlockRef, fresh map[string]claim) {
	v.mu.Lock()
	known := make(map[string]claim, len(ring))
	if n := len(v.ring); n > 0 && (len(ring) == 0 || ring[len(ring)-1].Height < v.ring[n-1].Height) {
		v.again++
	}
	for _, b := range ring {
		if c, ok := fresh[b.Hash]; ok {
			if _, twice := v.known[b.Hash]; twice {
				v.again++
			}
			v.turn++
			c.turn = v.turn
			known[b.Hash] = c
		} else if c, ok := v.known[b.Hash]; ok {
			known[b.Hash] = c
		}
	}
	v.keepSure(ring)
	v.ring, v.known = ring, known
	v.mu.Unlock()
	v.rouse()
}

// late tells the voters of payments that were found in blocks of the ring after
// those were read: what they agreed on before said nothing of these.
func (v *votes) late(events []chain.Event, hits map[string][]hit) {
	v.mu.Lock()
	known := maps.Clone(v.known)
	for i, b := range v.ring {
		if !slices.ContainsFunc(events, func(e chain.Event) bool { return e.Block.Hash == b.Hash }) {
			continue
		}
		v.turn++
		c := known[b.Hash]
		c.paid, c.turn = hits[b.Hash], v.turn
		known[b.Hash] = c
		if v.sure.Height >= b.Height {
			v.sure = chain.BlockRef{}
			if i > 0 {
				v.sure = v.ring[i-1]
			}
		}
	}
	v.known = known
	v.mu.Unlock()
	v.rouse()
}

// rouse has the voters look again.
func (v *votes) rouse() {
	for _, wake := range v.wake {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// keepSure finds the highest block of the new ring that was agreed on before:
// an endpoint that goes away takes nothing back, a reorganisation does.
func (v *votes) keepSure(ring []chain.BlockRef) {
	old := make(map[string]bool, len(v.ring))
	for _, b := range v.ring {
		old[b.Hash] = b.Height <= v.sure.Height
	}
	for i := len(ring) - 1; i >= 0; i-- {
		if old[ring[i].Hash] || ring[i].Hash == v.sure.Hash {
			v.sure = ring[i]
			return
		}
	}
	if len(ring) == 0 || v.sure.Height >= ring[0].Height {
		v.sure = chain.BlockRef{}
	}
}

// settle waits a little for the voters, so that the first Tip after a start
// does not say less than the last one before it.
func (v *votes) settle(ctx context.Context, head chain.BlockRef) {
	if v.w.cfg.Quorum == 1 || head.IsZero() {
		return
	}
	limit := time.After(2 * time.Second)
	for v.agreed(head) < head.Height {
		select {
		case <-v.changed:
		case <-limit:
			return
		case <-ctx.Done():
			return
		}
	}
}

// attend keeps a connection to an endpoint and votes for it.
func (v *votes) attend(ctx context.Context, i int, end endpoint) {
	for wait := time.Second; ctx.Err() == nil; wait = min(2*wait, 30*time.Second) {
		began := time.Now()
		_ = v.voter(ctx, i, end)
		v.put(i, vote{})
		if time.Since(began) > time.Minute {
			wait = time.Second
		}
		select {
		case <-ctx.Done():
		case <-time.After(max(wait, v.w.limits.wait(end.url))):
		}
	}
}

func (v *votes) voter(ctx context.Context, i int, end endpoint) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errFault
		}
	}()
	c, err := end.dial(ctx, v.w.cfg.CallTimeout, v.w.limits)
	if err != nil {
		return err
	}
	defer c.close()
	if err := v.w.sameChain(ctx, c); err != nil {
		v.w.cfg.Logger.Warn("An endpoint has no vote", "chain", v.w.network, "endpoint", end.name, "cause", err)
		return err
	}
	ticker := time.NewTicker(v.w.cfg.Poll)
	defer ticker.Stop()
	var now vote
	seen := map[string]int{}
	for {
		next, err := v.ask(ctx, c, now, seen)
		if err != nil {
			return err
		}
		if next != now {
			now = next
			v.put(i, now)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-v.wake[i]:
		case <-ticker.C:
		}
		// While nobody waits for money, agreement is in no hurry.
		for rest := time.Now(); v.w.idle() && time.Since(rest) < idlePoll; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-ticker.C:
			}
		}
	}
}

// ask compares the ring with what the endpoint has at the same heights, from
// the top down. Seen holds the blocks that it has confirmed before: that it has
// the newest says that it has the others, but not that they did the same there.
// They are by hash, with the turn of the claim that was confirmed.
func (v *votes) ask(ctx context.Context, c *conn, was vote, seen map[string]int) (vote, error) {
	v.mu.Lock()
	ring, known, again := v.ring, v.known, v.again
	v.mu.Unlock()
	now := vote{up: true, again: again}
	head, err := c.head(ctx)
	if err != nil {
		return now, err
	}
	now.head = head.number
	theirs := map[uint64]header{}
	for n, i := 0, len(ring)-1; i >= 0 && n < 8; i-- {
		if ring[i].Height > head.number {
			continue
		}
		n++
		h := head
		if ring[i].Height != head.number {
			if h, err = c.at(ctx, ring[i].Height); isMissing(err) {
				continue
			} else if err != nil {
				return now, err
			}
		}
		if same(ring[i], known, h) {
			theirs[h.number] = h
			now.agrees, now.hash = ring[i].Height, ring[i].Hash
			break
		}
		now.disputed = disputes(was, ring[i], h)
	}
	for hash := range seen {
		if _, ok := known[hash]; !ok {
			delete(seen, hash)
		}
	}
	if err := v.headers(ctx, c, theirs, ring, known, seen, now.agrees); err != nil {
		return now, err
	}
	for i := 0; i < len(ring) && ring[i].Height <= now.agrees; i++ {
		ref := ring[i]
		if seen[ref.Hash] == known[ref.Hash].turn || !known[ref.Hash].read && len(known[ref.Hash].paid) == 0 {
			continue
		}
		ok, err := true, error(nil)
		if known[ref.Hash].read {
			var there bool
			if _, there = theirs[ref.Height]; !there {
				err = errMissing
			}
			ok = there && same(ref, known, theirs[ref.Height])
		}
		if paid := known[ref.Hash].paid; ok && len(paid) > 0 {
			ok, err = v.w.confirms(ctx, c, ref, paid)
		}
		if err != nil && !isMissing(err) {
			return now, err
		}
		if ok {
			seen[ref.Hash] = known[ref.Hash].turn
			continue
		}
		if err == nil {
			now.disputed = max(now.disputed, disputes(was, ref, theirs[ref.Height]))
		}
		now.agrees, now.hash = 0, ""
		if i > 0 {
			now.agrees, now.hash = ring[i-1].Height, ring[i-1].Hash
		}
		break
	}
	return now, nil
}

// disputes counts looks in a row at which an endpoint has something else. Near the
// head honest nodes have other blocks for a moment; of one block they never say
// two things, so that counts at once: who waits for more looks waits until the
// block has left the ring.
func disputes(was vote, ref chain.BlockRef, theirs header) int {
	if theirs.hash.Hex() == ref.Hash {
		return maxDisputes + 1
	}
	return was.disputed + 1
}

// headers adds those of blocks that were read and not compared yet, as far as the
// endpoint has them.
func (v *votes) headers(ctx context.Context, c *conn, theirs map[uint64]header, ring []chain.BlockRef, known map[string]claim, seen map[string]int, upTo uint64) error {
	var questions []question
	var heights []uint64
	for _, b := range ring {
		if _, have := theirs[b.Height]; !have && b.Height <= upTo && known[b.Hash].read && seen[b.Hash] != known[b.Hash].turn {
			heights = append(heights, b.Height)
			questions = append(questions, question{"eth_getBlockByNumber", []any{hexutil.Uint64(b.Height), false}})
		}
	}
	answers, err := c.batch(ctx, questions...)
	if err != nil {
		return err
	}
	for i, a := range answers {
		if isMissing(a.err) {
			continue
		}
		if a.err != nil {
			return a.err
		}
		if theirs[heights[i]], err = decodeHeader(a.raw); err != nil {
			return err
		}
	}
	return nil
}

// same compares hash and, where they were checked here, the roots; a bloom where
// it was what spoke against reading the receipts.
func same(ref chain.BlockRef, known map[string]claim, theirs header) bool {
	if theirs.hash.Hex() != ref.Hash {
		return false
	}
	ours := known[ref.Hash].header
	if ours.hash == (common.Hash{}) {
		return true
	}
	if ours.receipts == (common.Hash{}) && ours.bloomed && theirs.bloomed && ours.bloom != theirs.bloom {
		return false
	}
	return theirs.txs == ours.txs && (ours.receipts == common.Hash{} || theirs.receipts == ours.receipts)
}

// confirms asks a voter's endpoint for each payment in a block: hashes alone say
// nothing of what a lying node put beside them, and roots can't be checked on
// every chain.
func (w *Watcher) confirms(ctx context.Context, c *conn, ref chain.BlockRef, paid []hit) (bool, error) {
	made := map[chain.PaymentKey]chain.Event{}
	var last common.Hash
	for _, h := range paid {
		if h.Proof != nil {
			if ok, err := c.rose(ctx, ref, h); !ok || err != nil {
				return false, err
			}
			continue
		}
		if h.hash() != last {
			last = h.hash()
			t, r, err := c.mined(ctx, last)
			if err != nil {
				return false, err
			}
			if r.blockHash.Hex() != ref.Hash {
				return false, nil
			}
			b := &block{header: header{number: ref.Height, hash: r.blockHash}, list: []tx{t}}
			for _, m := range w.match(b, []*receipt{&r}, anybody) {
				made[m.Event.Key] = m.Event
			}
		}
		to, err := parseDestination(h.Event.Target)
		if err != nil {
			return false, err
		}
		m := made[h.Event.Key]
		if m.Kind != h.Event.Kind || m.Asset != h.Event.Asset || m.Amount != h.Event.Amount || m.Target != chain.Destination(to.Hex()) {
			return false, nil
		}
	}
	return true, nil
}

// anybody is an aim at every address.
func anybody(a common.Address) (chain.Destination, uint64, bool) {
	return chain.Destination(a.Hex()), 0, true
}

func (v *votes) put(i int, now vote) {
	v.mu.Lock()
	v.by[i] = now
	v.mu.Unlock()
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// agreed is the highest block that the quorum has; the endpoint in use counts
// for what was read from it.
func (v *votes) agreed(head chain.BlockRef) uint64 {
	if v.w.cfg.Quorum == 1 {
		return head.Height
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	var agreed []chain.BlockRef
	for _, b := range v.by {
		if !b.up {
			continue
		}
		if i := slices.IndexFunc(v.ring, func(r chain.BlockRef) bool { return r.Hash == b.hash }); i >= 0 {
			agreed = append(agreed, v.ring[i])
		}
	}
	if len(agreed) >= v.w.cfg.Quorum {
		slices.SortFunc(agreed, func(a, b chain.BlockRef) int { return cmp.Compare(b.Height, a.Height) })
		if b := agreed[v.w.cfg.Quorum-1]; b.Height > v.sure.Height {
			v.sure = b
		}
	}
	return v.sure.Height
}

// connected counts the endpoints that answer beside the one in use.
func (v *votes) connected() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for _, b := range v.by {
		if b.up {
			n++
		}
	}
	return max(0, n-1)
}

// ahead tells whether another endpoint has seen more than height.
func (v *votes) ahead(height uint64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.ContainsFunc(v.by, func(b vote) bool { return b.up && b.head > height })
}

// against names an endpoint that keeps telling other blocks than the one in use.
func (v *votes) against() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, b := range v.by {
		if b.disputed > maxDisputes {
			return v.w.ends[i].name
		}
	}
	return ""
}

// maxDisputes is how many looks in a row may find another block without a word:
// near the head honest nodes differ for a moment.
const maxDisputes = 3

// outvoted tells that the endpoint in use stands against a quorum of others: it
// invents blocks, or follows a branch of its own.
func (v *votes) outvoted(using string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for i, b := range v.by {
		if b.up && b.disputed > maxDisputes && b.again == v.again && v.w.ends[i].url != using {
			n++
		}
	}
	return n >= max(2, v.w.cfg.Quorum)
}

// strange is how many of the ring's blocks, oldest first, the endpoint in use has
// too, where it keeps denying what the ring says of later ones; else 0. So it is
// with what another one told before the connection changed.
func (v *votes) strange(using string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, b := range v.by {
		if b.up && b.disputed > maxDisputes && b.again == v.again && v.w.ends[i].url == using {
			return max(1, 1+slices.IndexFunc(v.ring, func(r chain.BlockRef) bool { return r.Hash == b.hash }))
		}
	}
	return 0
}

// trusted is how many of the ring's blocks, oldest first, the quorum has, at least
// one.
func (v *votes) trusted(ring []chain.BlockRef) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 1
	for n < len(ring) && ring[n].Height <= v.sure.Height {
		n++
	}
	return n
}

// missing names an endpoint that does not answer.
func (v *votes) missing() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, b := range v.by {
		if !b.up {
			return v.w.ends[i].name
		}
	}
	return ""
}

var errNotConnected = errors.New("till is not connected to this chain now; try again in a moment")
