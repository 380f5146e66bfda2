//go:build race

package store

// UnderRace: SQLite is ten times slower under the race detector, and random
// tests then do with fewer rounds.
const UnderRace = true
