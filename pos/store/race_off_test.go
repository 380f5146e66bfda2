//go:build !race

package store

// UnderRace: see race_on_test.go.
const UnderRace = false
