package store_test

import (
	"context"
	"testing"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/pos/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(testing.TB) pos.Store { return store.NewMemory() }, nil)
}

func TestSQLite(t *testing.T) {
	folders := map[pos.Store]string{}
	open := func(t testing.TB, dir string) pos.Store {
		s := openIn(t, dir)
		folders[s] = dir
		return s
	}
	storetest.Run(t, func(t testing.TB) pos.Store { return open(t, t.TempDir()) },
		func(t testing.TB, s pos.Store) pos.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, folders[s])
		})
}

// openIn opens the store of a folder and closes it when the test ends.
func openIn(t testing.TB, dir string) *store.SQLite {
	t.Helper()
	s, err := store.Open(context.Background(), dir, store.Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}
