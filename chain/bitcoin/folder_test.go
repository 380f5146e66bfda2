package bitcoin

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/btcsuite/btcd/chaincfg"
	"github.com/lightninglabs/neutrino/headerfs"
)

// A light client's first start in a folder makes 65,536 empty buckets, a second
// of work and five under the race detector, in nearly every test. They are made
// once and copied; TestImportSurvivesItsEnd begins with nothing at all.
var prepared = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "till-test-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	st, err := openStore(dir)
	if err != nil {
		return nil, err
	}
	if _, err = headerfs.NewBlockHeaderStore(dir, st.db, &chaincfg.SimNetParams); err == nil {
		_, err = headerfs.NewFilterHeaderStore(dir, st.db, headerfs.RegularFilter, &chaincfg.SimNetParams, nil)
	}
	if err != nil {
		return nil, err
	}
	if err := st.close(); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, "client.db"))
})

// likeMainnet leaves out the walk back to an ordinary block that headers cost on
// test networks: one read of the file for every block before, 0.8 s for 500.
func likeMainnet(w *Watcher) *Watcher {
	w.params.ReduceMinDifficulty = false
	return w
}

// prepare makes dir a light client's folder for simnet in which nothing was read
// yet.
func prepare(t testing.TB, dir string) string {
	t.Helper()
	raw, err := prepared()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "client.db")
	if _, err := os.Stat(path); err == nil {
		return dir // a restart
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
