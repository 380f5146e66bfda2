package rate

import (
	"fmt"
	"slices"
	"time"

	"github.com/cointill/till/pos/money"
)

// sourced is a source's newest quote of a pair.
type sourced struct {
	source string
	price  money.Rate
	at     time.Time // when the price was true, by our clock
	spread int64     // between bid and ask, in millionths of the price
}

// agreed is a price that enough sources stand for.
type agreed struct {
	price   money.Rate
	at      time.Time // of the oldest quote that went into it
	sources []string  // in the order given
}

// rules are the shop's demands on a price.
type rules struct {
	maxAge    time.Duration
	deviation int64 // thousandths of the median
	quorum    int
}

// shortfall says why there is no price.
type shortfall struct {
	fresh, agree, quorum int
}

func (s *shortfall) Error() string {
	switch {
	case s.fresh == 0:
		return "no exchange has a fresh price"
	case s.fresh < s.quorum:
		return fmt.Sprintf("%d of the %d exchanges that must agree have a fresh price", s.fresh, s.quorum)
	default:
		return fmt.Sprintf("the exchanges disagree: of %d prices %d are near the middle, and %d must be", s.fresh, s.agree, s.quorum)
	}
}

// combine makes one price of quotes. Quotes of this round are preferred: older
// ones, up to the age limit, count only where the new ones are too few. So a
// source that died does not drag the age of all the others.
func combine(quotes []sourced, now time.Time, r rules) (agreed, error) {
	if got, err := middle(quotes, now, r, r.maxAge/2); err == nil {
		return got, nil
	}
	return middle(quotes, now, r, r.maxAge)
}

func middle(quotes []sourced, now time.Time, r rules, maxAge time.Duration) (agreed, error) {
	fresh := make([]sourced, 0, len(quotes))
	for _, q := range quotes {
		if age := now.Sub(q.at); age <= maxAge && age >= -r.maxAge {
			fresh = append(fresh, q)
		}
	}
	if len(fresh) == 0 || len(fresh) < r.quorum {
		return agreed{}, &shortfall{fresh: len(fresh), quorum: r.quorum}
	}
	mid, err := median(fresh)
	if err != nil {
		return agreed{}, err
	}
	near := slices.DeleteFunc(slices.Clone(fresh), func(q sourced) bool {
		return !near(q.price, mid, mid, r.deviation)
	})
	if len(near) == 0 || len(near) < r.quorum {
		return agreed{}, &shortfall{fresh: len(fresh), agree: len(near), quorum: r.quorum}
	}
	if mid, err = median(near); err != nil {
		return agreed{}, err
	}
	got := agreed{price: mid, at: near[0].at}
	for _, q := range near {
		if q.at.Before(got.at) {
			got.at = q.at
		}
		got.sources = append(got.sources, q.source)
	}
	return got, nil
}

// median is the middle price; of an even number, the exact middle of the two
// in the middle.
func median(quotes []sourced) (money.Rate, error) {
	prices := make([]money.Rate, len(quotes))
	for i, q := range quotes {
		prices[i] = q.price
	}
	slices.SortFunc(prices, money.Rate.Cmp)
	half := len(prices) / 2
	if len(prices)%2 == 1 {
		return prices[half], nil
	}
	return prices[half-1].Mid(prices[half])
}
