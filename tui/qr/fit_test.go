package qr

import (
	"image"
	"image/color"
	"strings"
	"testing"

	"github.com/cointill/till/chain"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"pgregory.net/rapid"
)

// TestSizes holds the table of sizes that the screens' layouts rely on.
func TestSizes(t *testing.T) {
	for _, c := range []struct {
		text       string
		level      Level
		quiet      int
		half       bool
		cols, rows int
	}{
		{segwit, LevelL, 2, true, 33, 17},
		{segwit, LevelL, 4, true, 37, 19},
		{segwit, LevelM, 2, true, 33, 17},
		{wallet, LevelL, 2, true, 33, 17},
		{payBTC, LevelL, 2, true, 37, 19},
		{payBTC, LevelL, 4, true, 41, 21},
		{payBTC, LevelM, 2, true, 41, 21},
		{payBTC, LevelL, 2, false, 74, 37},
		{payTap, LevelL, 2, true, 41, 21},
		{payTap, LevelM, 2, true, 45, 23},
		{payETH, LevelL, 2, true, 37, 19},
		{payETH, LevelM, 2, true, 41, 21},
		{payUSDC, LevelL, 2, true, 45, 23},
		{payUSDC, LevelL, 1, true, 43, 22},
		{payUSDC, LevelM, 2, true, 53, 27},
		{payUSDC, LevelM, 2, false, 106, 53},
	} {
		size, ok := modules(c.text, c.level)
		if !ok {
			t.Fatalf("%s does not encode", c.text)
		}
		if cols, rows := extent(size, c.quiet, c.half); cols != c.cols || rows != c.rows {
			t.Errorf("%.30s… %s quiet %d half %v: %dx%d, want %dx%d", c.text, c.level, c.quiet, c.half, cols, rows, c.cols, c.rows)
		}
	}
}

func TestLadder(t *testing.T) {
	bitcoin := []chain.Form{uri(payBTC), address(segwit)}
	token := []chain.Form{uri(payUSDC), address(wallet)}
	for _, c := range []struct {
		name       string
		forms      []chain.Form
		cols, rows int
		want       Code
	}{
		{"half of 80x24", bitcoin, 45, 22, Code{Text: payBTC, Level: LevelM, Quiet: 2, Half: true}},
		{"all of 80x24", bitcoin, 80, 24, Code{Text: payBTC, Level: LevelM, Quiet: 4, Half: true}},
		{"40x20 less a status row", bitcoin, 40, 19, Code{Text: payBTC, Level: LevelL, Quiet: 2, Half: true}},
		{"40x20 for a token falls back to the address", token, 40, 19, Code{Text: wallet, Kind: chain.FormAddress, Level: LevelM, Quiet: 4, Half: true}},
		{"80x24 for a token", token, 80, 23, Code{Text: payUSDC, Level: LevelL, Quiet: 2, Half: true}},
		{"200x60", bitcoin, 200, 60, Code{Text: payBTC, Level: LevelM, Quiet: 4}},
		{"200x60 for a token", token, 200, 60, Code{Text: payUSDC, Level: LevelM, Quiet: 4}},
		{"the caller's order counts", []chain.Form{address(wallet), uri(payUSDC)}, 200, 60, Code{Text: wallet, Kind: chain.FormAddress, Level: LevelM, Quiet: 4}},
	} {
		got, ok := Fit(c.forms, c.cols, c.rows, Colour)
		if !ok {
			t.Errorf("%s: nothing fits", c.name)
			continue
		}
		if c.want.Kind == 0 {
			c.want.Kind = chain.FormURI
		}
		if got.Text != c.want.Text || got.Kind != c.want.Kind || got.Level != c.want.Level || got.Quiet != c.want.Quiet || got.Half != c.want.Half {
			t.Errorf("%s: got %.30s… %s quiet %d half %v in %dx%d", c.name, got.Text, got.Level, got.Quiet, got.Half, got.Cols, got.Rows)
		}
	}
}

func TestNothingFits(t *testing.T) {
	for name, forms := range map[string][]chain.Form{
		"no form":      nil,
		"empty text":   {address("")},
		"too long":     {uri(strings.Repeat("x", 3000))},
		"small screen": {uri(payUSDC)},
	} {
		if code, ok := Fit(forms, 28, 10, Colour); ok || !code.IsZero() {
			t.Errorf("%s: got a code of %dx%d", name, code.Cols, code.Rows)
		}
	}
	long := []chain.Form{uri(strings.Repeat("x", 3000)), address(segwit)}
	if code, ok := Fit(long, 80, 24, Colour); !ok || code.Text != segwit {
		t.Error("a form that is too long hides the next one")
	}
	for _, size := range [][2]int{{0, 0}, {-1, -1}, {1 << 30, -5}} {
		if _, ok := Fit([]chain.Form{uri(payBTC)}, size[0], size[1], Colour); ok {
			t.Errorf("fits %v", size)
		}
	}
}

func TestModeFor(t *testing.T) {
	for _, c := range []struct {
		dumb, noColour, dark bool
		want                 Mode
	}{
		{false, false, true, Colour},
		{false, false, false, Colour},
		{false, true, true, ReverseOnDark},
		{false, true, false, ReverseOnLight},
		{true, false, true, GlyphsOnDark},
		{true, true, true, GlyphsOnDark},
		{true, true, false, GlyphsOnLight},
	} {
		if got := ModeFor(c.dumb, c.noColour, c.dark); got != c.want {
			t.Errorf("dumb %v, no colour %v, dark %v: mode %d, want %d", c.dumb, c.noColour, c.dark, got, c.want)
		}
	}
}

// scan reads the drawn cells as a camera would.
func scan(t testing.TB, code Code, darkBackground bool) string {
	t.Helper()
	const scale = 4
	dots := picture(t, code, darkBackground)
	img := image.NewGray(image.Rect(0, 0, len(dots[0])*scale, len(dots)*scale))
	for y := range img.Rect.Max.Y {
		for x := range img.Rect.Max.X {
			if !dots[y/scale][x/scale] {
				img.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	hints := map[gozxing.DecodeHintType]any{
		gozxing.DecodeHintType_PURE_BARCODE:  true,
		gozxing.DecodeHintType_CHARACTER_SET: "UTF-8",
	}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, hints)
	if err != nil {
		t.Fatalf("cannot be read: %v", err)
	}
	return result.GetText()
}

// TestScans lets another library's decoder read what was drawn.
func TestScans(t *testing.T) {
	for _, size := range [][2]int{{40, 20}, {45, 22}, {80, 24}, {120, 40}, {200, 60}} {
		for _, text := range []string{payBTC, payTap, payETH, payUSDC, segwit, wallet} {
			for _, mode := range modes {
				code, ok := Fit([]chain.Form{uri(text)}, size[0], size[1], mode)
				if !ok {
					continue
				}
				if got := scan(t, code, onDark(mode)); got != text {
					t.Errorf("at %v in mode %d: read %q, want %q", size, mode, got, text)
				}
			}
		}
	}
}

// TestFitStaysInside tries any text in any place.
func TestFitStaysInside(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.StringN(0, 200, 400).Draw(r, "text")
		cols, rows := rapid.IntRange(0, 220).Draw(r, "cols"), rapid.IntRange(0, 80).Draw(r, "rows")
		mode := rapid.SampledFrom(modes).Draw(r, "mode")
		code, ok := Fit([]chain.Form{uri(text)}, cols, rows, mode)
		if !ok {
			return
		}
		if code.Cols > cols || code.Rows > rows {
			r.Fatalf("%dx%d does not fit %dx%d", code.Cols, code.Rows, cols, rows)
		}
		same(t, code, onDark(mode))
	})
}

func FuzzFit(f *testing.F) {
	f.Add(payBTC, 80, 24, uint8(0))
	f.Add(payUSDC, 200, 60, uint8(1))
	f.Add("", 0, 0, uint8(2))
	f.Add("HELLO 123", 40, 20, uint8(3))
	f.Add("\x00\xff\x1b[31m", 90, 90, uint8(4))
	f.Fuzz(func(t *testing.T, text string, cols, rows int, mode uint8) {
		if len(text) > 4000 {
			return
		}
		m := modes[int(mode)%len(modes)]
		code, ok := Fit([]chain.Form{uri(text)}, cols, rows, m)
		if !ok {
			return
		}
		if code.Cols > cols || code.Rows > rows || code.Text != text {
			t.Fatalf("%dx%d in %dx%d holding %q", code.Cols, code.Rows, cols, rows, code.Text)
		}
		same(t, code, onDark(m))
	})
}

func BenchmarkFit(b *testing.B) {
	forms := []chain.Form{uri(payBTC), address(segwit)}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Fit(forms, 45, 22, Colour); !ok {
			b.Fatal("does not fit")
		}
	}
}
