package tui

import (
	"slices"
	"strings"

	"github.com/cointill/till/chain"
)

// walletHelp is what is known of wallets that misread the code with the amount
// (EIP-681), where such a code is to be had; "" elsewhere. What it names is from
// their users' open reports: MetaMask/metamask-mobile#12081 and #22849,
// Uniswap/interface#8022.
func (m *Model) walletHelp() string {
	v, ok := m.view()
	if !ok || m.here() != onPay || !strings.HasPrefix(string(m.asset(v).ID), "eip155:") ||
		!slices.ContainsFunc(v.Pay.Forms, func(f chain.Form) bool { return f.Kind == chain.FormURI }) {
		return ""
	}
	if m.asset(v).ID.Contract() != "" {
		return m.p.WalletsAll + " " + m.p.WalletsToken
	}
	return m.p.WalletsAll
}
