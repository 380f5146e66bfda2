package devnet

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil/hdkeychain"
)

func TestShopKeysArePublicAndFresh(t *testing.T) {
	bitcoin, evm, err := ShopKeys(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for prefix, text := range map[string]string{"tpub": bitcoin, "xpub": evm} {
		key, err := hdkeychain.NewKeyFromString(text)
		if err != nil || key.IsPrivate() || key.Depth() != 3 || !strings.HasPrefix(text, prefix) {
			t.Errorf("%s is no public account key: %v", prefix, err)
		}
	}
	if again, _, _ := ShopKeys(rand.Reader); again == bitcoin {
		t.Error("two shops have the same key")
	}
}
