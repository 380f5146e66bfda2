package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
)

// TestWeakPINsAreTheRegisters: what is refused before it is typed again is what
// the register would refuse.
func TestWeakPINsAreTheRegisters(t *testing.T) {
	for _, role := range []pos.Role{pos.Cashier, pos.Supervisor} {
		for _, pin := range []string{"", "123", "1234", "12345", "123456", strings.Repeat("7", 12), strings.Repeat("7", 13), "12a4", "12 456", "１２３４５６"} {
			r := hirer(t)
			err := r.Hire(t.Context(), pos.Actor{}, pos.Member{Name: "Jo", Role: role}, pin)
			if weakPIN(pin, role) != errors.Is(err, pos.ErrWeakPIN) {
				t.Errorf("%q of a %s: %v", pin, role, err)
			}
		}
	}
}

// hirer is a register that does nothing but hire.
func hirer(t testing.TB) *pos.Register {
	t.Helper()
	books, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "data"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = books.Close() })
	r, err := pos.New(t.Context(), pos.Config{Store: books, Clock: clock{}, Random: strings.NewReader(strings.Repeat("salt", 1000))})
	if err != nil {
		t.Fatal(fmt.Errorf("a register for hiring: %w", err))
	}
	return r
}

// BenchmarkIdentify is how long a switch of cashiers takes after the last digit:
// every PIN is compared, so it grows with the staff. The budget is a second.
func BenchmarkIdentify(b *testing.B) {
	for _, n := range []int{1, 10, 20} {
		b.Run(fmt.Sprintf("staff=%d", n), func(b *testing.B) {
			r := hirer(b)
			for i := range n {
				if err := r.Hire(b.Context(), pos.Actor{}, pos.Member{Name: fmt.Sprint("P", i), Role: pos.Cashier}, fmt.Sprint(1000+i)); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if who, err := r.Identify(b.Context(), fmt.Sprint(1000+n-1)); err != nil || who.Name != fmt.Sprint("P", n-1) {
					b.Fatal(who, err)
				}
			}
		})
	}
}
