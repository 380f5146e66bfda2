package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// configFile is the configuration as it stands in the file. What it means is
// worked out, and every value checked, in settings.go.
type configFile struct {
	Name         string       `toml:"name"`
	Terminal     string       `toml:"terminal"`
	Currency     string       `toml:"currency"`
	Currencies   []string     `toml:"currencies"`
	DefaultAsset string       `toml:"default_asset"`
	Bitcoin      *bitcoinFile `toml:"bitcoin"`
	EVM          []evmFile    `toml:"evm"`
	Rates        ratesFile    `toml:"rates"`
	Sale         saleFile     `toml:"sale"`
	Screen       screenFile   `toml:"screen"`
	Callback     callbackFile `toml:"callback"`
	Receipt      receiptFile  `toml:"receipt"`
	SSH          sshFile      `toml:"ssh"`

	Item []itemFile `toml:"item"`
}

type bitcoinFile struct {
	Key           string          `toml:"key"`
	Script        string          `toml:"script"`
	Network       string          `toml:"network"`
	Watch         any             `toml:"watch"` // text or list
	Peers         []string        `toml:"peers"`
	Birthday      *toml.LocalDate `toml:"birthday"`
	First         int64           `toml:"first"`
	Reuse         string          `toml:"reuse"`
	Headers       *headersFile    `toml:"headers"`
	Proxy         string          `toml:"proxy"`
	Relay         string          `toml:"relay"`
	Core          *coreFile       `toml:"core"`
	Esplora       *esploraFile    `toml:"esplora"`
	Electrum      *electrumFile   `toml:"electrum"`
	Confirmations []tierFile      `toml:"confirmations"`
}

type headersFile struct {
	Blocks  string `toml:"blocks"`
	Filters string `toml:"filters"`
}

type evmFile struct {
	Chain         int64      `toml:"chain"`
	Name          string     `toml:"name"`
	Symbol        string     `toml:"symbol"`
	Block         string     `toml:"block"`
	Key           string     `toml:"key"`
	Addresses     []string   `toml:"addresses"`
	Reuse         string     `toml:"reuse"`
	Endpoints     []string   `toml:"endpoints"`
	Public        bool       `toml:"public"`
	Quorum        int64      `toml:"quorum"`
	Lean          *bool      `toml:"lean"`
	Accept        []any      `toml:"accept"` // names and tables
	Confirmations []tierFile `toml:"confirmations"`
}

type tierFile struct {
	UpTo string `toml:"up_to"`
	Need any    `toml:"need"` // number or tag
}

type ratesFile struct {
	Sources []string          `toml:"sources"`
	Fixed   map[string]string `toml:"fixed"`
	Spread  string            `toml:"spread"`
	Jump    string            `toml:"jump"`
	Depeg   string            `toml:"depeg"`
}

type saleFile struct {
	Expires            string         `toml:"expires"`
	Tolerance          *toleranceFile `toml:"tolerance"`
	UnconfirmedPerHour string         `toml:"unconfirmed_per_hour"`
	Settle             string         `toml:"settle"`
}

type toleranceFile struct {
	Units   string `toml:"units"`
	Percent string `toml:"percent"`
	Fiat    string `toml:"fiat"`
}

type screenFile struct {
	Language string `toml:"language"`
	Theme    string `toml:"theme"`

	ShowTotals bool       `toml:"show_totals"`
	Kiosk      *kioskFile `toml:"kiosk"`
}

type kioskFile struct {
	Amounts []string `toml:"amounts"`
}

type itemFile struct {
	Key   string `toml:"key"`
	Name  string `toml:"name"`
	Price string `toml:"price"`
}

type receiptFile struct {
	Print string `toml:"print"`
	File  string `toml:"file"`
	Width int64  `toml:"width"`
}

type callbackFile struct {
	URL    string   `toml:"url"`
	Secret string   `toml:"secret"`
	Allow  []string `toml:"allow"`
}

// configError is what is wrong in a configuration file, with its place.
type configError struct {
	file string
	line int // 0 = not known
	text string
	// cause is what a room said about the value, for errors.Is.
	cause error
}

func (e *configError) Unwrap() error { return e.cause }

func (e *configError) Error() string {
	if e.line > 0 {
		return fmt.Sprintf("%s, line %d: %s", e.file, e.line, e.text)
	}
	return e.file + ": " + e.text
}

// noConfigError says that there is no configuration file yet.
type noConfigError struct{ path string }

func (e *noConfigError) Error() string {
	return "there is no configuration at " + e.path + " yet: run `till init`, or try `till demo` first"
}

// readConfig reads and decodes a configuration file. It returns the text too,
// because only it knows the lines that later sentences need.
func readConfig(path string) (configFile, []byte, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return configFile{}, nil, &noConfigError{path}
	case errors.Is(err, fs.ErrPermission):
		return configFile{}, nil, fmt.Errorf("%s cannot be read: it belongs to somebody else; make it readable for the person who runs till", path)
	case err != nil:
		return configFile{}, nil, fmt.Errorf("%s cannot be read: is it a file?", path)
	}
	config, err := decodeConfig(filepath.Base(path), text)
	return config, text, err
}

// maxConfig is far more than any configuration needs.
const maxConfig = 1 << 20

// decodeConfig decodes strictly: an unknown key is an error with its line.
// Errors are a *configError and never hold a value of the file, which may be a
// key that does not belong there.
func decodeConfig(name string, text []byte) (configFile, error) {
	var config configFile
	if len(text) > maxConfig {
		return config, &configError{file: name, text: "it is too long to be a configuration; is it the right file?"}
	}
	decoder := toml.NewDecoder(strings.NewReader(string(text))).DisallowUnknownFields()
	err := decoder.Decode(&config)
	var unknown *toml.StrictMissingError
	var broken *toml.DecodeError
	switch {
	case err == nil:
		return config, nil
	case errors.As(err, &unknown) && len(unknown.Errors) > 0:
		first := unknown.Errors[0]
		line, _ := first.Position()
		return config, &configError{file: name, line: line, text: unknownKey(first.Key())}
	case errors.As(err, &broken):
		line, _ := broken.Position()
		return config, &configError{file: name, line: line, text: wrongShape(broken)}
	}
	return config, &configError{file: name, text: "it cannot be read as TOML; compare it with what `till init` writes"}
}

// wrongShape says what a value should have been, from the key alone.
func wrongShape(err *toml.DecodeError) string {
	key := err.Key()
	if len(key) == 0 {
		return "this is not TOML: a text stands in quotes, a list in [ ], a table's name in [ ] on a line of its own"
	}
	if want := shapeOf(reflect.TypeFor[configFile](), key); want != "" {
		return fmt.Sprintf("%s should be %s", strings.Join(key, "."), want)
	}
	return fmt.Sprintf("the value of %s cannot be read: a text stands in quotes, a list in [ ]", shown(strings.Join(key, "."), 60))
}

// shapeOf says in words what kind of value a key takes, "" if there is no such
// key.
func shapeOf(t reflect.Type, key toml.Key) string {
	for _, part := range key {
		for t.Kind() == reflect.Pointer || (t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct) {
			t = t.Elem()
		}
		if t.Kind() == reflect.Map {
			t = t.Elem()
			continue
		}
		field, ok := fieldOf(t, part)
		if !ok {
			return ""
		}
		t = field.Type
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[toml.LocalDate]():
		return "a date without quotes, like 2026-11-20"
	case reflect.TypeFor[[]tierFile]():
		return `a list of tables, like [ { up_to = "10.00", need = 1 }, { need = 3 } ]`
	case reflect.TypeFor[[]any]():
		return `a list, like ["native", "USDC"]`
	}
	switch t.Kind() {
	case reflect.String:
		return `a text in quotes, like "4.50"`
	case reflect.Bool:
		return "true or false, without quotes"
	case reflect.Int64:
		return "a whole number without quotes"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return `a list of texts, like ["a", "b"]`
		}
		return fmt.Sprintf("a table that begins with [[%s]] on a line of its own", strings.Join(key, "."))
	case reflect.Struct, reflect.Map:
		return fmt.Sprintf("a table that begins with [%s] on a line of its own", strings.Join(key, "."))
	}
	return ""
}

func fieldOf(t reflect.Type, name string) (reflect.StructField, bool) {
	if t.Kind() != reflect.Struct {
		return reflect.StructField{}, false
	}
	for f := range t.Fields() {
		if f.Tag.Get("toml") == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}
