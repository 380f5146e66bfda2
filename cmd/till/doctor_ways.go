package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/cointill/till/chain"
)

// checkWays looks at each way to watch Bitcoin by itself, and says whom
// confirmations stand on.
func checkWays(ctx context.Context, s *settings) []finding {
	var found []finding
	for _, way := range s.bitcoin.ways {
		if way.kind == "p2p" {
			found = append(found, checkBitcoin(ctx, s)...)
			continue
		}
		found = append(found, checkWay(ctx, s, way))
	}
	first := s.bitcoin.ways[0]
	switch leads := len(s.bitcoin.ways); {
	case leads == 1 && (first.kind == "esplora" || first.kind == "electrum"):
		found = append(found, noted("Bitcoin", "all stands on the word of %s; a node of your own, or p2p before it in watch, is safer", first.name))
	case leads > 1:
		found = append(found, good("Bitcoin", "confirmations stand on %s while it works; the others are compared with it", first.name))
	}
	return found
}

// checkWay asks one server.
func checkWay(ctx context.Context, s *settings, way waySettings) finding {
	dir, err := os.MkdirTemp("", "till-doctor-")
	if err != nil {
		return noted("Bitcoin", "no temporary folder, so %s was not asked; set TMPDIR", way.name)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w, err := s.way(way, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return faulty("Bitcoin", "%s", err)
	}
	h := glance(ctx, w, func(h chain.Health) bool { return h.Usable() || h.State == chain.Down })
	what := map[string]string{"core": "your node's RPC", "esplora": "the Esplora server", "electrum": "the Electrum server"}[way.kind] + " (" + h.Detail + ")"
	switch {
	case h.Usable() && !h.Unconfirmed:
		return noted("Bitcoin", "%s: block %d, but it does not say what waits; payments will be seen with their first block", what, h.Height)
	case h.Usable() && way.kind == "core" && len(way.core.ZMQ) == 0:
		return good("Bitcoin", "%s: block %d, asked every second (zmq tells at once)", what, h.Height)
	case h.Usable():
		return good("Bitcoin", "%s: block %d", what, h.Height)
	case h.Code == chain.HealthWrongNetwork:
		return faulty("Bitcoin", "%s is on another network than %s; check its address", what, s.bitcoin.network)
	case h.Code == chain.HealthLimited:
		return faulty("Bitcoin", "%s asks till to come less often; take another server or your own", what)
	case h.Code == chain.HealthLying:
		return faulty("Bitcoin", "%s answers with blocks that cannot be right; do not use it", what)
	case h.Code == chain.HealthBehind:
		return faulty("Bitcoin", "%s is still fetching the chain; wait until it has", what)
	}
	if way.kind == "core" {
		return faulty("Bitcoin", "%s does not let till in; check url, cookie or user and password, and rpcallowip there", what)
	}
	return faulty("Bitcoin", "%s does not answer; check its address, its certificate and the firewall", what)
}
