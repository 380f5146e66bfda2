package kiosk

import (
	"sync"

	"github.com/cointill/till/tui"
)

// Floor knows which sale each terminal of the shop shows. The zero value is an
// empty one.
type Floor struct {
	mu    sync.Mutex
	spots map[string]*spot
}

type spot struct {
	sale    string
	changed chan struct{}
}

var _ tui.Floor = (*Floor)(nil)

// Show implements tui.Floor.
func (f *Floor) Show(terminal, saleID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.at(terminal)
	if s.sale == saleID {
		return
	}
	s.sale = saleID
	close(s.changed)
	s.changed = make(chan struct{})
}

// Follow implements tui.Floor.
func (f *Floor) Follow(terminal string) (saleID string, changed <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.at(terminal)
	return s.sale, s.changed
}

func (f *Floor) at(terminal string) *spot {
	s := f.spots[terminal]
	if s == nil {
		s = &spot{changed: make(chan struct{})}
		if f.spots == nil {
			f.spots = make(map[string]*spot)
		}
		f.spots[terminal] = s
	}
	return s
}
