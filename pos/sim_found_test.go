package pos_test

import "testing"

// found are schedules that once went wrong, as short as they get.
var found = map[string]schedule{
	// The clock went back, ether came beside bitcoin that goods had gone out on,
	// and accepting both turned the sale into one that is paid in ether.
	"what is accepted beside the money does not become the sale's": {Steps: []step{
		{Do: doRing},
		{Do: doRing},
		{Do: doSleep, B: 2},
		{Do: doOffer, B: 1},
		{Do: doPay},
		{Do: doAct, B: 2},
		{Do: doClock, B: 1},
		{Do: doDown},
	}},
	// What was accepted is closed, and a restart forgot that money of it was to go
	// back: the code for it was shown, and nobody looked whether it was paid.
	"a refund of what was accepted is looked for after a restart": {Steps: []step{
		{Do: doRing}, {Do: doRing, A: 1}, {Do: doCancel}, {Do: doPay}, {Do: doAct, B: 1}, {Do: doPay}, {Do: doAct, B: 2}, {Do: doDown}, {Do: doPayBack},
	}},
}

func TestSchedulesThatWereFound(t *testing.T) {
	for name, plan := range found {
		t.Run(name, func(t *testing.T) {
			if err := simulate(t, plan, noBug, inMemory); err != nil {
				t.Error(err)
			}
		})
	}
}
