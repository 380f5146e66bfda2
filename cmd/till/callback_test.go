package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/cointill/till/pos"
)

const testHookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="

// posted is one post as a receiver got it.
type posted struct {
	id, path string
	body     map[string]any
	taken    bool
}

// receiver is a shop's server. It verifies every post with the reference
// implementation, once it knows the secret.
type receiver struct {
	*httptest.Server
	t testing.TB

	mu     sync.Mutex
	hook   *webhooks.Webhook
	status int
	posts  []posted
}

func newReceiver(t testing.TB, status int) *receiver {
	r := &receiver{t: t, status: status}
	r.Server = httptest.NewServer(r)
	r.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(r.Close)
	return r
}

// answers sets the status that every post is answered with from now on, and the
// secret that they are to be signed with.
func (r *receiver) answers(status int, secret string) {
	hook, err := webhooks.NewWebhook(secret)
	if err != nil {
		r.t.Error(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status, r.hook = status, hook
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hook != nil {
		if err := r.hook.Verify(body, req.Header); err != nil {
			r.t.Errorf("not believed: %v", err)
		}
	}
	p := posted{id: req.Header.Get("webhook-id"), path: req.URL.Path, taken: r.status/100 == 2}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&p.body); err != nil {
		r.t.Errorf("%q: %v", body, err)
	}
	r.posts = append(r.posts, p)
	w.WriteHeader(r.status)
}

func (r *receiver) got() []posted {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]posted{}, r.posts...)
}

// TestHookSecret: the secret is made once, kept to its owner, and not what the
// configuration overrides.
func TestHookSecret(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "till.toml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secret := func() (string, error) {
		return till(t, "events", "secret", "--config", config, "--data", filepath.Join(dir, "data"))
	}
	write(smallConfig)
	var made sync.WaitGroup
	all := make([]string, 8)
	for i := range all {
		made.Go(func() { all[i], _ = secret() })
	}
	made.Wait()
	for _, text := range all {
		if text != all[0] || !strings.HasPrefix(text, "whsec_") || len(text) != len(testHookSecret)+1 {
			t.Fatalf("secrets %q", all)
		}
	}
	path := filepath.Join(dir, "data", hookSecretName)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if list, _ := os.ReadDir(filepath.Dir(path)); len(list) != 1 {
		t.Errorf("left behind: %v", list)
	}
	write(smallConfig + "[callback]\nsecret = \"" + testHookSecret + "\"\n")
	if text, err := secret(); text != testHookSecret+"\n" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	write(smallConfig)
	if err := os.WriteFile(path, []byte("whsec_MfKQ\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secret(); err == nil || !strings.Contains(err.Error(), "is damaged") || strings.Contains(err.Error(), "MfKQ") {
		t.Errorf("%v", err)
	}
	if got := scrub(`{"secret":"` + testHookSecret + `"}`); strings.Contains(got, "MfKQ") {
		t.Errorf("the log says %s", got)
	}
}

// TestCallbackBody: what is posted is what `till events --json` prints.
func TestCallbackBody(t *testing.T) {
	t.Setenv("TILL_CONFIG", filepath.Join(t.TempDir(), "none.toml"))
	dir := soldFolder(t)
	books := openStore(t, dir)
	changed(t, books, pos.Awaiting, pos.Seen, pos.Paid)
	c := &poster{find: shippedAsset}
	out, err := till(t, "events", "--json", "--data", dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
		if body, err := c.body(t.Context(), books, pos.Delivery{Seq: uint64(i + 1)}); err != nil || string(body) != line {
			t.Errorf("%v\n%s is not\n%s", err, body, line)
		}
	}
	for _, seq := range []uint64{0, 4, 1 << 63} {
		if body, err := c.body(t.Context(), books, pos.Delivery{Seq: seq}); err == nil {
			t.Errorf("change %d is %s", seq, body)
		}
	}
}

// delivering makes deliveries of the changes of soldFolder, in every state.
func delivering(t *testing.T) (dir string) {
	t.Helper()
	t.Setenv("TILL_CONFIG", filepath.Join(t.TempDir(), "none.toml"))
	dir = soldFolder(t)
	books := openStore(t, dir)
	changed(t, books, pos.Awaiting, pos.Seen, pos.Confirming, pos.Paid)
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	err := books.Write(t.Context(), func(tx pos.Tx) error {
		for i, d := range []pos.Delivery{
			{State: pos.DeliveryDone, Tries: 1, At: at, Code: 204},
			{State: pos.DeliveryFailed, Tries: 10, At: at.Add(time.Hour), Code: 500, Error: "the receiver\x1b[2J answered 500 Internal Server Error"},
			{State: pos.DeliveryWaiting, Tries: 2, At: at.Add(time.Hour), Next: at.Add(2 * time.Hour), Error: "no answer within 15 seconds"},
			{State: pos.DeliveryWaiting, Next: at},
		} {
			d.Seq = uint64(i + 1)
			d.SaleID, d.URL = "8a5f4c1e-0000-4000-8000-000000000001", "https://user:pass@shop.example/hook?token=secret"
			if err := tx.PutDelivery(d); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = books.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDeliveries(t *testing.T) {
	t.Setenv("TZ", "UTC")
	dir := delivering(t)
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{
			"     1  sale 0001  done     https://shop.example/…  1 try, ",
			"     2  sale 0001  failed   https://shop.example/…  10 tries, the last ",
			"     3  sale 0001  waiting  https://shop.example/…  2 tries, the last ",
			"     4  sale 0001  waiting  https://shop.example/…  not tried yet",
		}},
		{[]string{"--waiting"}, []string{"     3", "     4"}},
		{[]string{"--failed"}, []string{"     2"}},
		{[]string{"--from", "3", "--limit", "1"}, []string{"     3"}},
		{[]string{"--failed", "--from", "3"}, []string{"no deliveries"}},
	} {
		out, err := till(t, append([]string{"events", "deliveries", "--data", dir}, c.args...)...)
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		if err != nil || len(lines) != len(c.want) || strings.Contains(out, "secret") || strings.Contains(out, "\x1b") || strings.Contains(out, "pass") {
			t.Errorf("%q: %v, %q", c.args, err, out)
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(lines[i], want) {
				t.Errorf("%q: line %d is %q", c.args, i, lines[i])
			}
		}
	}
	out, err := till(t, "events", "deliveries", "--json", "--data", dir)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"seq":1,"id":"8a5f4c1e-0000-4000-8000-000000000001","number":1,"url":"https://shop.example/…","state":"done","tries":1,"at":"2026-11-20T12:00:00Z","code":204}
{"seq":2,"id":"8a5f4c1e-0000-4000-8000-000000000001","number":1,"url":"https://shop.example/…","state":"failed","tries":10,"at":"2026-11-20T13:00:00Z","code":500,"error":"the receiver[2J answered 500 Internal Server Error"}
{"seq":3,"id":"8a5f4c1e-0000-4000-8000-000000000001","number":1,"url":"https://shop.example/…","state":"waiting","tries":2,"at":"2026-11-20T13:00:00Z","next":"2026-11-20T14:00:00Z","error":"no answer within 15 seconds"}
{"seq":4,"id":"8a5f4c1e-0000-4000-8000-000000000001","number":1,"url":"https://shop.example/…","state":"waiting","tries":0,"next":"2026-11-20T12:00:00Z"}
`
	if out != want {
		t.Errorf("%s, want\n%s", out, want)
	}
	for _, args := range [][]string{{"--waiting", "--failed"}, {"--limit", "-1"}, {"--from", "x"}, {"4"}} {
		if _, err := till(t, append([]string{"events", "deliveries", "--data", dir}, args...)...); codeOf(err) != exitUsage {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestRedeliver(t *testing.T) {
	dir := delivering(t)
	config := filepath.Join(t.TempDir(), "till.toml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "currency = \"EUR\"\n[bitcoin]\nkey = %q\n", testZpub), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TILL_CONFIG", config)
	states := func() (text string) {
		t.Helper()
		out, err := till(t, "events", "deliveries", "--json", "--data", dir)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out) {
			var d deliveryJSON
			if err := json.Unmarshal([]byte(line), &d); err != nil {
				t.Fatal(err)
			}
			text += fmt.Sprintf("%s %d, ", d.State, d.Tries)
		}
		return text
	}
	for _, args := range [][]string{nil, {"x"}, {"0"}, {"-1"}, {"1", "--failed"}, {"1", "18446744073709551616"}} {
		if _, err := till(t, append([]string{"events", "redeliver", "--data", dir}, args...)...); codeOf(err) != exitUsage {
			t.Errorf("%q: %v", args, err)
		}
	}
	for _, seq := range []string{"5", "18446744073709551615"} {
		if _, err := till(t, "events", "redeliver", "--data", dir, seq); err == nil || !strings.Contains(err.Error(), seq) {
			t.Errorf("%s: %v", seq, err)
		}
	}
	if got := states(); got != "done 1, failed 10, waiting 2, waiting 0, " {
		t.Errorf("at first %s", got)
	}
	if out, err := till(t, "events", "redeliver", "--data", dir, "--failed"); err != nil || out != "change 2 is posted again\n" {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := till(t, "events", "redeliver", "--data", dir, "--failed"); err != nil || out != "nothing was given up\n" {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := till(t, "events", "redeliver", "--data", dir, "3", "1"); err != nil || out != "change 3 is posted again\nchange 1 is posted again\n" {
		t.Errorf("%q, %v", out, err)
	}
	if got := states(); got != "waiting 0, waiting 0, waiting 0, waiting 0, " {
		t.Errorf("then %s", got)
	}
	if _, err := till(t, "events", "redeliver", "--data", t.TempDir(), "1"); err == nil || !strings.Contains(err.Error(), "no sales") {
		t.Errorf("without a store: %v", err)
	}
}

// TestStandardLog: what net/http tells of strangers there is not on the screen.
func TestStandardLog(t *testing.T) {
	log.SetOutput(os.Stderr)
	if code := run([]string{"version"}); code != exitOK || log.Writer() != io.Discard {
		t.Errorf("exit code %d, the standard log goes to %T", code, log.Writer())
	}
	log.SetOutput(os.Stderr)
}
