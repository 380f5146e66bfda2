package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/cointill/till/tui"
	"github.com/cointill/till/tui/words"
)

var updateReadme = flag.Bool("readme", false, "write the README's key list and screens anew")

// inReadme compares a part of the README, between two marks, with what it should
// be.
func inReadme(t *testing.T, mark, want string) {
	t.Helper()
	path := filepath.Join("..", "..", "README.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	from, to := "<!-- "+mark+" -->\n", "<!-- /"+mark+" -->\n"
	before, rest, ok1 := strings.Cut(string(text), from)
	have, after, ok2 := strings.Cut(rest, to)
	switch {
	case !ok1 || !ok2:
		t.Fatalf("the README has no place between %q and %q", from, to)
	case have == want:
	case !*updateReadme:
		t.Fatalf("the README's %s are not what they should be: make screens\n%s", mark, want)
	default:
		if err := os.WriteFile(path, []byte(before+from+want+to+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadmeKeys keeps the README's key list what the key map is.
func TestReadmeKeys(t *testing.T) {
	var list strings.Builder
	for _, g := range tui.KeyGroups(words.For("en", words.Format{})) {
		fmt.Fprintf(&list, "\n**%s**\n\n| key | |\n|---|---|\n", g.Title)
		for _, k := range g.Keys {
			fmt.Fprintf(&list, "| `%s` | %s |\n", strings.ReplaceAll(k.Keys, "|", `\|`), k.Does)
		}
	}
	list.WriteString("\n")
	inReadme(t, "keys", list.String())
}

// TestReadmeScreens plays the README's show and keeps its screens what till
// shows: two beside each other.
func TestReadmeScreens(t *testing.T) {
	shots, order := playFile(t, filepath.Join("testdata", "shows", "readme.show"))
	var b strings.Builder
	b.WriteString("```\n")
	for i := 0; i+1 < len(order); i += 2 {
		left, right := strings.Split(shots[order[i]], "\n"), strings.Split(shots[order[i+1]], "\n")
		if i > 0 {
			b.WriteString("\n")
		}
		for y := range max(len(left), len(right)) {
			l, r := "", ""
			if y < len(left) {
				l = left[y]
			}
			if y < len(right) {
				r = right[y]
			}
			b.WriteString(strings.TrimRight(l+strings.Repeat(" ", 42-ansi.StringWidth(l))+r, " ") + "\n")
		}
	}
	b.WriteString("```\n")
	inReadme(t, "screens", b.String())
}
