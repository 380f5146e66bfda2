package tui

import (
	"testing"
	"time"
)

// A till over SSH locks itself by the model's clock: seconds tick on its screen all
// the while.
func TestATillThatNobodyTouchesLocks(t *testing.T) {
	idle := func(c *Config, f *shopFake) {
		c.IdleLock = 10 * time.Minute
		withBob(c, f)
	}
	s := newStand(t, 80, 24, idle)
	s.tick(time.Second).tick(9 * time.Minute)
	s.press("4")
	s.tick(9 * time.Minute).gone("PIN")
	s.tick(59 * time.Second).gone("PIN")
	s.tick(time.Second).see("PIN").gone("0.04")
	s.keys(anasPIN).press("enter").see("Ana").gone("PIN")
	if got := s.m.draft; got.empty() {
		t.Error("what was typed before the lock is lost")
	}
	s.tick(9 * time.Minute).gone("PIN")
	s.tick(time.Minute).see("PIN")

	// Before any key it counts from the start.
	s = newStand(t, 80, 24, idle)
	s.tick(time.Second).gone("PIN")
	s.tick(10 * time.Minute).see("PIN")
}

func TestWithoutStaffNothingLocksItself(t *testing.T) {
	s := newStand(t, 80, 24, func(c *Config, _ *shopFake) { c.IdleLock = time.Minute })
	s.tick(time.Second).tick(time.Hour).gone("PIN", "nobody")
	s = newStand(t, 80, 24, withBob)
	s.tick(time.Second).tick(24 * time.Hour).gone("PIN")
}

// A terminal that goes away between two pieces of news is not posted to for ever.
func TestAScreenThatEndedIsClosed(t *testing.T) {
	m, shop, _ := live()
	m.Close()
	m.Close()
	if _, err := shop.boxes[0].Next(t.Context()); err == nil {
		// What was in the box may come first.
		_, err = shop.boxes[0].Next(t.Context())
		if err == nil {
			t.Error("the mailbox is still open")
		}
	}
}
