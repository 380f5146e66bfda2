package bitcoin

import (
	"time"

	"github.com/btcsuite/btcd/wire"

	"github.com/cointill/till/chain"
)

// importing says how far an import is, in blocks; false when there is none.
func (c *client) importing() (done, of uint64, ok bool) {
	p := c.work.Load()
	if p == nil {
		return 0, 0, false
	}
	return p.done.Load(), p.of.Load(), true
}

// blockTip is the height up to which block headers are known; their filter
// headers come later.
func (c *client) blockTip() uint64 {
	cs := c.service()
	if cs == nil {
		return 0
	}
	_, height, err := cs.BlockHeaders.ChainTip()
	if err != nil {
		return 0
	}
	return uint64(height)
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
