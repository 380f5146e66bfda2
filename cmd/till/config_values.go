package main

import "slices"

// Some values take more than one form. They are decoded as what TOML says they
// are (text, int64, list, table) and told apart here.

// texts reads one text or a list of texts.
func texts(v any) ([]string, bool) {
	switch x := v.(type) {
	case nil:
		return nil, true
	case string:
		return []string{x}, true
	case []any:
		list := make([]string, len(x))
		for i, e := range x {
			s, ok := e.(string)
			if !ok {
				return nil, false
			}
			list[i] = s
		}
		return list, true
	}
	return nil, false
}

// tokenFile is an entry of an accept list: a name, or a token's description.
type tokenFile struct {
	ref                                string // where only a name was given
	contract, symbol, name, par, price string
	decimals                           int64 // -1 = not given
}

var tokenKeys = []string{"contract", "decimals", "symbol", "name", "par", "price"}

// tokenOf reads an entry. It returns the key of a table that does not exist or
// has a value of another kind, and what is wrong with it.
func tokenOf(v any) (t tokenFile, key, wrong string) {
	t.decimals = -1
	table, ok := v.(map[string]any)
	if !ok {
		if t.ref, ok = v.(string); !ok {
			return t, "", `it takes names and tables, like ["native", "USDC"]`
		}
		return t, "", ""
	}
	for k := range table {
		if !slices.Contains(tokenKeys, k) {
			if best := nearest(k, tokenKeys); best != "" {
				return t, k, "unknown key; did you mean " + best + "?"
			}
			return t, k, "unknown key; a token has contract, decimals and symbol, and may have name, par and price"
		}
	}
	for k, into := range map[string]*string{"contract": &t.contract, "symbol": &t.symbol, "name": &t.name, "par": &t.par, "price": &t.price} {
		if v, given := table[k]; given {
			if *into, ok = v.(string); !ok {
				return t, k, "it should be a text in quotes"
			}
		}
	}
	if v, given := table["decimals"]; given {
		if t.decimals, ok = v.(int64); !ok {
			return t, "decimals", "it should be a whole number without quotes"
		}
	}
	return t, "", ""
}
