package main

import (
	"strings"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/tui"
)

// assignKeys gives every asset a letter of its own on the amount screen: the
// first letter of its symbol or name that means nothing else there, or else any
// free letter. The order of the assets decides who is asked first.
func assignKeys(assets []chain.Asset) {
	taken := make(map[string]bool)
	for i := range assets {
		assets[i].Key = ""
		wanted := assets[i].Symbol + assets[i].Name
		if assets[i].ID == chain.Bitcoin {
			wanted = "b" + wanted
		}
		for _, c := range strings.ToLower(wanted + "abcdefghijklmnopqrstuvwxyz") {
			if key := string(c); c >= 'a' && c <= 'z' && !taken[key] && !tui.Reserved(key) {
				assets[i].Key, taken[key] = key, true
				break
			}
		}
	}
}
