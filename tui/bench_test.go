package tui

import (
	"fmt"
	"slices"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/money"
)

// BenchmarkKeyToFrame is from a key to the frame that shows it, at 200x60 with
// 1,000 sales open, while news of one of them comes before every key. The budget
// is 5 ms at the median; the news' own share is reported beside it.
func BenchmarkKeyToFrame(b *testing.B) {
	for _, on := range []struct {
		name string
		keys []string // pressed before
		key  []string // pressed in turn
	}{
		{"amount", nil, []string{"4", "backspace"}},
		{"pay", []string{"4", "5", "0", "b"}, []string{"v"}},
		{"sales", []string{"f2"}, []string{"down", "up"}},
	} {
		b.Run(on.name, func(b *testing.B) {
			s := newStand(b, 200, 60)
			var views []pos.View
			for i := range 1000 {
				v, err := s.shop.Open(b.Context(), pos.Draft{ID: fmt.Sprint("open", i), Price: pos.Price{Kind: pos.PriceFiat, Fiat: money.Of(int64(100+i), "EUR")}, By: pos.Actor{Terminal: "till 2"}}, btc.ID)
				if err != nil {
					b.Fatal(err)
				}
				seen(&v)
				views = append(views, v)
			}
			board := s.shop.Board()
			s.send(heard{update: pos.Update{Changed: views, Board: board}})
			if len(s.m.open) != 1000 {
				b.Fatalf("%d sales are open", len(s.m.open))
			}
			s.press(on.keys...)
			var news time.Duration
			times := make([]time.Duration, 0, 1024)
			n := 0
			for b.Loop() {
				v := views[n%len(views)]
				v.Sale.Outcome.At = v.Sale.Outcome.At.Add(time.Duration(n) * time.Second)
				confirming(n%3, 3)(&v)
				at := time.Now()
				s.m.Update(heard{update: pos.Update{Changed: []pos.View{v}, Board: board}})
				_ = s.m.View()
				half := time.Now()
				s.m.Update(tea.Msg(keyMsg(on.key[n%len(on.key)])))
				_ = s.m.View()
				done := time.Now()
				news += half.Sub(at)
				times = append(times, done.Sub(half))
				n++
			}
			b.ReportMetric(float64(median(times).Microseconds()), "p50-us/key")
			b.ReportMetric(float64(news.Microseconds())/float64(n), "us/news")
		})
	}
}

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	if len(list) == 0 {
		return 0
	}
	return list[len(list)/2]
}
