package theme

import (
	"image/color"
	"math"
	"testing"
)

// luminance is a colour's relative luminance as WCAG 2.2 has it.
func luminance(c color.RGBA) float64 {
	part := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*part(c.R) + 0.7152*part(c.G) + 0.0722*part(c.B)
}

// TestLuminance holds the measure itself to ratios that WCAG's own tools print.
func TestLuminance(t *testing.T) {
	for _, it := range []struct {
		a, b int
		want int64
	}{{0x000000, 0xffffff, 210}, {0x777777, 0xffffff, 44}, {0xff0000, 0xffffff, 39}, {0x0000ff, 0xffffff, 85}, {0xffffff, 0xffffff, 10}} {
		if got := contrast(hex(it.a), hex(it.b)); got != it.want {
			t.Errorf("#%06x on #%06x: %d, want %d", it.a, it.b, got, it.want)
		}
	}
}
