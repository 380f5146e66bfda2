package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/cointill/till"

// mayImport says which rooms a room may import. A star stands for every other
// room below. A room is the first two elements of a package's path, and may
// always import what is inside itself.
var mayImport = map[string][]string{
	"chain":   {},
	"chain/*": {"chain"},
	// The suites and their nodes are test code that has to live in packages; they
	// pay with the token contract of the in-process network.
	"chain/chaintest": {"chain", "chain/devnet"},
	// Its customer reads what a QR holds, with the reader that the till's own
	// writing is tested against.
	"chain/devnet": {"chain", "chain/payuri"},

	"pos/money": {"chain"},
	"pos":       {"chain", "pos/money"},
	"pos/*":     {"chain", "pos/money", "pos"},
	"tui/qr":    {"chain", "pos/money", "pos"},
	"tui/theme": {"chain", "pos/money", "pos"},
	"tui/words": {"chain", "pos/money", "pos"},
	// Lines need neither screens nor styles.
	"tui/plain": {"chain", "pos/money", "pos", "tui/qr", "tui/words"},
	// A receipt is words on paper: it needs neither screens nor styles.
	"tui/receipt": {"chain", "pos/money", "pos", "tui/words"},
	"tui":         {"chain", "pos/money", "pos", "tui/qr", "tui/theme", "tui/words"},
	"tui/*":       {"chain", "pos/money", "pos", "tui/qr", "tui/theme", "tui/words", "tui"},
	"cmd/till":    {"chain", "chain/*", "pos", "pos/*", "tui", "tui/*"},
}

// confined are libraries that stay in the rooms that need them.
var confined = []struct {
	why   string
	paths []string // and all below them
	rooms []string
}{
	{
		"Bitcoin's libraries stay where Bitcoin is watched, derived or played",
		[]string{"github.com/btcsuite", "github.com/lightninglabs", "github.com/lightningnetwork"},
		[]string{"chain/bitcoin", "chain/xpub", "chain/devnet", "chain/chaintest"},
	},
	{
		"Ethereum's libraries stay where Ethereum is watched, derived or played",
		[]string{"github.com/ethereum"},
		[]string{"chain/ethereum", "chain/xpub", "chain/devnet", "chain/chaintest"},
	},
	{
		"only the customer of the in-process networks signs; the register holds no key",
		[]string{
			"github.com/btcsuite/btcd/btcec", "github.com/btcsuite/btcd/btcutil/psbt", "github.com/decred/dcrd/dcrec",
			"github.com/ethereum/go-ethereum/crypto", "github.com/ethereum/go-ethereum/accounts", "crypto/ecdsa", "github.com/ethereum/go-ethereum/signer",
		},
		[]string{"chain/devnet", "chain/chaintest"},
	},
	{
		"its check for connections to itself is global, and the in-process network has many nodes",
		[]string{"github.com/btcsuite/btcd/peer"},
		[]string{"chain/bitcoin", "chain/chaintest"},
	},
	{
		"Bubble Tea and its kin stay on the screen",
		[]string{"charm.land", "github.com/charmbracelet"},
		[]string{"tui", "tui/*", "cmd/till"},
	},
	{
		"only one room speaks SSH",
		[]string{"charm.land/ssh", "charm.land/wish", "golang.org/x/crypto/ssh"},
		[]string{"tui/kiosk"},
	},
	{"only one room draws QR codes", []string{"github.com/mdp/qrterminal", "rsc.io/qr"}, []string{"tui/qr"}},
	{"only one room posts, and asks its guard where to", []string{"code.dny.dev/ssrf"}, []string{"pos/notify"}},
	{"only one room stores", []string{"modernc.org", "database/sql"}, []string{"pos/store"}},
	{"the in-process networks are for the demo and for tests", []string{module + "/chain/devnet"}, []string{"cmd/till", "chain/devnet", "chain/chaintest"}},
	{"the suites are for tests", []string{module + "/chain/chaintest"}, []string{"chain/chaintest"}},
	{
		"these are for tests",
		[]string{"pgregory.net/rapid", "github.com/rogpeppe/go-internal", "github.com/makiuchi-d/gozxing", "github.com/standard-webhooks"},
		[]string{"tui/tuitest", "chain/chaintest"},
	},
}

// pure are packages that do no I/O.
var pure = []string{"chain", "pos", "pos/money"}

var inputOutput = []string{"net", "os", "syscall", "database/sql", "io/ioutil", "embed", "plugin", "testing"}

// atTop is what the top level may hold beside dot files.
var atTop = []string{"cmd", "tui", "pos", "chain", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE"}

// demoFiles may import chain/devnet; they alone in cmd/till.
var demoFiles = regexp.MustCompile(`^demo[a-z0-9_]*\.go$`)

func TestHouse(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := inspectHouse(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
	for _, w := range strangers(topLevel(t, root)) {
		t.Error(w)
	}
}

// TestBadHouse: a house with one of everything that is forbidden, and nothing
// that is allowed is called wrong.
func TestBadHouse(t *testing.T) {
	got, err := inspectHouse("testdata/badhouse")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/badhouse/want.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(text)), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if w := strangers([]string{"cmd", "util", ".ci", "go.mod", "main.go"}); len(w) != 2 {
		t.Errorf("strangers at the top: %q", w)
	}
}

// listed is a package as go list tells it.
type listed struct {
	Dir, ImportPath, Doc string
	GoFiles              []string
	CgoFiles             []string
}

// inspectHouse says everything that breaks a rule in the module at root. Test
// files may import what they like.
func inspectHouse(root string) ([]string, error) {
	packages, err := listPackages(root)
	if err != nil {
		return nil, err
	}
	if len(packages) == 0 {
		return nil, fmt.Errorf("no packages below %s", root)
	}
	var wrong []string
	for _, p := range packages {
		path := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		files := append(p.GoFiles, p.CgoFiles...)
		if len(files) == 0 {
			continue
		}
		if p.Doc == "" {
			wrong = append(wrong, path+" does not say what it is for: write a package comment")
		}
		if _, ok := rulesOf(path); !ok {
			wrong = append(wrong, fmt.Sprintf("%q is no room of this house", path))
			continue
		}
		for _, name := range files {
			imports, err := importsOf(filepath.Join(p.Dir, name))
			if err != nil {
				return nil, err
			}
			for _, imported := range imports {
				for _, why := range broken(path, name, imported) {
					wrong = append(wrong, fmt.Sprintf("%s/%s imports %s: %s", path, name, imported, why))
				}
			}
		}
	}
	return wrong, nil
}

func listPackages(root string) ([]listed, error) {
	cmd := exec.Command("go", "list", "-e", "-json=Dir,ImportPath,Doc,GoFiles,CgoFiles", "./...")
	cmd.Dir = root
	// Nothing needs to be there but the files themselves.
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOPROXY=off", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, &stderr)
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
}

func importsOf(file string) ([]string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		all = append(all, path)
	}
	return all, nil
}

// roomOf is the room that a package is in.
func roomOf(path string) string {
	parts := strings.SplitN(path, "/", 3)
	return strings.Join(parts[:min(len(parts), 2)], "/")
}

// rulesOf is what the room of a package may import.
func rulesOf(path string) ([]string, bool) {
	room := roomOf(path)
	if may, ok := mayImport[room]; ok {
		return may, true
	}
	parent, _, ok := strings.Cut(room, "/")
	if !ok {
		return nil, false
	}
	may, ok := mayImport[parent+"/*"]
	return may, ok
}

// among tells whether a room is in a list of rooms and stars.
func among(room string, rooms []string) bool {
	parent, _, below := strings.Cut(room, "/")
	return slices.Contains(rooms, room) || below && slices.Contains(rooms, parent+"/*")
}

func within(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }

// broken lists the rules that one import breaks.
func broken(path, file, imported string) (why []string) {
	room := roomOf(path)
	may, _ := rulesOf(path)
	if own, ok := strings.CutPrefix(imported, module+"/"); ok {
		if to := roomOf(own); to != room && !among(to, may) {
			why = append(why, room+" may not know that room")
		}
		if within(own, "chain/devnet") && room == "cmd/till" && !demoFiles.MatchString(file) {
			why = append(why, "only demo files may")
		}
	} else if first, _, _ := strings.Cut(imported, "/"); room == "chain" && strings.Contains(first, ".") {
		why = append(why, "chain has the standard library only")
	}
	for _, c := range confined {
		if slices.ContainsFunc(c.paths, func(p string) bool { return within(imported, p) }) && !among(room, c.rooms) {
			why = append(why, c.why)
		}
	}
	if slices.Contains(pure, path) && slices.ContainsFunc(inputOutput, func(p string) bool { return within(imported, p) }) {
		why = append(why, path+" does no I/O")
	}
	return why
}

// topLevel lists what is at the top of the house: what git tracks, or all where
// there is no git.
func topLevel(t *testing.T, root string) (names []string) {
	t.Helper()
	cmd := exec.Command("git", "ls-files")
	cmd.Dir = root
	if out, err := cmd.Output(); err == nil && len(out) > 0 {
		for line := range strings.Lines(string(out)) {
			name, _, _ := strings.Cut(strings.TrimSpace(line), "/")
			names = append(names, name)
		}
		slices.Sort(names)
		return slices.Compact(names)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if n := e.Name(); n != "bin" && n != "dist" {
			names = append(names, n)
		}
	}
	return names
}

func strangers(names []string) (wrong []string) {
	for _, n := range names {
		if !strings.HasPrefix(n, ".") && !slices.Contains(atTop, n) {
			wrong = append(wrong, n+" stands at the top level: put it into a room")
		}
	}
	return wrong
}
