package pos

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of looking at a PIN: OWASP's first choice for argon2id, about 20 ms
// on a small computer. A PIN has few digits, so what keeps guessers out is the
// lock after a few wrong ones, not this.
const (
	argonTime    = 2
	argonMemory  = 19 << 10 // KiB
	argonThreads = 1
	argonSalt    = 16
	argonKey     = 32
)

// hashPIN is a PIN's argon2id hash (RFC 9106) in PHC form.
func hashPIN(pin string, random io.Reader) (string, error) {
	salt := make([]byte, argonSalt)
	if _, err := io.ReadFull(random, salt); err != nil {
		return "", fmt.Errorf("no random numbers: %w", err)
	}
	text := base64.RawStdEncoding.EncodeToString
	key := argon2.IDKey([]byte(pin), salt, argonTime, argonMemory, argonThreads, argonKey)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads, text(salt), text(key)), nil
}

// hashFits tells whether a hash is a PIN's. Its cost is its own, within bounds;
// one in another form fits nothing.
func hashFits(hash, pin string) bool {
	var version, memory, time, threads uint32
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &time, &threads); err != nil {
		return false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(key) != argonKey || version != argon2.Version ||
		memory > 64*argonMemory || time < 1 || time > 64 || threads < 1 || threads > 16 {
		return false
	}
	got := argon2.IDKey([]byte(pin), salt, time, memory, uint8(threads), argonKey)
	return subtle.ConstantTimeCompare(got, key) == 1
}
