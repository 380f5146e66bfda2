package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cointill/till/tui"
	"github.com/cointill/till/tui/words"
)

var updateReadme = flag.Bool("readme", false, "write the README's key list anew")

// TestReadmeKeys keeps the README's key list what the key map is.
func TestReadmeKeys(t *testing.T) {
	path := filepath.Join("..", "..", "README.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const from, to = "<!-- keys -->\n", "<!-- /keys -->\n"
	before, rest, ok1 := strings.Cut(string(text), from)
	have, after, ok2 := strings.Cut(rest, to)
	if !ok1 || !ok2 {
		t.Fatalf("the README has no place for the keys between %q and %q", from, to)
	}
	var list strings.Builder
	for _, g := range tui.KeyGroups(words.For("en", words.Format{})) {
		fmt.Fprintf(&list, "\n**%s**\n\n| key | |\n|---|---|\n", g.Title)
		for _, k := range g.Keys {
			fmt.Fprintf(&list, "| `%s` | %s |\n", strings.ReplaceAll(k.Keys, "|", `\|`), k.Does)
		}
	}
	list.WriteString("\n")
	if have == list.String() {
		return
	}
	if !*updateReadme {
		t.Fatal("the README's keys are not those of the key map: go test ./cmd/till -run ReadmeKeys -readme")
	}
	if err := os.WriteFile(path, []byte(before+from+list.String()+to+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
