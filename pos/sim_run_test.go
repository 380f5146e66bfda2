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
	// Where to begin looking: the first schedule that notices is not far from there.
	for b, from := range map[bug]int{
		dropsCursor: 30, dropsPayment: 0, dropsOutbox: 0, dropsSale: 0,
		sameRevision: 0, backwards: 410, twoKeys: 0, noRetractions: 50, noLookups: 0,
	} {
		t.Run(string(b), func(t *testing.T) {
			for seed := from; seed < from+1000; seed++ {
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
