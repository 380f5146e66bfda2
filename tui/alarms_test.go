package tui

import (
	"errors"
	"testing"
	"time"

	"github.com/cointill/till/pos"
)

// What is wrong with the till itself is on every screen until it is over, and
// said once at length.
func TestAlarms(t *testing.T) {
	for _, size := range [][2]int{{40, 20}, {80, 24}, {200, 60}} {
		s := newStand(t, size[0], size[1])
		board := s.shop.Board()
		board.Store = errors.New("disk full")
		s.send(heard{update: pos.Update{Board: board}})
		s.see("NOT STORED", "Disk full?")
		s.press("f2").see("NOT STORED").press("esc", "f4").see("NOT STORED").press("esc")
		board.Behind = 24 * time.Hour
		s.send(heard{update: pos.Update{Board: board}})
		s.see("NOT STORED", "Clock", "set it right")
		for range noticeTicks {
			s.tick(time.Second)
		}
		s.see("CLOCK").gone("Disk full")
		s.send(heard{update: pos.Update{Board: s.shop.Board()}})
		s.see("Bitcoin").gone("NOT STORED", "CLOCK")
	}
}
