package money

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cointill/till/chain"
)

// locale is a row of the generated table.
type locale struct {
	tag                string
	decimal, group     rune
	primary, secondary int // digits in the last group and in those before it
	positive, negative pattern
	symbols            map[Currency]string // where they differ from the English ones
}

// pattern is what stands around the digits of a price; ¤ is the symbol.
type pattern struct{ prefix, suffix string }

// Locale is how people of one language and region write numbers and prices. The
// zero Locale writes English.
//
// Between a number and its unit there is a plain space, in whatever way the CLDR
// spells it, so that what is on a screen can be searched and copied; the marks
// between thousands are the CLDR's own, which never break a line.
type Locale struct{ row *locale }

// LocaleFor finds the locale nearest to a tag such as "de-AT" or the LANG of an
// environment, "de_AT.UTF-8": the region's own, or else the language's, or else
// English.
func LocaleFor(tag string) Locale {
	tag, _, _ = strings.Cut(tag, ".")
	tag, _, _ = strings.Cut(tag, "@")
	tag = strings.ReplaceAll(tag, "_", "-")
	language, _, _ := strings.Cut(tag, "-")
	var best Locale
	for i := range locales {
		switch l := &locales[i]; {
		case strings.EqualFold(l.tag, tag):
			return Locale{l}
		case strings.EqualFold(l.tag, language):
			best = Locale{l}
		}
	}
	return best
}

func (l Locale) get() *locale {
	if l.row == nil {
		return &locales[0]
	}
	return l.row
}

// Tag names the locale, "en" or "de-AT".
func (l Locale) Tag() string { return l.get().tag }

// Decimal is the mark before decimals.
func (l Locale) Decimal() rune { return l.get().decimal }

// Symbol is how a currency is written: "€", "CHF", "CA$".
func (l Locale) Symbol(cur Currency) string {
	if s, ok := l.get().symbols[cur]; ok {
		return s
	}
	return cur.Symbol()
}

// Fiat writes a price with every decimal of its currency: "€1,016.20" in
// English, "1.016,20 €" in German.
func (l Locale) Fiat(f Fiat) string {
	return l.price(l.digits(magnitude(f.Minor), f.Currency.Digits()), f.Minor < 0, f.Currency)
}

// Number is Fiat without the symbol.
func (l Locale) Number(f Fiat) string {
	s := l.digits(magnitude(f.Minor), f.Currency.Digits())
	if f.Minor < 0 {
		return "-" + s
	}
	return s
}

func (l Locale) digits(n uint64, decimals int) string {
	whole, frac, _ := strings.Cut(insertPoint(strconv.FormatUint(n, 10), decimals, '.'), ".")
	return l.join(whole, frac)
}

// join groups the digits before the decimals and puts both together.
func (l Locale) join(whole, frac string) string {
	row := l.get()
	var b strings.Builder
	b.Grow(len(whole)*2 + len(frac) + 4)
	for i := range len(whole) {
		left := len(whole) - i // digits still to come, with this one
		if i > 0 && left >= row.primary && (left-row.primary)%row.secondary == 0 {
			b.WriteRune(row.group)
		}
		b.WriteByte(whole[i])
	}
	if frac != "" {
		b.WriteRune(row.decimal)
		b.WriteString(frac)
	}
	return b.String()
}

// price puts a number into the locale's pattern for prices. By the CLDR's rule
// for currency spacing a symbol that ends in a letter or a point keeps a space
// from the digits, and one that ends in a sign such as $ does not.
func (l Locale) price(number string, negative bool, cur Currency) string {
	p := l.get().positive
	if negative {
		p = l.get().negative
	}
	symbol := l.Symbol(cur)
	prefix, suffix := p.prefix, p.suffix
	if strings.HasSuffix(prefix, "¤") {
		if r, _ := utf8.DecodeLastRuneInString(symbol); spaced(r) {
			prefix += " "
		}
	}
	if strings.HasPrefix(suffix, "¤") {
		if r, _ := utf8.DecodeRuneInString(symbol); spaced(r) {
			suffix = " " + suffix
		}
	}
	return strings.Replace(prefix, "¤", symbol, 1) + number + strings.Replace(suffix, "¤", symbol, 1)
}

func spaced(r rune) bool { return !unicode.IsSymbol(r) && !unicode.Is(unicode.Z, r) }

// Amount writes whole coins with their symbol, exactly: every digit that is not
// a trailing zero, and at least minDecimals of them, so that nobody reads less
// than is due ("0.00025958 BTC"). An empty symbol is left out with its space.
func (l Locale) Amount(a chain.Amount, decimals uint8, symbol string, minDecimals int) string {
	whole, frac := splitAmount(a, decimals)
	if n := min(minDecimals, int(decimals)) - len(frac); n > 0 {
		frac += strings.Repeat("0", n)
	}
	s := l.join(whole, frac)
	if symbol != "" {
		s += " " + symbol
	}
	return s
}

// Sats writes an amount of satoshi: "25,958 sat".
func (l Locale) Sats(a chain.Amount) string { return l.join(a.String(), "") + " sat" }

// Rate writes the price of one coin for people: "€62,410.50". It is rounded to
// the currency's decimals, half up, but keeps four of them where the price is
// below ten, as that of a stablecoin in another currency, and below one four
// digits after the zeros, so that no price is shown as none.
func (l Locale) Rate(r Rate, cur Currency) string {
	if r.Num == 0 || r.Scale > maxScale {
		return ""
	}
	keep := cur.Digits()
	r = r.trim()
	if r.Num/pow10[r.Scale] < 10 {
		keep = max(keep, min(4+r.zeros(), int(r.Scale)))
	}
	if int(r.Scale) > keep {
		cut := pow10[int(r.Scale)-keep]
		n := r.Num / cut
		if r.Num%cut >= cut/2 {
			n++
		}
		r = Rate{n, uint8(keep)}
	}
	whole, frac, _ := strings.Cut(insertPoint(strconv.FormatUint(r.Num, 10), int(r.Scale), '.'), ".")
	frac += zeros[:max(0, cur.Digits()-len(frac))]
	return l.price(l.join(whole, frac), false, cur)
}

// zeros counts those between the point and the first other digit; above one
// there are none.
func (r Rate) zeros() (n int) {
	for n < int(r.Scale) && r.Num < pow10[int(r.Scale)-n-1] {
		n++
	}
	return n
}
