package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

const (
	secretPrefix = "whsec_"
	// The lengths that the specification allows, in bytes.
	leastSecret, mostSecret = 24, 64
	newSecret               = 32
)

// Secret signs what is posted, so that the receiver knows whom it is from. The
// receiver has the same. It prints as nothing; Text has it in full.
type Secret struct{ key []byte }

// ErrSecret says that a text is no secret. The text is not repeated.
var ErrSecret = errors.New(`a secret is "whsec_" and 24 to 64 bytes in base64`)

// ParseSecret reads a secret as Text writes it.
func ParseSecret(text string) (Secret, error) {
	rest, ok := strings.CutPrefix(text, secretPrefix)
	key, err := base64.StdEncoding.Strict().DecodeString(rest)
	if !ok || err != nil || len(key) < leastSecret || len(key) > mostSecret || strings.ContainsAny(rest, "\r\n") {
		return Secret{}, ErrSecret
	}
	return Secret{key}, nil
}

// NewSecret makes a secret of 32 random bytes.
func NewSecret(random io.Reader) (Secret, error) {
	key := make([]byte, newSecret)
	if _, err := io.ReadFull(random, key); err != nil {
		return Secret{}, fmt.Errorf("no secret for callbacks can be made: %w", err)
	}
	return Secret{key}, nil
}

// IsZero tells whether there is no secret.
func (s Secret) IsZero() bool { return len(s.key) == 0 }

// Text is the secret in full, for the receiver.
func (s Secret) Text() string { return secretPrefix + base64.StdEncoding.EncodeToString(s.key) }

// String implements fmt.Stringer.
func (Secret) String() string { return secretPrefix + "…" }

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return s.String() }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// sign makes the signature header of a message: "v1," and the HMAC-SHA256 of
// "id.seconds.body" in base64.
func (s Secret) sign(id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
