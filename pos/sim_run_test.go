package pos_test

import (
	"testing"

	"pgregory.net/rapid"
)

// TestSimulation plays schedules of its own; `make sim` plays as many as one
// likes. A schedule that fails is made as short as it gets, and named by its
// seed, which plays it again.
func TestSimulation(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		if err := simulate(t, schedules.Draw(rt, "schedule"), noBug, inMemory); err != nil {
			rt.Fatal(err)
		}
	})
}

// TestSimulationFindsBugs shows that the simulation can fail.
func TestSimulationFindsBugs(t *testing.T) {
	for _, b := range []bug{
		dropsCursor, dropsPayment, dropsOutbox, dropsSale,
		sameRevision, backwards, twoKeys, noRetractions, noLookups,
	} {
		t.Run(string(b), func(t *testing.T) {
			for seed := range 300 {
				if err := simulate(t, schedules.Example(seed), b, inMemory); err != nil {
					t.Logf("schedule %d: %v", seed, err)
					return
				}
			}
			t.Error("nobody noticed")
		})
	}
}

// TestSimulationOnDisk plays schedules on the real store, which is closed and
// opened again by every crash.
func TestSimulationOnDisk(t *testing.T) {
	open := onDisk(t.TempDir())
	rapid.Check(t, func(rt *rapid.T) {
		if err := simulate(t, schedules.Draw(rt, "schedule"), noBug, open); err != nil {
			rt.Fatal(err)
		}
	})
}
