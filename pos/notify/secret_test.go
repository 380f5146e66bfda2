package notify

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// TestSignature compares with the reference implementation and its own vector.
func TestSignature(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := Secret{key}.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	s, err := NewSecret(bytes.NewReader(bytes.Repeat([]byte{7}, 99)))
	if err != nil {
		t.Fatal(err)
	}
	hook, err := webhooks.NewWebhook(s.Text())
	if err != nil {
		t.Fatal(err)
	}
	body, now := []byte("\x00\xff{}"), time.Now()
	header := http.Header{}
	header.Set("webhook-id", "a-1")
	header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	header.Set("webhook-signature", s.sign("a-1", now, body))
	if err := hook.Verify(body, header); err != nil {
		t.Error(err)
	}
	if err := hook.Verify(append(body, ' '), header); err == nil {
		t.Error("another body has the same signature")
	}
}

func TestSecret(t *testing.T) {
	for _, text := range []string{
		"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa\nSw", "whsec_AAAA", "whsec_" + strings.Repeat("AAAA", 22), " " + testSecret,
	} {
		if _, err := ParseSecret(text); err == nil {
			t.Errorf("%q is a secret", text)
		} else if len(text) > 8 && strings.Contains(err.Error(), text[7:]) {
			t.Errorf("%q is repeated", text)
		}
	}
	s := secret(t)
	if s.Text() != testSecret || s.IsZero() || !(Secret{}).IsZero() {
		t.Errorf("%s", s.Text())
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", s, "config", Config{Secret: s}.Secret)
	said := fmt.Sprintf("%v %+v %#v %s", s, struct{ S Secret }{s}, s, s) + log.String()
	if strings.Contains(said, "MfKQ") || strings.Contains(said, "49 242") {
		t.Errorf("it says %s", said)
	}
	if _, err := NewSecret(strings.NewReader("short")); err == nil {
		t.Error("a secret of 5 bytes")
	}
}

func FuzzParseSecret(f *testing.F) {
	f.Add(testSecret)
	f.Add("whsec_")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := ParseSecret(text); err == nil && s.Text() != text {
			t.Errorf("%q reads as %q", text, s.Text())
		}
	})
}
