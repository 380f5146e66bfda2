package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestCallbacks: while the receiver is down one sale is paid and one till is
// killed. Once it is up again every change arrives, in its sale's order, as
// `till events --json` prints it, from a till on a terminal and from scripts.
func TestCallbacks(t *testing.T) {
	t.Parallel()
	n := simulatedNet(t)
	_, evm := shopKeys(t)
	server := newReceiver(t, 503)
	s := newTestShop(t, ethereumShop(n, evm)+fmt.Sprintf("[callback]\nurl = %q\nallow = [\"127.0.0.0/8\"]\n", server.URL+"/shop"))

	f := s.sale("0.01ETH")
	n.pay(t, f.see("AWAITING")["uri"].(string))
	n.mine(t, 2)
	f.see("PAID")
	f.exit(0)
	f = s.sale("0.02ETH", "--callback", server.URL+"/sale")
	n.pay(t, f.see("AWAITING")["uri"].(string))
	n.mine(t, 1)
	f.see("CONFIRMING")
	if err := f.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	f.exit(-1)
	n.mine(t, 1)

	text, err := os.ReadFile(filepath.Join(s.data, hookSecretName))
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimSpace(string(text))
	if files := s.holding(secret[6:]); len(files) != 1 {
		t.Errorf("the secret is in %v", files)
	}
	if res := s.do("", "events", "secret"); res.out != secret+"\n" {
		t.Errorf("%+v", res)
	}
	if waiting := s.deliveries(t, "--waiting"); len(waiting) < 4 || waiting[0].Code != 503 || waiting[0].Tries == 0 || waiting[1].Tries != 0 {
		t.Errorf("while the receiver is down %+v", waiting)
	}
	tries := len(server.got())
	if tries == 0 {
		t.Error("nothing was tried")
	}

	// The receiver is up. What was tried too often to be tried again at once is
	// sent by hand.
	server.answers(204, secret)
	for _, d := range s.deliveries(t, "--waiting") {
		if res := s.do("", "events", "redeliver", fmt.Sprint(d.Seq)); res.code != 0 {
			t.Errorf("%+v", res)
		}
	}
	pane := s.open(100, 30)
	patiently(t, "what waited is delivered", time.Minute, func() bool {
		done := strings.Contains(s.do("", "sales", "show", "2").out, "PAID")
		return done && len(s.deliveries(t, "--waiting")) == 0
	})
	all := s.deliveries(t)
	if res := s.do("", "events", "redeliver", fmt.Sprint(all[len(all)-1].Seq)); res.code != 0 || res.err != "" {
		t.Errorf("while a register is open: %+v", res)
	}
	patiently(t, "the open register posts it again", time.Minute, func() bool { return len(s.deliveries(t, "--waiting")) == 0 })
	s.leave(pane)

	// A script's last change is posted before it ends.
	f = s.sale("0.03ETH")
	f.see("AWAITING")
	f.interrupt()
	f.exit(exitCancelled)
	if waiting := s.deliveries(t, "--waiting"); len(waiting) != 0 {
		t.Errorf("the script left %+v", waiting)
	}

	events := make(map[string]map[string]any)
	for line := range strings.Lines(s.do("", "events", "--json").out) {
		var e map[string]any
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.UseNumber()
		if err := decoder.Decode(&e); err != nil {
			t.Fatal(err)
		}
		events[fmt.Sprint(e["seq"])] = e
	}
	last := make(map[string]string)
	ids := make(map[string]bool)
	for i, p := range server.got() {
		sale, seq := fmt.Sprint(p.body["id"]), fmt.Sprint(p.body["seq"])
		if p.id != sale+"-"+seq {
			t.Errorf("post %d has the id %s: %v", i, p.id, p.body)
		}
		if number(seq) < number(last[sale]) {
			t.Errorf("change %s of sale %s came after %s", seq, sale, last[sale])
		}
		last[sale] = seq
		if want := map[bool]string{true: "/sale", false: "/shop"}[fmt.Sprint(p.body["number"]) == "2"]; p.path != want {
			t.Errorf("change %s went to %s", seq, p.path)
		}
		if !p.taken {
			continue
		}
		ids[p.id] = true
		event := events[seq]
		for key, value := range event {
			if key != "payments" && fmt.Sprint(p.body[key]) != fmt.Sprint(value) {
				t.Errorf("change %s was posted with %s %v and is listed with %v", seq, key, p.body[key], value)
			}
		}
	}
	if len(ids) != len(events) || len(events) < 8 {
		t.Errorf("%d of %d changes arrived", len(ids), len(events))
	}
}

func number(text string) (n int) {
	_, _ = fmt.Sscan(text, &n)
	return n
}

// deliveries are what `till events deliveries` lists.
func (s *shopUnderTest) deliveries(t *testing.T, args ...string) (list []deliveryJSON) {
	t.Helper()
	res := s.do("", append([]string{"events", "deliveries", "--json"}, args...)...)
	if res.code != 0 {
		t.Fatalf("%+v", res)
	}
	for line := range strings.Lines(res.out) {
		var d deliveryJSON
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		list = append(list, d)
	}
	return list
}
