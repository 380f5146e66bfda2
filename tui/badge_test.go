package tui

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cointill/till/pos"
)

// TestEveryScreenSaysThatMoneyIsWorthless: on a training till and on one of a
// test network every screen says so, in each size and language and with the code
// still whole; on any other till none does.
func TestEveryScreenSaysThatMoneyIsWorthless(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*pos.Shop)
		says map[string]string
	}{
		{"real", func(*pos.Shop) {}, nil},
		{"training", func(s *pos.Shop) { s.Training = true }, map[string]string{"en": "TRAINING", "de": "ÜBUNG"}},
		{"testnet", func(s *pos.Shop) { s.Testnet = true }, map[string]string{"en": "TESTNET", "de": "TESTNETZ"}},
	} {
		for _, tag := range []string{"en", "de"} {
			for _, size := range append(sizes, struct{ w, h int }{28, 10}, struct{ w, h int }{60, 22}) {
				for _, it := range situations {
					name := fmt.Sprintf("%s/%s/%dx%d/%s", c.name, tag, size.w, size.h, it.name)
					setup := append(it.setup, func(cfg *Config, shop *shopFake) {
						shop.shop.Training, shop.shop.Testnet = false, false
						c.set(&shop.shop)
						cfg.Shop, cfg.Language = shop.shop, tag
					})
					s := newStand(t, size.w, size.h, setup...)
					it.play(s)
					frame := s.screen()
					for _, word := range []string{"TRAINING", "TESTNET", "ÜBUNG"} {
						want := word == c.says[tag] || strings.HasPrefix(c.says[tag], word)
						if got := strings.Contains(frame, " "+word); got != want {
							t.Errorf("%s: it says %q: %v, want %v\n%s", name, word, got, want, frame)
						}
					}
					if t.Failed() {
						return
					}
				}
			}
		}
	}
}
