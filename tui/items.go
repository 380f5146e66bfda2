package tui

import (
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/theme"
)

// Items: what is sold so often that it has a key of its own. Its key adds a line
// with its name and price; the same key again makes two of it.

// item is what a key stands for.
func (m *Model) item(key string) (Item, bool) {
	for _, it := range m.cfg.Items {
		if it.Key == key && m.counter() {
			return it, true
		}
	}
	return Item{}, false
}

// typeInto puts one key of an amount, or an item, into a draft.
func (m *Model) typeInto(d *draft, key string) bool {
	if it, ok := m.item(key); ok {
		return d.addItem(it)
	}
	return d.typed(key)
}

// addItem adds an item. An amount in another unit stays what it is.
func (d *draft) addItem(it Item) bool {
	return d.change(func(n *draft) bool {
		if n.empty() || n.open {
			*n = draft{unit: unit{currency: it.Price.Currency}}
		}
		return n.unit.currency == it.Price.Currency && n.calc.item(pos.CleanText(it.Name, mostName), it.Price.Minor, n.unit.decimals())
	})
}

// canName tells whether there is a line to name.
func (m *Model) canName() bool { return m.draft.unit.currency != "" && !m.draft.calc.empty() }

// askName asks what the last line is for.
func (m *Model) askName() tea.Cmd {
	f := &form{act: actName}
	f.add(fieldLine, mostName)
	f.fields[0].optional = true
	f.fields[0].text.SetValue(m.draft.calc.lastName())
	f.fields[0].text.CursorEnd()
	m.form, m.over = f, overForm
	return nil
}

// nameLine names the last line.
func (m *Model) nameLine(name string) {
	m.draft.change(func(n *draft) bool {
		return n.calc.called(pos.CleanText(strings.TrimSpace(name), mostName))
	})
}

// keyLabel is a key as it is written on a keyboard.
func keyLabel(key string) string {
	if len(key) > 1 {
		return strings.ToUpper(key)
	}
	return key
}

// drawItems shows the items with their keys, and returns how many rows it took.
func (m *Model) drawItems(a area) int {
	if len(m.cfg.Items) == 0 || a.h() < 1 {
		return 0
	}
	key, name, price := 0, 0, 0
	for _, it := range m.cfg.Items {
		key = max(key, ansi.StringWidth(keyLabel(it.Key)))
		name = max(name, ansi.StringWidth(clean(it.Name, 20)))
		price = max(price, ansi.StringWidth(m.f.Locale.Number(it.Price)))
	}
	wide := key + 1 + name + 1 + price
	cols := max(1, (a.w()+3)/(wide+3))
	rows := (len(m.cfg.Items) + cols - 1) / cols
	for i, it := range m.cfg.Items {
		x, y := (i/rows)*(wide+3), i%rows
		if y >= a.h() {
			continue
		}
		a.text(x, y, theme.Key, keyLabel(it.Key))
		a.fit(x+key+1, y, name, theme.Text, clean(it.Name, 20))
		a.right(x+wide, y, theme.Dim, m.f.Locale.Number(it.Price))
		m.touch(a, x, y, wide, 1, it.Key)
	}
	return min(rows, a.h())
}

// FreeKeys are the keys that an item may have, as they are written on a keyboard:
// function keys and letters that mean nothing on any screen where an amount can
// be begun.
func FreeKeys() []string {
	var free []string
	for i := 1; i <= 12; i++ {
		if key := "f" + strconv.Itoa(i); !bound(key, anywhere) {
			free = append(free, keyLabel(key))
		}
	}
	for c := 'a'; c <= 'z'; c++ {
		if !bound(string(c), onAmount|onSale) {
			free = append(free, string(c))
		}
	}
	return free
}

// bound tells whether the key map has a key on any of some screens.
func bound(key string, on place) bool {
	for i := range bindings {
		if bindings[i].on&on != 0 && slices.Contains(bindings[i].keys, key) {
			return true
		}
	}
	return false
}

// MostName is how many characters the name of a line may have.
const MostName = mostName
