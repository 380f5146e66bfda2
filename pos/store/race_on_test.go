//go:build race

package store_test

// underRace: SQLite is ten times slower under the race detector, and random
// tests then do with fewer rounds.
const underRace = true
