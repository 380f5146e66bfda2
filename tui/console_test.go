package tui

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
)

// The Linux console has 16 colours and one font of 256 or 512 signs.

// onConsoles are the signs beyond ASCII that a frame may hold. All of them are
// in Vietnamese-Terminus16 of Debian's console-setup, and but for the half blocks
// in its usual fonts, Lat15 and Uni2. Without those no code and no large letter
// can be drawn, so the README says which font to set.
const onConsoles = "·×ÄÖÜäöüßÉé" + // Latin-1
	"–‘’“”„•…€" +
	"─━│┌┐└┘" + // lines
	"▀▄█░" // blocks

// ofTests are signs of names that goldens have on purpose.
const ofTests = "抹茶ラテ"

func TestFramesHaveOnlyTheSignsOfAConsole(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("testdata", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".golden") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen++
		for _, r := range string(text) {
			if r > 0x7e && !strings.ContainsRune(onConsoles+ofTests, r) {
				t.Errorf("%s: %q (%U) is in no console's font", path, r, r)
				return nil
			}
		}
		return nil
	})
	if err != nil || seen < 100 {
		t.Errorf("only %d frames were looked at: %v", seen, err)
	}
}

// TestSixteenColours: a terminal of 16 colours is sent no other, in any theme,
// also when it says so late.
func TestSixteenColours(t *testing.T) {
	for _, name := range []string{"dark", "light", "contrast", "plain"} {
		s := newStand(t, 80, 24, func(c *Config, _ *shopFake) { c.Theme = name })
		s.keys("1620b").happens(231, handOver)
		had := strings.Count(s.m.View().Content, "38;5;")
		s.send(tea.ColorProfileMsg{Profile: colorprofile.ANSI})
		if got := s.m.View().Content; strings.Contains(got, "38;5;") || strings.Contains(got, "38;2;") {
			t.Errorf("%s: a colour beyond 16 is drawn: %q", name, got)
		}
		s.send(tea.ColorProfileMsg{Profile: colorprofile.ANSI256})
		if got := strings.Count(s.m.View().Content, "38;5;"); got != had {
			t.Errorf("%s: %d colours of 256 came back, of %d", name, got, had)
		}
	}
}
