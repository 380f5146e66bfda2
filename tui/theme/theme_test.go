package theme

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestEveryStyleHasOneTextAndNoColourMeansNone(t *testing.T) {
	for _, th := range []Theme{Dark(), Light(), Contrast(true), Contrast(false), Plain(true), Plain(false)} {
		for s := range count {
			got := th.Render(s, "PAID")
			if ansi.Strip(got) != "PAID" {
				t.Errorf("%s: style %d changes the text: %q", th.Name, s, got)
			}
			open, shut := th.Around(s)
			if open+"PAID"+shut != got {
				t.Errorf("%s: Around(%d) = %q %q, Render = %q", th.Name, s, open, shut, got)
			}
			if !th.Colour && (strings.Contains(got, "38;") || strings.Contains(got, "48;") || strings.Contains(got, "[3")) {
				t.Errorf("%s: style %d has a colour: %q", th.Name, s, got)
			}
		}
	}
}

func TestVerdictsDifferWithoutColour(t *testing.T) {
	for _, th := range []Theme{Dark(), Light(), Contrast(true), Plain(true)} {
		for _, s := range []Style{Badge, GoodBadge, BadBadge} {
			if open, _ := th.Around(s); !strings.Contains(open, "7") {
				t.Errorf("%s: badge %d is not in reverse video: %q", th.Name, s, open)
			}
		}
	}
}

func TestByName(t *testing.T) {
	for name, want := range map[string]string{"dark": "dark", "light": "light", "": "light", "auto": "light", "plain": "plain", "contrast": "contrast"} {
		if got, ok := ByName(name, false); !ok || got.Name != want {
			t.Errorf("ByName(%q) = %q, %v; want %q", name, got.Name, ok, want)
		}
	}
	if _, ok := ByName("pink", true); ok {
		t.Error("an unknown theme was accepted")
	}
}
