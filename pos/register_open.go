package pos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos/money"
)

// What a draft may hold, so that no script and no paste makes a sale that a
// screen, a log or an export cannot carry.
const (
	maxReference = 128
	maxNote      = 500
	maxMetadata  = 16 << 10
	maxLines     = 500
	maxExpires   = 7 * 24 * time.Hour
	minExpires   = time.Minute
	maxConfs     = 1000
)

// ErrDraft says that a draft cannot be rung up; it is wrapped with what is wrong.
var ErrDraft = errors.New("this cannot be rung up")

// quoteDigits is how many decimals a quote has in an asset with more than eight
// of them: nobody types 18. The rest is rounded up, so that the shop never gets
// less than its price; a millionth of an ether is less than a cent.
const quoteDigits = 6

// Choices says what a draft costs in every asset, in the shop's order, and
// which of them cannot be chosen now. It answers at once, from memory.
func (r *Register) Choices(d Draft) []Choice {
	r.mu.Lock()
	defer r.mu.Unlock()
	choices := make([]Choice, 0, len(r.cfg.Shop.Assets))
	for _, a := range r.cfg.Shop.Assets {
		rail := r.railOf[a.ID]
		if rail == nil {
			choices = append(choices, Choice{Asset: a, Refusal: ErrNoAsset})
			continue
		}
		c := Choice{Asset: a, Rail: rail.ID(), Health: r.health[rail.ID()]}
		q, err := r.quote(d.Price, a, d.Expires, r.now())
		c.Due, c.Rate, c.Refusal = q.Due, q.Rate, err
		switch {
		case err != nil:
		case len(r.changed) > 0:
			c.Refusal = ErrKeysChanged
		case !c.Health.Usable():
			c.Refusal = ErrConnecting
		}
		choices = append(choices, c)
	}
	return choices
}

// quote computes what p is in an asset, without an address yet. The caller
// holds mu.
func (r *Register) quote(p Price, a chain.Asset, length time.Duration, now time.Time) (Quote, error) {
	if length == 0 {
		length = r.cfg.Policy.Expires
	}
	rail := r.railOf[a.ID].ID()
	q := Quote{Asset: a.ID, Rail: rail, At: now, Deadline: now.Add(length), Decimals: a.Decimals, Since: r.tips[rail].Block.Height}
	var own money.Currency
	if len(r.cfg.Shop.Currencies) > 0 {
		own = r.cfg.Shop.Currencies[0]
	}
	q.Currency = own
	if p.Kind == PriceFiat {
		q.Currency = p.Fiat.Currency
	}
	rate, err := r.cfg.Rates.Rate(a, q.Currency)
	q.Rate = rate
	switch p.Kind {
	case PriceOpen:
		return q, nil // a rate is a record here, and may be missing
	case PriceAsset:
		if p.Asset != a.ID {
			return q, fmt.Errorf("%w: the price is in another coin", ErrNoAsset)
		}
		q.Due = p.Amount
		if err == nil {
			if value, err := money.Worth(q.Due, rate.Rate, a.Decimals, own); err == nil {
				q.Value = value
			}
		}
	case PriceFiat:
		if err != nil {
			return q, err
		}
		if rate.State == RateStale {
			return q, ErrStaleRate
		}
		due, err := money.Due(p.Fiat, rate.Rate, a.Decimals)
		if err != nil {
			return q, err
		}
		if a.Decimals > 8 {
			due = money.Ceil(due, a.Decimals, quoteDigits)
		}
		q.Due = due
		if p.Fiat.Currency == own {
			q.Value = p.Fiat
		} else if ownRate, err := r.cfg.Rates.Rate(a, own); err == nil {
			if value, err := money.Worth(q.Due, ownRate.Rate, a.Decimals, own); err == nil {
				q.Value = value
			}
		}
	default:
		return q, fmt.Errorf("%w: it has no price", ErrDraft)
	}
	if q.Due.IsZero() {
		return q, fmt.Errorf("%w: the price is zero", ErrDraft)
	}
	if q.Due.Cmp(a.Dust) < 0 {
		return q, ErrTooSmall
	}
	return q, nil
}

// check refuses drafts that cannot be kept.
func (r *Register) check(d Draft) error {
	no := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrDraft, fmt.Sprintf(format, args...))
	}
	switch {
	case d.ID != "" && !isUUIDv4(d.ID):
		return no("its id is not a version 4 UUID")
	case d.Kind == PriceFiat && d.Fiat.Minor <= 0:
		return no("the price is zero")
	case d.Kind == PriceFiat && !slices.Contains(r.cfg.Shop.Currencies, d.Fiat.Currency):
		return no("this shop does not price in %s", CleanText(string(d.Fiat.Currency), 8))
	case d.Kind == PriceAsset && d.Amount.IsZero():
		return no("the price is zero")
	case len(d.Lines) > maxLines:
		return no("more than %d lines", maxLines)
	case len(d.Metadata) > maxMetadata:
		return no("its metadata is longer than %d bytes", maxMetadata)
	case len(d.Metadata) > 0 && !json.Valid(d.Metadata):
		return no("its metadata is not JSON")
	case d.Expires != 0 && (d.Expires < minExpires || d.Expires > maxExpires):
		return no("it must expire after between 1 minute and 7 days")
	case d.Confirmations < 0 || d.Confirmations > maxConfs:
		return no("confirmations must be between 0 and %d", maxConfs)
	case len(d.Callback) > 2048 || CleanText(d.Callback, 2048) != d.Callback:
		return no("its callback is no URL of at most 2048 characters")
	}
	return nil
}

func isUUIDv4(s string) bool {
	id, err := uuid.Parse(s)
	return err == nil && id.Version() == 4 && id.String() == s
}

// Open rings up a draft in an asset: it allocates the number and the address,
// makes the sale durable, and returns once the address is watched, so that the
// View's QR may be drawn. Where watching takes longer than ctx allows, the sale
// exists, and its View without a QR comes with ErrConnecting.
// A draft whose ID was rung up before gives the sale that there is, as it is.
func (r *Register) Open(ctx context.Context, d Draft, asset chain.AssetID) (View, error) {
	if err := r.check(d); err != nil {
		return View{}, err
	}
	if d.ID != "" {
		if v, err := r.View(ctx, d.ID); err == nil || !errors.Is(err, ErrNoSale) {
			return v, err
		}
	}
	id, q, addr, err := r.ring(ctx, d, asset)
	if err != nil {
		return View{}, err
	}
	if q.To == "" {
		return r.View(ctx, id) // rung up twice at the same moment
	}
	return r.show(ctx, id, q, addr)
}

// ring stores a new sale and takes it into memory. It holds mu all the while: a
// payment must not come in between, nor another sale take the same address. The
// quote is empty where the sale exists already.
func (r *Register) ring(ctx context.Context, d Draft, asset chain.AssetID) (id string, q Quote, addr Address, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.life.Err() != nil {
		return "", Quote{}, addr, ErrClosed
	}
	if d.ID == "" {
		id, err := uuid.NewRandomFromReader(r.cfg.Random)
		if err != nil {
			return "", Quote{}, addr, fmt.Errorf("no random numbers: %w", err)
		}
		d.ID = id.String()
	}
	code, err := newCode(r.cfg.Random)
	if err != nil {
		return "", Quote{}, addr, err
	}
	a, known := r.assets[asset]
	if !known {
		return "", Quote{}, addr, ErrNoAsset
	}
	rail, now := r.railOf[asset], r.now()
	quoted, err := r.quote(d.Price, a, d.Expires, now)
	switch {
	case err != nil:
	case len(r.changed) > 0:
		err = ErrKeysChanged
	case !r.health[rail.ID()].Usable():
		err = ErrConnecting
	}
	if err != nil {
		return "", Quote{}, addr, err
	}
	s := Sale{
		ID: d.ID, Code: code, CreatedAt: now,
		Terminal: CleanText(d.By.Terminal, 64), Cashier: CleanText(d.By.Name, 64),
		Price: d.Price, Lines: cleanLines(d.Lines),
		Reference: CleanText(d.Reference, maxReference), Note: CleanText(d.Note, maxNote),
		Metadata: bytes.Clone(d.Metadata), Callback: d.Callback,
		Confirmations: d.Confirmations, Expires: quoted.Deadline.Sub(quoted.At),
	}
	there := false
	err = r.cfg.Store.Write(ctx, func(tx Tx) error {
		if _, err := tx.Sale(s.ID); err == nil {
			there = true
			return nil
		} else if !errors.Is(err, ErrNoSale) {
			return err
		}
		var err error
		if s.Number, err = tx.NextNumber(); err != nil {
			return err
		}
		if addr, err = r.allocate(tx, rail, now); err != nil {
			return err
		}
		quoted.To = addr.To
		s.Addresses, s.Quotes = []Address{addr}, []Quote{quoted}
		rung := s
		s.Outcome = Assess(s, nil, Env{Now: now, Policy: r.cfg.Policy, Tips: r.tips})
		return r.put(tx, s, "", now, body{EntrySale, rung})
	})
	if r.kept(err); err != nil {
		return "", Quote{}, addr, fmt.Errorf("the sale cannot be stored: %w", err)
	}
	r.lived(now)
	if there {
		return s.ID, Quote{}, addr, nil
	}
	e := &entry{rec: Record{Sale: s}}
	r.entries[s.ID] = e
	r.take(e, quoted)
	r.wakeSender()
	return s.ID, quoted, addr, nil
}

// body is what an entry of the journal holds.
type body struct {
	kind EntryKind
	what any
}

// put stores a sale with a new quote and writes into the journal what happened;
// the outbox is told.
func (r *Register) put(tx Tx, s Sale, was Status, now time.Time, happened ...body) error {
	if err := tx.PutSale(s); err != nil {
		return err
	}
	for _, b := range append(happened, body{EntryOutcome, s.Outcome}) {
		e, err := entryOf(b.kind, s.ID, now, b.what)
		if err != nil {
			return err
		}
		if _, err := tx.AppendJournal(e); err != nil {
			return err
		}
	}
	return r.announce(tx, Change{At: now, SaleID: s.ID, Number: s.Number, Was: was, Outcome: s.Outcome}, s.Callback)
}

func cleanLines(lines []Line) []Line {
	lines = slices.Clone(lines)
	for i := range lines {
		lines[i].Name = CleanText(lines[i].Name, maxReference)
	}
	return lines
}

// allocate takes the next address of a rail's account that is nobody's. The
// caller holds mu.
func (r *Register) allocate(tx Tx, rail chain.Rail, now time.Time) (Address, error) {
	account := rail.Account()
	for {
		index, err := tx.NextIndex(account, now)
		if err != nil {
			return Address{}, err
		}
		to, err := rail.Destination(index)
		if err != nil {
			return Address{}, err
		}
		if taken, err := r.taken(tx, to, account, now); err != nil {
			return Address{}, err
		} else if taken {
			continue
		}
		path := ""
		if account.Path != "" {
			path = fmt.Sprintf("%s/%d", account.Path, index)
		}
		return Address{Account: account.ID, Index: index, Path: path, To: to}, nil
	}
}

// taken tells whether an address cannot serve a new sale although its account
// has it to give: somebody paid it before it was shown, or another account holds
// the same address, as two lists may.
func (r *Register) taken(tx Tx, to chain.Destination, account chain.Account, now time.Time) (bool, error) {
	id, shown := r.byDest[to]
	if account.Cooldown == 0 || account.Gap > 0 && !shown {
		if shown {
			return true, nil
		}
		return tx.Paid(to)
	}
	if !shown {
		return false, nil
	}
	last, err := tx.Sale(id)
	if err != nil {
		return false, err
	}
	return !last.Sale.Outcome.Status.Closed() || now.Sub(last.Sale.ClosedAt) < account.Cooldown, nil
}

// show takes a stored sale's new quote to people: it waits until its address is
// watched and tells everybody.
func (r *Register) show(ctx context.Context, id string, q Quote, addr Address) (View, error) {
	watched := r.watch(id, q, addr.Account)
	r.spawn(func() { r.watchAhead(addr.Account, addr.Index) })
	var err error
	select {
	case <-watched:
	case <-ctx.Done():
		err = fmt.Errorf("%w: %w", ErrConnecting, ctx.Err())
	case <-r.life.Done():
		err = ErrClosed
	}
	v, viewErr := r.View(context.WithoutCancel(ctx), id)
	return v, errors.Join(err, viewErr)
}

// crockford is the alphabet of codes that are said aloud: no I, L, O, U.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func newCode(random io.Reader) (string, error) {
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("no random numbers: %w", err)
	}
	var code strings.Builder
	for _, c := range b {
		code.WriteByte(crockford[c%32])
	}
	return code.String(), nil
}
