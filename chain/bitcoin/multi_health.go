package bitcoin

import "github.com/cointill/till/chain"

// assess says in one word how all ways together are, and publishes it.
func (m *Multi) assess() chain.Health {
	now := m.cfg.Now()
	h := m.cfg.Ways[m.lead].Watcher.Health()
	h.Unconfirmed = false
	well, servers := 0, 0
	for i, way := range m.cfg.Ways {
		one := way.Watcher.Health()
		if !one.Usable() {
			continue
		}
		h.Unconfirmed = h.Unconfirmed || one.Unconfirmed
		if !way.Helper && m.views[i].differ.IsZero() {
			well++
			if one.Trust == chain.TrustOneServer {
				servers++
			}
		}
	}
	if h.Trust == chain.TrustOneServer {
		h.Peers, h.Of = well, 0
		for _, way := range m.cfg.Ways {
			if !way.Helper {
				h.Of++
			}
		}
		if servers > 1 {
			h.Trust = chain.TrustQuorum
		}
	}
	if h.State == chain.Degraded && h.Code == chain.HealthNoRelay && h.Unconfirmed {
		h.State, h.Code = chain.Ready, chain.HealthOK // another way sees what the lead does not
	}
	if n := len(m.out.ring); h.State == chain.Ready && (n == 0 || h.Height > m.out.ring[n-1].Height) {
		h.State = chain.Syncing // read, and not delivered yet
	}
	if h.State == chain.Ready {
		for i, v := range m.views {
			one := m.cfg.Ways[i].Watcher.Health()
			lost := one.State == chain.Down || one.State == chain.Connecting
			switch {
			case !v.differ.IsZero() && now.Sub(v.differ) >= m.grace:
				h.State, h.Code, h.Detail = chain.Degraded, chain.HealthLying, v.name
			case i != m.lead && (lost || v.ended) && now.Sub(v.since) >= m.grace:
				h.State, h.Code, h.Detail = chain.Degraded, one.Code, v.name
				if one.Code == chain.HealthOK || one.Code == chain.HealthNoPeers {
					h.Code = chain.HealthUnreachable
				}
			}
			if h.Code == chain.HealthLying {
				break
			}
		}
	}
	if m.refused {
		h.State, h.Code = chain.Down, chain.HealthStore
	}
	m.healthMu.Lock()
	m.health = h
	m.healthMu.Unlock()
	return h
}

// changed tells whether a state of health differs in more than its numbers.
func (m *Multi) changed(h chain.Health) bool {
	t := m.told
	return t.State != h.State || t.Code != h.Code || t.Unconfirmed != h.Unconfirmed || t.Peers != h.Peers || t.Relays != h.Relays ||
		t.Trust != h.Trust || t.Detail != h.Detail && h.Code != chain.HealthOK
}
