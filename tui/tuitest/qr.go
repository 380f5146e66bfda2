package tuitest

import (
	"errors"
	"image"
	"image/color"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/vt"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// QR waits for a QR code on the screen and returns what it holds, as a phone in
// front of the terminal would read it.
func (s *Screen) QR() string {
	s.t.Helper()
	var text string
	s.Until("see a QR code", func(string) bool {
		var err error
		text, err = s.term.readQR()
		return err == nil
	})
	return text
}

// HasQR tells whether there is a QR code on the screen now.
func (s *Screen) HasQR() bool {
	_, err := s.term.readQR()
	return err == nil
}

func (e *emulator) readQR() (string, error) {
	e.mu.Lock()
	photo := photograph(e.vt, e.paper)
	e.mu.Unlock()
	return photo.read()
}

// dots is a screen in black and white, two dots per cell, one above the other;
// true is dark. It is as wide as the screen in every row.
type dots [][]bool

// photograph returns what a terminal shows. Only block glyphs leave ink: text
// beside a code is of no interest.
func photograph(screen *vt.Emulator, paper color.Color) dots {
	ink := color.Color(color.White)
	if isDark(ink) == isDark(paper) {
		ink = color.Black
	}
	photo := make(dots, 0, 2*screen.Height())
	for y := range screen.Height() {
		upper, lower := make([]bool, screen.Width()), make([]bool, screen.Width())
		for x := range screen.Width() {
			fore, back := isDark(ink), isDark(paper)
			content := ""
			if cell := screen.CellAt(x, y); cell != nil {
				content = cell.Content
				if cell.Style.Fg != nil {
					fore = isDark(cell.Style.Fg)
				}
				if cell.Style.Bg != nil {
					back = isDark(cell.Style.Bg)
				}
				if cell.Style.Attrs&uv.AttrReverse != 0 {
					fore, back = back, fore
				}
			}
			upper[x], lower[x] = back, back
			switch content {
			case "▄":
				lower[x] = fore
			case "▀":
				upper[x] = fore
			case "█":
				upper[x], lower[x] = fore, fore
			}
		}
		photo = append(photo, upper, lower)
	}
	return photo
}

func isDark(c color.Color) bool {
	g, _ := color.GrayModel.Convert(c).(color.Gray)
	return g.Y < 128
}

var errNoQR = errors.New("there is no QR code on the screen")

// read finds a code by its three finder patterns, of modules of one dot or two.
func (d dots) read() (string, error) {
	for scale := 1; scale <= 2; scale++ {
		for y := range d {
			for x := range d[y] {
				if !d.finder(x, y, scale) {
					continue
				}
				for size := 21; size <= 177; size += 4 {
					far := (size - 7) * scale
					if d.finder(x+far, y, scale) && d.finder(x, y+far, scale) {
						if text, err := d.decode(x, y, size, scale); err == nil {
							return text, nil
						}
					}
				}
			}
		}
	}
	return "", errNoQR
}

// finder tells whether a finder pattern, 7 modules wide, begins at x, y, with
// at least one light module around it.
func (d dots) finder(x, y, scale int) bool {
	for v := range 9 {
		for u := range 9 {
			ring := max(abs(u-4), abs(v-4)) // 4 is outside
			if d.at(x+(u-1)*scale, y+(v-1)*scale) != (ring == 3 || ring <= 1) {
				return false
			}
		}
	}
	return true
}

// at is light outside of the screen: a code at the very edge has its quiet zone
// cut, and whether that is enough is not for this package to say.
func (d dots) at(x, y int) bool {
	return y >= 0 && y < len(d) && x >= 0 && x < len(d[y]) && d[y][x]
}

func abs(n int) int { return max(n, -n) }

func (d dots) decode(x, y, size, scale int) (text string, err error) {
	defer func() {
		if recover() != nil { // the decoder does not check everything
			err = errNoQR
		}
	}()
	const quiet, pixels = 4, 3
	photo := image.NewGray(image.Rect(0, 0, (size+2*quiet)*pixels, (size+2*quiet)*pixels))
	for v := range photo.Rect.Max.Y {
		for u := range photo.Rect.Max.X {
			mx, my := u/pixels-quiet, v/pixels-quiet
			inside := mx >= 0 && mx < size && my >= 0 && my < size
			if !inside || !d.at(x+mx*scale, y+my*scale) {
				photo.SetGray(u, v, color.Gray{Y: 255})
			}
		}
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(photo)
	if err != nil {
		return "", err
	}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{
		gozxing.DecodeHintType_PURE_BARCODE:  true,
		gozxing.DecodeHintType_CHARACTER_SET: "UTF-8",
	})
	if err != nil {
		return "", err
	}
	return result.GetText(), nil
}
