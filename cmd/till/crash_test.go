package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	mrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/chain/devnet"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/pos/store"
)

// runAsCrash makes this binary a shop without a screen that rings up sales until
// it is killed: see crashChild.
const runAsCrash = "E2E_RUN_AS_CRASH"

// crashRounds is how often the shop is killed, TILL_CRASHES where it is set.
func crashRounds() int {
	if n, err := strconv.Atoi(os.Getenv("TILL_CRASHES")); err == nil && n > 0 {
		return n
	}
	if os.Getenv("TILL_FULL") != "" {
		return 12
	}
	return 4
}

// crashChild opens the shop of a configuration as every till does, rings up
// sales, cancels some, takes the rest of others in cash, and prints what was
// acknowledged, and only after it was.
func crashChild(config, data string) error {
	at := places{config: config, data: data}
	s, err := at.load()
	if err != nil {
		return err
	}
	log, file, err := openLog(s.data)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	shop, err := startShop(ctx, s, log)
	if err != nil {
		return err
	}
	// Nobody rings up any more once the parent says so; the shop goes on.
	ring, last := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		in := bufio.NewScanner(os.Stdin)
		for in.Scan() {
			if in.Text() == "last" {
				last()
			}
		}
	}()
	var out sync.Mutex
	say := func(words ...any) {
		out.Lock()
		defer out.Unlock()
		fmt.Println(words...)
	}
	shop.untilConnected(ctx, 30*time.Second)
	say("ready")
	var work, rings sync.WaitGroup
	assets := shop.Shop().Assets
	for n := range 2 {
		rings.Go(func() {
			for i := 0; ring.Err() == nil; i++ {
				crashSale(ctx, shop, assets[(n+i)%len(assets)].ID, i, say)
				time.Sleep(time.Duration(20+mrand.IntN(150)) * time.Millisecond)
			}
		})
	}
	work.Go(func() {
		rings.Wait()
		say("rung")
	})
	box := shop.Subscribe()
	work.Go(func() {
		for {
			u, err := box.Next(ctx)
			if err != nil {
				return
			}
			for _, v := range u.Changed {
				if v.Sale.Outcome.Status == pos.Partial && slices.Contains(v.Acts, pos.ActCash) && v.Sale.Number%2 == 0 {
					if v, err := shop.Act(ctx, v.Sale.ID, pos.Deed{Kind: pos.ActCash, By: pos.Actor{Name: "Ana"}}); err == nil {
						say("cash", v.Sale.ID)
					}
				}
				say("status", v.Sale.ID, strings.ReplaceAll(string(v.Sale.Outcome.Status), " ", "-"))
			}
		}
	})
	<-ended
	last()
	stop()
	work.Wait()
	return shop.close()
}

func crashSale(ctx context.Context, shop *session, asset chain.AssetID, i int, say func(...any)) {
	v, err := shop.Open(ctx, pos.Draft{Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(int64(100+i), "EUR")}, By: pos.Actor{Name: "Ana"}}, asset)
	if err != nil {
		return
	}
	say("sale", v.Sale.ID, v.Pay.Quote.Asset, v.Pay.Quote.To, v.Pay.Amount)
	if i%9 == 8 {
		if _, err := shop.Cancel(ctx, v.Sale.ID, pos.Actor{Name: "Ana"}); err == nil {
			say("cancel", v.Sale.ID)
		}
	}
}

// crashed is what the world outside knows of a sale.
type crashed struct {
	asset        chain.AssetID
	to           chain.Destination
	due          int64
	cancel, cash bool
	paid         bool // PAID was shown
	txs          map[chain.TxID]int64
}

// crashWorld is the world outside: the networks, the customers, and what the
// shop has acknowledged.
type crashWorld struct {
	t   *testing.T
	btc *devnet.Bitcoin
	eth *devnet.Ethereum

	mu    sync.Mutex
	sales map[string]*crashed
	work  sync.WaitGroup
}

// hear takes one line of the shop. A line that was cut off was not acknowledged.
func (w *crashWorld) hear(line string) {
	f := strings.Fields(line)
	w.mu.Lock()
	defer w.mu.Unlock()
	if f[0] == "sale" {
		due, err := strconv.ParseInt(f[4], 10, 64)
		if err != nil || w.sales[f[1]] != nil {
			w.t.Errorf("the shop says %q", line)
			return
		}
		s := &crashed{asset: chain.AssetID(f[2]), to: chain.Destination(f[3]), due: due, txs: map[chain.TxID]int64{}}
		w.sales[f[1]] = s
		w.work.Go(func() { w.pay(s) })
		return
	}
	s := w.sales[f[1]]
	switch {
	case s == nil: // killed between the commit and the line that acknowledges it
	case f[0] == "cancel":
		s.cancel = true
	case f[0] == "cash":
		s.cash = true
	case f[0] == "status" && (f[2] == "PAID" || f[2] == "OVERPAID"):
		s.paid = true
	}
}

// pay is a customer: most pay what is asked, some half, some twice, some not. It
// does not matter to them whether the shop is alive.
func (w *crashWorld) pay(s *crashed) {
	time.Sleep(time.Duration(mrand.IntN(600)) * time.Millisecond)
	parts := [][]int64{{1}, {1}, {1}, {2}, {1, 1}, {}}[mrand.IntN(6)] // 1 = all of it, 2 = half
	for _, part := range parts {
		n := s.due / part
		id, err := w.send(s, n)
		if err != nil {
			w.t.Errorf("a customer cannot pay: %v", err)
			return
		}
		w.mu.Lock()
		s.txs[id] = n
		w.mu.Unlock()
	}
}

func (w *crashWorld) send(s *crashed, units int64) (chain.TxID, error) {
	switch {
	case s.asset == chain.Bitcoin:
		return w.btc.Customer().PayAddress(string(s.to), units, devnet.BitcoinPayOptions{})
	case s.asset.Contract() != "":
		return w.eth.Customer().PayToken(w.t.Context(), s.to, big.NewInt(units))
	}
	return w.eth.Customer().PayNative(w.t.Context(), s.to, big.NewInt(units))
}

// TestCrash kills a shop at random moments while customers pay: what it had
// acknowledged is there, once, and so is every payment.
func TestCrash(t *testing.T) {
	w := &crashWorld{t: t, sales: map[string]*crashed{}}
	var err error
	if w.btc, err = devnet.StartBitcoin(t.Context(), devnet.BitcoinOptions{Rand: rand.Reader}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.btc.Close() }()
	ticks := time.NewTicker(700 * time.Millisecond)
	defer ticks.Stop()
	defer w.btc.AutoMine(ticks.C)()
	if w.eth, err = devnet.StartEthereum(t.Context(), devnet.EthereumOptions{Rand: rand.Reader, BlockEvery: time.Second}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.eth.Close() }()
	server := newReceiver(t, 204)
	bitcoinKey, evmKey := shopKeys(t)
	n := evmNet{id: w.eth.ChainID(), endpoint: w.eth.Endpoint(), token: w.eth.Token().ID.Contract()}
	shop := newTestShop(t, fmt.Sprintf(`name = "Café Linde"
currency = "EUR"
[bitcoin]
key = %q
script = "wpkh"
network = "regtest"
peers = [%q]
confirmations = [ { need = 2 } ]
`, bitcoinKey, w.btc.Peers()[0])+fmt.Sprintf(evmTable, n.id, evmKey, n.endpoint, n.token)+fmt.Sprintf(`[rates]
sources = ["fixed"]
fixed = { "bitcoin/btc" = "50000.00", "eip155:%d/native" = "2000.00", "eip155:%d/erc20:%s" = "1.00" }
[callback]
url = %q
secret = %q
allow = ["127.0.0.0/8"]
`, n.id, n.id, n.token, server.URL, testHookSecret))
	server.answers(204, testHookSecret)

	for round := range crashRounds() {
		w.run(shop, round, false)
	}
	w.run(shop, -1, true)
	w.work.Wait()
	w.verify(shop, server)
}

// run starts the shop and kills it, or lets it come to its end.
func (w *crashWorld) run(shop *shopUnderTest, round int, end bool) {
	cmd := exec.Command(os.Args[0], shop.config, shop.data)
	cmd.Env = append(append(os.Environ(), shop.env...), runAsCrash+"=1", runAsTill+"=")
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		w.t.Fatal(err)
	}
	kill := sync.OnceFunc(func() { _ = cmd.Process.Kill() })
	defer kill()
	if !end && mrand.IntN(8) == 0 {
		time.AfterFunc(time.Duration(mrand.IntN(400))*time.Millisecond, kill) // at its start
	}
	lines := bufio.NewReader(stdout)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			w.t.Fatal(err)
		}
		switch line = strings.TrimSpace(line); {
		case line == "ready" && end:
			fmt.Fprintln(stdin, "last")
		case line == "ready":
			time.AfterFunc(time.Duration(mrand.IntN(1200))*time.Millisecond, kill)
		case line == "rung":
			go func() { // no sale comes any more
				w.settle(shop)
				_ = stdin.Close()
			}()
		default:
			w.hear(line)
		}
	}
	err := cmd.Wait()
	if end && err != nil || stderr.Len() > 0 {
		w.t.Fatalf("round %d: the shop ended with %v: %s", round, err, stderr.String())
	}
}

// settle waits until everything that was paid is in the books, and nothing is
// left to be delivered.
func (w *crashWorld) settle(shop *shopUnderTest) {
	w.work.Wait()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		if wrong := w.compare(shop.data); wrong == nil {
			return
		} else if time.Until(deadline) < time.Second {
			w.t.Error(wrong)
		}
	}
}

// compare holds the books to what the customers know.
func (w *crashWorld) compare(data string) error {
	ctx := context.Background()
	books, err := store.OpenReadOnly(ctx, data)
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()
	waiting, err := books.Deliveries(ctx, pos.DeliveryQuery{State: pos.DeliveryWaiting, Limit: 1})
	if err != nil {
		return err
	}
	if len(waiting) > 0 {
		return fmt.Errorf("change %d was not delivered: %s", waiting[0].Seq, waiting[0].Error)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, s := range w.sales {
		rec, err := books.Sale(ctx, id)
		if err != nil {
			return fmt.Errorf("sale %s was acknowledged and is lost: %w", id, err)
		}
		if err := s.compare(rec); err != nil {
			return fmt.Errorf("sale %d: %w", rec.Sale.Number, err)
		}
	}
	return nil
}

func (s *crashed) compare(rec pos.Record) error {
	o := rec.Sale.Outcome
	if q := rec.Sale.Quotes[0]; q.To != s.to || q.Due.String() != strconv.FormatInt(s.due, 10) {
		return fmt.Errorf("it asks for %s to %s, and said %d to %s", q.Due, q.To, s.due, s.to)
	}
	acts := map[pos.ActKind]int{}
	for _, a := range rec.Sale.Acts {
		acts[a.Kind]++
	}
	if acts[pos.ActCancel] > 1 || acts[pos.ActCash] > 1 || s.cancel && acts[pos.ActCancel] == 0 || s.cash && acts[pos.ActCash] == 0 {
		return fmt.Errorf("of its acts %v are left", rec.Sale.Acts)
	}
	sum := int64(0)
	for id, n := range s.txs {
		sum += n
		have := slices.DeleteFunc(slices.Clone(rec.Payments), func(p pos.Payment) bool { return p.Key.TxID != id })
		if len(have) != 1 || have[0].Amount.String() != strconv.FormatInt(n, 10) || have[0].State != pos.Included {
			return fmt.Errorf("the payment %s of %d is %+v", id, n, have)
		}
	}
	if len(rec.Payments) != len(s.txs) {
		return fmt.Errorf("%d payments, and the customer made %d", len(rec.Payments), len(s.txs))
	}
	cancelled, cash := acts[pos.ActCancel] > 0, acts[pos.ActCash] > 0
	over := !o.At.Before(rec.Sale.Quotes[0].Deadline) // the price may run out in a long run
	want := pos.Paid
	switch {
	case sum == 0 && cancelled:
		want = pos.Cancelled
	case sum == 0 && over:
		want = pos.Expired
	case sum == 0:
		want = pos.Awaiting
	case cancelled:
		want = pos.Late
	case sum > s.due:
		want = pos.Overpaid
	case sum < s.due && cash:
		want = pos.Accepted
	case sum < s.due && over:
		want = pos.Underpaid
	case sum < s.due:
		want = pos.Partial
	}
	if o.Status != want || s.paid && want != pos.Paid && want != pos.Overpaid {
		return fmt.Errorf("it is %s, want %s: %d of %d came, cash %t, PAID was shown %t", o.Status, want, sum, s.due, cash, s.paid)
	}
	return nil
}

// verify looks through the books once the shop is closed.
func (w *crashWorld) verify(shop *shopUnderTest, server *receiver) {
	t, ctx := w.t, context.Background()
	books, err := store.Open(ctx, shop.data, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = books.Close() }()
	if err := errors.Join(books.Check(ctx), w.compare(shop.data)); err != nil {
		t.Error(err)
	}
	var chained pos.Chain
	replay := pos.NewReplay()
	for {
		page, err := books.Journal(ctx, chained.Seq, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			if err := errors.Join(chained.Add(e), replay.Add(e)); err != nil {
				t.Fatal(err)
			}
		}
		if len(page) == 0 {
			break
		}
	}
	recs, err := books.Sales(ctx, pos.Query{Limit: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	index := map[string]uint64{}
	for _, rec := range recs {
		if got, _ := replay.Record(rec.Sale.ID); asText(t, got) != asText(t, rec) {
			t.Errorf("sale %d is not what the journal makes of it", rec.Sale.Number)
		}
		for _, a := range rec.Sale.Addresses {
			place := fmt.Sprintf("%s/%d", a.Account, a.Index)
			if other := index[place]; other != 0 {
				t.Errorf("index %s has the sales %d and %d", place, other, rec.Sale.Number)
			}
			index[place] = rec.Sale.Number
		}
	}
	changes, err := books.Outbox(ctx, 0, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	arrived, last := map[string]bool{}, map[string]int{}
	for _, p := range server.got() {
		sale, seq := fmt.Sprint(p.body["id"]), fmt.Sprint(p.body["seq"])
		arrived[seq] = true
		if number(seq) < last[sale] {
			t.Errorf("change %s of sale %s came after %d", seq, sale, last[sale])
		}
		last[sale] = number(seq)
	}
	for _, c := range changes {
		if !arrived[fmt.Sprint(c.Seq)] {
			t.Errorf("change %d never arrived", c.Seq)
		}
	}
	paid := 0
	for _, s := range w.sales {
		paid += len(s.txs)
	}
	t.Logf("%d times killed: %d sales (%d acknowledged), %d payments, %d entries in the journal, %d changes delivered in %d posts",
		crashRounds(), len(recs), len(w.sales), paid, chained.Seq, len(changes), len(server.got()))
	if left, err := filepath.Glob(filepath.Join(shop.data, "*.new*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func asText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
