package tui

import (
	"bytes"
	"testing"
	"time"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/tuitest"
)

// A busy half hour: items on keys, a kiosk that is touched, and a display that
// shows the customer what the cashier rings up.
func TestAKioskIsTouchedInATerminal(t *testing.T) {
	m, shop, clock := live(func(c *Config) { c.Role, c.Actor = Kiosk, pos.Actor{Terminal: "kiosk"} })
	kiosk := tuitest.New(t, m, 80, 24)
	kiosk.See("Café Linde", "type the amount").Type("450").See("7,211 sat").Click("Bitcoin").See("Please scan and pay.", "€4.50")
	if got := kiosk.QR(); got != "bitcoin:"+btcAddress+"?amount=0.00007211" {
		t.Fatalf("the phone reads %q", got)
	}
	kiosk.Press("ctrl+c", "ctrl+c", "f2", "f3", "f10", "w", "?").See("Please scan and pay.")
	shop.change(t, 231, seen)
	kiosk.See("Seen, thank you", "Your number 0231")
	shop.change(t, 231, paid)
	kiosk.See("Paid. Thank you.")
	for range 10 { // a tick each second, as long as it thanks
		clock.move(time.Second)
		time.Sleep(20 * time.Millisecond)
	}
	kiosk.See("type the amount")
}

func TestACashierAndADisplay(t *testing.T) {
	floor := newFloor()
	m, shop, _ := live(func(c *Config) { c.Floor = floor; bakery(c, nil) })
	till := tuitest.New(t, m, 80, 24)
	look := New(Config{Register: shop, Clock: shop.clock, Role: Display, Follow: "till 1", Floor: floor, Locale: m.f.Locale})
	display := tuitest.New(t, look, 80, 24)
	display.See("C A F É   L I N D E")
	till.See("F5 Coffee").Press("f5", "f5", "f6").See("2 × 4.50  Coffee").Click("Bitcoin").See("AWAITING", "€12.80")
	display.See("€12.80", "Please scan and pay.")
	if got, want := display.QR(), till.QR(); got != want {
		t.Fatalf("the customer scans %q, the till asks for %q", got, want)
	}
	shop.change(t, 231, seen)
	display.See("Seen, thank you")
	till.Press("f2").See("Sales", "0231").Press("ctrl+c").See("again")
	display.See("Seen, thank you").Press("f2", "enter", "esc", "q").See("Seen, thank you")
	till.Press("esc", "n").See("F5 Coffee")
	display.See("C A F É   L I N D E").Gone("€12.80")
	if bytes.Contains(display.Bytes(), []byte("till 1")) || bytes.Contains(display.Bytes(), []byte("0231")) {
		t.Error("the display shows what is the shop's")
	}
}
