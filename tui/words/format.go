package words

import (
	"strconv"
	"strings"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos/money"
)

// Format writes amounts, prices and times as one region does.
type Format struct {
	Locale money.Locale
	// Asset describes an asset by its id. nil knows none.
	Asset func(chain.AssetID) (chain.Asset, bool)
	// Zone is where the till stands; nil is UTC.
	Zone *time.Location
}

// Find is Asset with a description made up from the id where it is unknown, so
// that an amount is never shown without saying of what.
func (f Format) Find(id chain.AssetID) chain.Asset {
	if f.Asset != nil {
		if a, ok := f.Asset(id); ok {
			return a
		}
	}
	if id == chain.Bitcoin {
		return chain.Asset{ID: id, Symbol: "BTC", Name: "Bitcoin", Decimals: 8}
	}
	name := clean(string(id))
	return chain.Asset{ID: id, Symbol: name, Name: name}
}

// Coin writes an amount as people pay it: satoshi for bitcoin, whole coins for
// everything else.
func (f Format) Coin(a chain.Amount, asset chain.Asset) string {
	if asset.ID == chain.Bitcoin {
		return f.Locale.Sats(a)
	}
	return f.Whole(a, asset)
}

// Number is Coin without its unit.
func (f Format) Number(a chain.Amount, asset chain.Asset) string {
	s := f.Coin(a, asset)
	if n, _, ok := strings.Cut(s, " "); ok {
		return n
	}
	return s
}

// Unit is the unit of Coin: "sat", "ETH".
func (f Format) Unit(asset chain.Asset) string {
	if asset.ID == chain.Bitcoin {
		return "sat"
	}
	return clean(asset.Symbol)
}

// Whole writes whole coins with their symbol: "0.00025958 BTC".
func (f Format) Whole(a chain.Amount, asset chain.Asset) string {
	least := 0
	if asset.Par != "" { // stands for money with cents
		least = 2
	}
	return f.Locale.Amount(a, asset.Decimals, clean(asset.Symbol), least)
}

// Height writes a block's height with marks between thousands.
func (f Format) Height(n uint64) string {
	return f.Locale.Amount(chain.Units(n), 0, "", 0)
}

// Date writes a day with its year, the same in every language.
func (f Format) Date(t time.Time) string { return f.local(t).Format("2006-01-02") }

// Clock writes a time of day.
func (f Format) Clock(t time.Time) string { return f.local(t).Format("15:04") }

// Seconds writes a time of day with seconds, for timelines.
func (f Format) Seconds(t time.Time) string { return f.local(t).Format("15:04:05") }

func (f Format) local(t time.Time) time.Time {
	if f.Zone == nil {
		return t.UTC()
	}
	return t.In(f.Zone)
}

// Left writes the time left of a quote, "14:52", and "0:00" once it is over.
func Left(d time.Duration) string {
	s := max(0, int64((d+time.Second-1)/time.Second))
	if s >= 3600 {
		return strconv.FormatInt(s/3600, 10) + ":" + two(s/60%60) + ":" + two(s%60)
	}
	return strconv.FormatInt(s/60, 10) + ":" + two(s%60)
}

func two(n int64) string {
	if n < 10 {
		return "0" + strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10)
}

// Groups writes an address in groups of four, for reading aloud and comparing;
// the 0x of an EVM address stands alone.
func Groups(to string) string {
	var b strings.Builder
	rest := to
	if strings.HasPrefix(rest, "0x") {
		b.WriteString("0x ")
		rest = rest[2:]
	}
	for i, r := range rest {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Short writes the two ends of a transaction's id: "9f1c 04ab … e07a".
func Short(id string) string {
	id = strings.TrimPrefix(clean(id), "0x")
	if len(id) < 16 {
		return id
	}
	return id[:4] + " " + id[4:8] + " … " + id[len(id)-4:]
}

// Transaction names a payment's transaction, or the block in which its money
// came by one that is not known.
func (p Phrases) Transaction(key chain.PaymentKey) string {
	if key.InBlock() {
		return p.TxInBlock + " " + Short(string(key.TxID))
	}
	return p.Tx + " " + Short(string(key.TxID))
}

// Number4 writes a receipt number with at least four digits.
func Number4(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for len(s) < 4 {
		s = "0" + s
	}
	return s
}

// Ends writes the two ends of an address, for a line that names it beside
// others. Where it is compared all of it is written, see Groups.
func Ends(to string) string {
	to = clean(to)
	if len(to) <= 16 {
		return to
	}
	return to[:8] + " … " + to[len(to)-6:]
}
