package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	logName = "till.log"
	logMost = 10 << 20 // bytes; then it becomes till.log.1
)

// openLog opens the log in the data folder, JSON lines, and never writes to the
// terminal: the screen is the register's. Keys and the secrets of URLs are
// taken out of everything that is written.
func openLog(data string) (*slog.Logger, io.Closer, error) {
	if err := makePrivate(data); err != nil {
		return nil, nil, err
	}
	path := filepath.Join(data, logName)
	if info, err := os.Stat(path); err == nil && info.Size() > logMost {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, nil, fmt.Errorf("the old log %s cannot be put aside: %s", path, plainCause(err))
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("the log %s cannot be written: %s; make the data folder writable", path, plainCause(err))
	}
	return newLog(f), f, nil
}

func newLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(scrubber{w}, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// scrubber redacts each line as it is written, so that no attribute, message or
// nested error gets around it. The handler writes whole lines.
type scrubber struct{ to io.Writer }

func (s scrubber) Write(p []byte) (int, error) {
	if _, err := io.WriteString(s.to, scrub(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

var (
	// Extended keys of any kind, public ones too: an xpub tells all of a shop's
	// takings to whoever reads it. 79 of 82 to 112 base58 characters would do.
	keyText = regexp.MustCompile(`[a-zA-Z]p(?:ub|rv)[1-9A-HJ-NP-Za-km-z]{20,}`)
	// 32 bytes in hex beside a word that says that they are a key.
	hexKey = regexp.MustCompile(`(?i)((?:priv|secret|seed|key)[^0-9a-f]{0,20})(?:0x)?[0-9a-f]{64}\b`)
	// Private keys in WIF (Bitcoin): 51 or 52 base58 characters.
	wifKey = regexp.MustCompile(`\b[5KLc9][1-9A-HJ-NP-Za-km-z]{50,51}\b`)
	// Secrets of callbacks.
	hookKey = regexp.MustCompile(`whsec_[A-Za-z0-9+/=_-]{8,}`)
	urlText = regexp.MustCompile(`(?:https?|wss?)://[^\s"'\\<>]+`)
)

const hidden = "[hidden]"

// scrub takes keys and secrets out of a text.
func scrub(text string) string {
	text = keyText.ReplaceAllString(text, hidden)
	text = wifKey.ReplaceAllString(text, hidden)
	text = hookKey.ReplaceAllString(text, hidden)
	text = hexKey.ReplaceAllString(text, "${1}"+hidden)
	return urlText.ReplaceAllStringFunc(text, publicURL)
}

// publicURL is a URL without what may be secret in it: user, password, path and
// query (hosted nodes carry their API key in the path).
func publicURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return hidden
	}
	short := u.Scheme + "://" + u.Host
	if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		short += "/…"
	}
	return short
}

// publicEndpoint is an endpoint for people: a URL without its secrets, or a path.
func publicEndpoint(text string) string {
	if strings.HasPrefix(text, "/") {
		return text
	}
	return publicURL(text)
}

// logOrNothing is openLog for commands that can do without.
func logOrNothing(data string) (*slog.Logger, func()) {
	log, file, err := openLog(data)
	if err != nil {
		return slog.New(slog.DiscardHandler), func() {}
	}
	return log, func() { _ = file.Close() }
}
