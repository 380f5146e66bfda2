package main

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// unknownKey says that a key does not exist, and what was probably meant.
func unknownKey(key toml.Key) string {
	if len(key) == 0 {
		return "unknown key"
	}
	name := shown(key[len(key)-1], 40)
	table, known := tableAt(key[:len(key)-1])
	where := ""
	if len(key) > 1 {
		where = " in [" + shown(strings.Join(key[:len(key)-1], "."), 60) + "]"
	}
	text := fmt.Sprintf("unknown key %q%s", name, where)
	if best := nearest(name, known); best != "" {
		return text + fmt.Sprintf("; did you mean %q?", best)
	}
	if home := homeOf(name, table); home != "" {
		return text + fmt.Sprintf("; it belongs into %s", home)
	}
	if len(known) == 0 {
		return text
	}
	return text + "; here till knows " + strings.Join(known, ", ")
}

// tableAt finds the table that a key path names, and its keys.
func tableAt(path toml.Key) (reflect.Type, []string) {
	t := reflect.TypeFor[configFile]()
	for _, part := range path {
		field, ok := fieldOf(t, part)
		if !ok {
			return nil, nil
		}
		t = field.Type
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
	}
	return t, keysOf(t)
}

func keysOf(t reflect.Type) []string {
	var keys []string
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for f := range t.Fields() {
		if name := f.Tag.Get("toml"); name != "" {
			keys = append(keys, name)
		}
	}
	return keys
}

// homeOf finds another table that has the key: the usual mistake is a key that
// stands below the wrong heading.
func homeOf(name string, not reflect.Type) string {
	root := reflect.TypeFor[configFile]()
	if root != not && slices.Contains(keysOf(root), name) {
		return "the top of the file, before the first [table]"
	}
	for f := range root.Fields() {
		t, list := f.Type, false
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			list = list || t.Kind() == reflect.Slice
			t = t.Elem()
		}
		if t == not || !slices.Contains(keysOf(t), name) {
			continue
		}
		if list {
			return "[[" + f.Tag.Get("toml") + "]]"
		}
		return "[" + f.Tag.Get("toml") + "]"
	}
	return ""
}

// nearest finds what was probably meant: at most a third of the letters differ.
func nearest(word string, known []string) string {
	best, least := "", len(word)/3+1
	for _, k := range known {
		if d := distance(strings.ToLower(word), k); d < least || (d == least && best == "" && d <= len(k)/3) {
			best, least = k, d
		}
	}
	return best
}

// distance counts the letters to change, add, drop or swap with their neighbour
// between two words (Damerau and Levenshtein's, optimal string alignment).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			change := 1
			if x[i-1] == y[j-1] {
				change = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(x)][len(y)]
}

// linesOf maps keys of a valid TOML text to their lines: "bitcoin.key",
// "evm.0.chain", "sale.tolerance.percent".
func linesOf(text []byte) map[string]int {
	lines := make(map[string]int)
	tables := make(map[string]int) // how often an [[array table]] came
	var parser unstable.Parser
	parser.Reset(text)
	prefix := ""
	for parser.NextExpression() {
		node := parser.Expression()
		names, line := path(&parser, node.Key())
		switch node.Kind {
		case unstable.Table, unstable.ArrayTable:
			prefix = strings.Join(names, ".")
			if node.Kind == unstable.ArrayTable {
				n := tables[prefix]
				tables[prefix]++
				prefix += "." + strconv.Itoa(n)
			} else if n := tables[names[0]]; n > 0 { // a table within the last [[array table]]
				prefix = strings.Join(slices.Insert(names, 1, strconv.Itoa(n-1)), ".")
			}
			lines[prefix] = line
			prefix += "."
		case unstable.KeyValue:
			noteLines(&parser, node, prefix, lines)
		}
	}
	return lines
}

func noteLines(p *unstable.Parser, node *unstable.Node, prefix string, lines map[string]int) {
	names, line := path(p, node.Key())
	key := prefix + strings.Join(names, ".")
	lines[key] = line
	noteValues(p, node.Value(), key, lines)
}

func noteValues(p *unstable.Parser, value *unstable.Node, key string, lines map[string]int) {
	switch value.Kind {
	case unstable.InlineTable:
		for it := value.Children(); it.Next(); {
			noteLines(p, it.Node(), key+".", lines)
		}
	case unstable.Array:
		i := 0
		for it := value.Children(); it.Next(); i++ {
			noteValues(p, it.Node(), key+"."+strconv.Itoa(i), lines)
		}
	}
}

func path(p *unstable.Parser, it unstable.Iterator) (names []string, line int) {
	for it.Next() {
		names = append(names, string(it.Node().Data))
		if line == 0 {
			line = p.Shape(it.Node().Raw).Start.Line
		}
	}
	return names, line
}
