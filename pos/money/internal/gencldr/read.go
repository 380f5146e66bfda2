package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

type currency struct {
	Code   string
	Digits int
	Cash   int64 // smallest step in cash, in minor units
	Symbol string
	Name   string
}

type name struct {
	Name string `json:"displayName"`
	Sym  string `json:"symbol"`
}

func (n name) symbol(code string) string {
	if n.Sym == "" {
		return code
	}
	return plain.Replace(n.Sym)
}

// plain makes every space in a symbol ("F CFA") or a pattern a plain one, for
// terminals.
var plain = strings.NewReplacer("\u00a0", " ", "\u202f", " ")

type pattern struct{ Prefix, Suffix string }

type locale struct {
	Tag, Decimal, Group string
	Primary, Secondary  int
	Positive, Negative  pattern
	Symbols             []currency // those whose symbol differs from the table's own
}

func read(into any, path ...string) error {
	file := filepath.Join(path...)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// readVersion insists that both packages are of one release.
func readVersion(dir string) (string, error) {
	var versions []string
	for _, p := range []string{"cldr-core", "cldr-numbers-full"} {
		var v struct{ Version string }
		if err := read(&v, dir, p, "package.json"); err != nil {
			return "", err
		}
		versions = append(versions, v.Version)
	}
	if versions[0] != versions[1] {
		return "", fmt.Errorf("cldr-core is %s but cldr-numbers-full is %s", versions[0], versions[1])
	}
	return versions[0], nil
}

// readCurrencies lists every currency that some region uses without an end
// date: legal tender, and units of account such as CLF. Region ZZ has metals
// and codes for testing.
func readCurrencies(dir string) ([]currency, error) {
	var data struct {
		Supplemental struct {
			CurrencyData struct {
				Fractions map[string]map[string]string
				Region    map[string][]map[string]map[string]string
			}
		}
	}
	if err := read(&data, dir, "cldr-core", "supplemental", "currencyData.json"); err != nil {
		return nil, err
	}
	cd := data.Supplemental.CurrencyData
	var list []currency
	for region, uses := range cd.Region {
		if region == "ZZ" {
			continue
		}
		for _, use := range uses {
			for code, when := range use {
				_, ended := when["_to"]
				known := slices.ContainsFunc(list, func(c currency) bool { return c.Code == code })
				if ended || known || code == "XXX" { // XXX: no currency
					continue
				}
				c, err := fractions(code, cd.Fractions)
				if err != nil {
					return nil, err
				}
				list = append(list, c)
			}
		}
	}
	slices.SortFunc(list, func(a, b currency) int { return strings.Compare(a.Code, b.Code) })
	return list, nil
}

func fractions(code string, all map[string]map[string]string) (currency, error) {
	f, ok := all[code]
	if !ok {
		f = all["DEFAULT"]
	}
	number := func(key string, otherwise int) (int, error) {
		if f[key] == "" {
			return otherwise, nil
		}
		return strconv.Atoi(f[key])
	}
	c := currency{Code: code, Cash: 1}
	digits, err := number("_digits", 2)
	if err != nil {
		return c, fmt.Errorf("%s: %w", code, err)
	}
	cashDigits, err := number("_cashDigits", digits)
	if err != nil {
		return c, fmt.Errorf("%s: %w", code, err)
	}
	step, err := number("_cashRounding", 0)
	if err != nil {
		return c, fmt.Errorf("%s: %w", code, err)
	}
	if digits > 4 || cashDigits > digits {
		return c, fmt.Errorf("%s: %d digits, %d in cash", code, digits, cashDigits)
	}
	c.Digits = digits
	c.Cash = int64(max(1, step))
	for range digits - cashDigits {
		c.Cash *= 10
	}
	return c, nil
}

func readNames(dir, tag string) (map[string]name, error) {
	var data struct {
		Main map[string]struct {
			Numbers struct{ Currencies map[string]name }
		}
	}
	err := read(&data, dir, "cldr-numbers-full", "main", tag, "currencies.json")
	return data.Main[tag].Numbers.Currencies, err
}

func readLocale(dir, tag string, currencies []currency) (locale, error) {
	var data struct {
		Main map[string]struct{ Numbers map[string]json.RawMessage }
	}
	if err := read(&data, dir, "cldr-numbers-full", "main", tag, "numbers.json"); err != nil {
		return locale{}, err
	}
	numbers := data.Main[tag].Numbers
	var grouping, system string
	var symbols, formats map[string]json.RawMessage
	var decimal, group, standard string
	for _, field := range []struct {
		from map[string]json.RawMessage
		key  string
		into any
	}{
		{numbers, "minimumGroupingDigits", &grouping},
		{numbers, "defaultNumberingSystem", &system},
		{numbers, "symbols-numberSystem-latn", &symbols},
		{numbers, "currencyFormats-numberSystem-latn", &formats},
	} {
		if err := json.Unmarshal(field.from[field.key], field.into); err != nil {
			return locale{}, fmt.Errorf("%s: %w", field.key, err)
		}
	}
	if grouping != "1" || system != "latn" {
		return locale{}, fmt.Errorf("groups from %s digits on in %s digits are not supported", grouping, system)
	}
	text := func(from map[string]json.RawMessage, keys ...string) (s string) {
		for _, k := range keys {
			if raw, ok := from[k]; ok && json.Unmarshal(raw, &s) == nil {
				return s
			}
		}
		return ""
	}
	// Some locales group prices otherwise than plain numbers.
	decimal = text(symbols, "currencyDecimal", "decimal")
	group = text(symbols, "currencyGroup", "group")
	standard = text(formats, "standard")
	if text(symbols, "minusSign") != "-" {
		return locale{}, fmt.Errorf("minus sign %q is not supported", text(symbols, "minusSign"))
	}
	l := locale{Tag: tag, Decimal: decimal, Group: group}
	if err := l.readPattern(standard); err != nil {
		return l, err
	}
	names, err := readNames(dir, tag)
	if err != nil {
		return l, err
	}
	for _, c := range currencies {
		if s := names[c.Code].symbol(c.Code); s != c.Symbol {
			l.Symbols = append(l.Symbols, currency{Code: c.Code, Symbol: s})
		}
	}
	return l, nil
}

// readPattern takes a CLDR number pattern apart, such as "¤ #,##0.00;¤-#,##0.00".
func (l *locale) readPattern(s string) error {
	pos, neg, has := strings.Cut(s, ";")
	if !has {
		neg = "-" + pos
	}
	split := func(p string) (pattern, string) {
		from := strings.IndexAny(p, "#0,.")
		to := strings.LastIndexAny(p, "#0,.") + 1
		return pattern{plain.Replace(p[:from]), plain.Replace(p[to:])}, p[from:to]
	}
	if !strings.Contains(pos, "0.00") || strings.Contains(s, "'") {
		return fmt.Errorf("pattern %q is not supported", s)
	}
	var digits string
	l.Positive, digits = split(pos)
	l.Negative, _ = split(neg)
	whole, _, _ := strings.Cut(digits, ".")
	groups := strings.Split(whole, ",")
	l.Primary = len(groups[len(groups)-1])
	l.Secondary = l.Primary
	if len(groups) > 2 {
		l.Secondary = len(groups[len(groups)-2])
	}
	return nil
}
