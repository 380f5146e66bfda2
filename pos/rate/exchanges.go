package rate

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cointill/till/pos"
)

// Decoders read numbers as text only, never as floats. Each takes whatever
// bytes came with status 200.

// Kraken: GET /0/public/Ticker, https://docs.kraken.com/api. The result's key is
// not the name that was asked for (XXBTZEUR for XBTEUR), there is no time, and
// errors come with status 200.

func krakenPath(p Pair) string {
	return "/0/public/Ticker?pair=" + url.QueryEscape(krakenBase(p.Base)+string(p.Quote))
}

// krakenBase is Kraken's name of a coin.
func krakenBase(base string) string {
	if base == "BTC" {
		return "XBT"
	}
	return base
}

// isKrakenKey tells whether a result's key stands for a pair: both halves may
// have an X (coin) or a Z (currency) before them.
func isKrakenKey(key string, p Pair) bool {
	for _, base := range []string{p.Base, krakenBase(p.Base)} {
		for _, x := range []string{"", "X", "Z"} {
			rest, ok := strings.CutPrefix(key, x+base)
			if ok && (rest == string(p.Quote) || rest == "Z"+string(p.Quote)) {
				return true
			}
		}
	}
	return false
}

func decodeKraken(body []byte, pair Pair) (Quote, error) {
	var t struct {
		Error  []string `json:"error"`
		Result map[string]struct {
			Ask []json.Number `json:"a"`
			Bid []json.Number `json:"b"`
		} `json:"result"`
	}
	if err := json.Unmarshal(body, &t); err != nil {
		return Quote{}, err
	}
	if len(t.Error) > 0 {
		p := &Problem{Code: Nonsense, Detail: pos.CleanText(strings.Join(t.Error, ", "), 80)}
		all := strings.ToLower(p.Detail)
		switch {
		case strings.Contains(all, "unknown asset"):
			p.Code = NotOffered
		case strings.Contains(all, "rate limit"), strings.Contains(all, "too many"), strings.Contains(all, "throttled"):
			p.Code, p.After = Limited, time.Minute
		case strings.Contains(all, "eservice"):
			p.Code = Unavailable
		}
		return Quote{}, p
	}
	if len(t.Result) != 1 {
		return Quote{}, errors.New("not exactly one ticker")
	}
	for key, v := range t.Result {
		if !isKrakenKey(key, pair) {
			return Quote{}, &Problem{Code: WrongPair, Detail: pos.CleanText(key, 20)}
		}
		if len(v.Ask) > 0 && len(v.Bid) > 0 {
			return makeQuote(v.Bid[0].String(), v.Ask[0].String(), time.Time{})
		}
	}
	return Quote{}, errors.New("no bid or no ask")
}

// Coinbase Exchange: GET /products/{id}/ticker, https://docs.cdp.coinbase.com.
// The time is that of the last trade, and the answer does not name the pair.

func coinbasePath(p Pair) string {
	return "/products/" + url.PathEscape(p.Base+"-"+string(p.Quote)) + "/ticker"
}

func decodeCoinbase(body []byte, _ Pair) (Quote, error) {
	var t struct {
		Bid     json.Number `json:"bid"`
		Ask     json.Number `json:"ask"`
		Time    string      `json:"time"`
		Message string      `json:"message"`
	}
	if err := json.Unmarshal(body, &t); err != nil {
		return Quote{}, err
	}
	if t.Message != "" {
		return Quote{}, &Problem{Code: Nonsense, Detail: pos.CleanText(t.Message, 80)}
	}
	at, err := time.Parse(time.RFC3339Nano, t.Time)
	if err != nil {
		return Quote{}, err
	}
	return makeQuote(t.Bid.String(), t.Ask.String(), at)
}

// Bitstamp: GET /api/v2/ticker/{pair}/, https://www.bitstamp.net/api. The time
// is that of the answer, in seconds.

func bitstampPath(p Pair) string {
	return "/api/v2/ticker/" + url.PathEscape(strings.ToLower(p.Base+string(p.Quote))) + "/"
}

func decodeBitstamp(body []byte, pair Pair) (Quote, error) {
	var t struct {
		Bid       json.Number     `json:"bid"`
		Ask       json.Number     `json:"ask"`
		Timestamp json.Number     `json:"timestamp"`
		Pair      string          `json:"pair"`
		Status    string          `json:"status"`
		Reason    json.RawMessage `json:"reason"`
	}
	if err := json.Unmarshal(body, &t); err != nil {
		return Quote{}, err
	}
	if strings.EqualFold(t.Status, "error") {
		return Quote{}, &Problem{Code: Nonsense, Detail: pos.CleanText(string(t.Reason), 80)}
	}
	names := []string{"", pair.String(), pair.Base + string(pair.Quote)} // older answers do not name it
	if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, t.Pair) }) {
		return Quote{}, &Problem{Code: WrongPair, Detail: pos.CleanText(t.Pair, 20)}
	}
	seconds, err := strconv.ParseInt(t.Timestamp.String(), 10, 64)
	if err != nil {
		return Quote{}, err
	}
	if seconds <= 0 || seconds > 1<<36 { // beyond the year 4000
		return Quote{}, errors.New("no time")
	}
	return makeQuote(t.Bid.String(), t.Ask.String(), time.Unix(seconds, 0))
}
