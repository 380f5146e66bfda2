package qr

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cointill/till/chain"
	"rsc.io/qr"
)

// cell is one cell as a terminal would show it: ink tells for its upper and
// lower half whether it is dark.
type cell struct{ upper, lower bool }

// parse shows lines on a terminal with a dark or light background. It
// understands exactly what a QR code may be drawn with and fails on the rest.
func parse(t testing.TB, lines []string, darkBackground bool) [][]cell {
	t.Helper()
	grid := make([][]cell, 0, len(lines))
	for n, line := range lines {
		// Dark or light of foreground and background, before reverse video.
		plainFore, plainBack := !darkBackground, darkBackground
		fore, back := plainFore, plainBack
		var row []cell
		for rest := line; rest != ""; {
			if strings.HasPrefix(rest, "\x1b[") {
				sgr, after, ok := strings.Cut(rest[2:], "m")
				if !ok {
					t.Fatalf("line %d: unended sequence in %q", n, rest)
				}
				switch sgr {
				case "":
					fore, back = plainFore, plainBack
				case "7":
					fore, back = plainBack, plainFore
				case "38;5;16;48;5;231":
					fore, back = true, false
				case "38;5;231;48;5;16":
					fore, back = false, true
				default:
					t.Fatalf("line %d: unexpected attributes %q", n, sgr)
				}
				rest = after
				continue
			}
			glyph := []rune(rest)[0]
			rest = rest[len(string(glyph)):]
			switch glyph {
			case ' ':
				row = append(row, cell{back, back})
			case '▄':
				row = append(row, cell{back, fore})
			case '▀':
				row = append(row, cell{fore, back})
			case '█':
				row = append(row, cell{fore, fore})
			default:
				t.Fatalf("line %d: unexpected glyph %q", n, glyph)
			}
		}
		if back != plainBack {
			t.Fatalf("line %d does not end with its attributes reset", n)
		}
		grid = append(grid, row)
	}
	return grid
}

// picture turns cells into modules, quiet zone included; true is dark.
func picture(t testing.TB, code Code, darkBackground bool) [][]bool {
	t.Helper()
	cells := parse(t, code.Lines, darkBackground)
	if len(cells) != code.Rows {
		t.Fatalf("%d lines, want %d", len(cells), code.Rows)
	}
	var dots [][]bool
	for n, row := range cells {
		if len(row) != code.Cols {
			t.Fatalf("line %d has %d cells, want %d", n, len(row), code.Cols)
		}
		upper, lower := make([]bool, 0, code.Cols), make([]bool, 0, code.Cols)
		for x, c := range row {
			if !code.Half {
				if c.upper != c.lower {
					t.Fatalf("line %d, cell %d is half dark in a code of whole blocks", n, x)
				}
				if x%2 == 1 {
					if c != row[x-1] {
						t.Fatalf("line %d: cells %d and %d of one module differ", n, x-1, x)
					}
					continue
				}
			}
			upper, lower = append(upper, c.upper), append(lower, c.lower)
		}
		dots = append(dots, upper)
		if code.Half {
			dots = append(dots, lower)
		}
	}
	return dots
}

// same compares what was drawn with the encoder's bitmap: every module in its
// place and nothing dark anywhere else.
func same(t testing.TB, code Code, darkBackground bool) {
	t.Helper()
	want, err := qr.Encode(code.Text, code.Level.qr())
	if err != nil {
		t.Fatal(err)
	}
	dots := picture(t, code, darkBackground)
	top := code.Quiet
	if code.Half && code.Quiet%2 != 0 {
		top++ // the spare half row is above
	}
	if len(dots) < top+want.Size+code.Quiet {
		t.Fatalf("%d module rows cannot hold %d and their quiet zone", len(dots), want.Size)
	}
	for y, row := range dots {
		if len(row) != want.Size+2*code.Quiet {
			t.Fatalf("module row %d has %d modules, want %d", y, len(row), want.Size+2*code.Quiet)
		}
		for x, dark := range row {
			if dark != want.Black(x-code.Quiet, y-top) {
				t.Fatalf("module %d, %d is drawn %v", x-code.Quiet, y-top, dark)
			}
		}
	}
}

func onDark(m Mode) bool { return m != ReverseOnLight && m != GlyphsOnLight }

var modes = []Mode{Colour, ReverseOnDark, ReverseOnLight, GlyphsOnDark, GlyphsOnLight}

func uri(text string) chain.Form     { return chain.Form{Kind: chain.FormURI, Text: text} }
func address(text string) chain.Form { return chain.Form{Kind: chain.FormAddress, Text: text} }

const (
	segwit  = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"
	taproot = "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr"
	wallet  = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
	usdc    = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
	payBTC  = "bitcoin:" + segwit + "?amount=0.00012345"
	payTap  = "bitcoin:" + taproot + "?amount=0.00012345"
	payETH  = "ethereum:" + wallet + "@1?value=6989000000000000"
	payUSDC = "ethereum:" + usdc + "@1/transfer?address=" + wallet + "&uint256=18870000"
)

// TestEveryModule draws all payloads at every quiet zone, block size and mode.
func TestEveryModule(t *testing.T) {
	for _, text := range []string{segwit, taproot, wallet, payBTC, payTap, payETH, payUSDC, "1", strings.Repeat("ü", 300)} {
		for _, level := range levels {
			for _, quiet := range quiets {
				for _, half := range []bool{false, true} {
					for _, mode := range modes {
						size, _ := modules(text, level)
						w, h := extent(size, quiet, half)
						code := Code{Text: text, Cols: w, Rows: h, Level: level, Quiet: quiet, Half: half}
						code.Lines = draw(code, mode)
						same(t, code, onDark(mode))
						if mode == Colour { // needs no knowledge of the background
							same(t, code, false)
						}
					}
				}
			}
		}
	}
}

func TestSmallestIsTheSmallest(t *testing.T) {
	for _, text := range []string{payBTC, payUSDC, wallet} {
		forms := []chain.Form{uri(text)}
		cols, rows := Smallest(forms)
		code, ok := Fit(forms, cols, rows, Colour)
		if !ok || code.Cols != cols || code.Rows != rows {
			t.Errorf("%.20s: Smallest says %dx%d, Fit there says %v %dx%d", text, cols, rows, ok, code.Cols, code.Rows)
		}
		if _, ok := Fit(forms, cols-1, rows, Colour); ok {
			t.Errorf("%.20s fits %d columns", text, cols-1)
		}
		if _, ok := Fit(forms, cols, rows-1, Colour); ok {
			t.Errorf("%.20s fits %d rows", text, rows-1)
		}
	}
	if cols, rows := Smallest(nil); cols != 0 || rows != 0 {
		t.Errorf("no form: %dx%d", cols, rows)
	}
	both, _ := Smallest([]chain.Form{uri(payUSDC), address(wallet)})
	alone, _ := Smallest([]chain.Form{address(wallet)})
	if both != alone {
		t.Errorf("smallest of two forms is %d columns, want the smaller one's %d", both, alone)
	}
}

func ExampleFit() {
	forms := []chain.Form{{Kind: chain.FormAddress, Text: "till"}}
	code, ok := Fit(forms, 40, 20, GlyphsOnLight)
	fmt.Println(ok, code.Cols, code.Rows, code.Level, code.Quiet)
	// Output: true 29 15 M 4
}
