package pos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Names of small values in the store.
const (
	staffMeta = "staff" // []Member
	pinMeta   = "pin"   // pinTries
)

const (
	// mostTries is the wrong PIN that locks, and each after it twice as long as the
	// one before.
	mostTries = 5
	firstLock = 30 * time.Second
	mostLock  = time.Hour
	// forgiveAfter is how long it takes until a wrong one no longer counts.
	forgiveAfter = 15 * time.Minute

	maxStaff = 100
)

// What a PIN must be. It tells who somebody is, so no two are the same.
const (
	minPIN           = 4
	minSupervisorPIN = 6
	maxPIN           = 12
)

// Errors of staff, wrapped with what they concern.
var (
	ErrWeakPIN  = errors.New("a PIN is 4 to 12 digits, a supervisor's at least 6")
	ErrPINTaken = errors.New("somebody else has this PIN")
	ErrStaff    = errors.New("the list of staff cannot be changed like that")
)

// pinTries is how many wrong PINs came, and until when none is taken. It is
// stored, so that a restart is no way around it. Only a supervisor's PIN and time
// take wrong ones back: whoever knows a cashier's must not guess in between.
type pinTries struct {
	Failed int       `json:"failed"`
	Last   time.Time `json:"last,omitzero"` // when the last wrong one came
	Until  time.Time `json:"until,omitzero"`
}

// forgiven takes back a wrong PIN for each quarter of an hour since the last one.
func (t pinTries) forgiven(now time.Time) pinTries {
	if since := now.Sub(t.Last); since > 0 && t.Failed > 0 {
		t.Failed = max(0, t.Failed-int(since/forgiveAfter))
	}
	return t
}

func (r *Register) staff(ctx context.Context) ([]Member, error) {
	text, err := r.cfg.Store.Meta(ctx, staffMeta)
	if err != nil || text == "" {
		return nil, err
	}
	var list []Member
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("the list of staff is unreadable: %w", ErrDamaged)
	}
	return list, nil
}

// Staff lists who works here, without their PINs.
func (r *Register) Staff(ctx context.Context) ([]Member, error) {
	list, err := r.staff(ctx)
	for i := range list {
		list[i].PIN = ""
	}
	return list, err
}

// Identify tells whose PIN it is. Wrong ones count: see LockedPINError.
func (r *Register) Identify(ctx context.Context, pin string) (Member, error) {
	return r.identify(ctx, pin, func(Member) bool { return true })
}

// approve tells which supervisor's PIN it is.
func (r *Register) approve(ctx context.Context, pin string) (Member, error) {
	return r.identify(ctx, pin, func(m Member) bool { return m.Role == Supervisor })
}

// identify compares a PIN with those of the members that count. All of them are
// compared, so that how long it takes tells nothing.
func (r *Register) identify(ctx context.Context, pin string, counts func(Member) bool) (Member, error) {
	r.pinMu.Lock()
	defer r.pinMu.Unlock()
	list, err := r.staff(ctx)
	if err != nil {
		return Member{}, err
	}
	list = slices.DeleteFunc(list, func(m Member) bool { return !counts(m) })
	if len(list) == 0 {
		return Member{}, ErrNoSupervisor
	}
	text, err := r.cfg.Store.Meta(ctx, pinMeta)
	if err != nil {
		return Member{}, err
	}
	var tries pinTries
	if text != "" {
		if err := json.Unmarshal([]byte(text), &tries); err != nil {
			return Member{}, fmt.Errorf("the count of wrong PINs is unreadable: %w", ErrDamaged)
		}
	}
	now := r.now()
	// A clock that was set back must not lock for days.
	if now.Before(tries.Until) && tries.Until.Sub(now) <= mostLock {
		return Member{}, &LockedPINError{tries.Until}
	}
	var found *Member
	for i := range list {
		if hashFits(list[i].PIN, pin) {
			found = &list[i]
		}
	}
	if found != nil {
		if found.Role == Supervisor && tries != (pinTries{}) {
			err = r.putTries(ctx, pinTries{}, nil)
		}
		found.PIN = ""
		return *found, err
	}
	tries = tries.forgiven(now)
	tries.Failed++
	tries.Last = now
	if tries.Failed < mostTries {
		if err := r.putTries(ctx, tries, nil); err != nil {
			return Member{}, err
		}
		return Member{}, &WrongPINError{Left: mostTries - tries.Failed}
	}
	lock := mostLock
	if n := tries.Failed - mostTries; n < 7 {
		lock = min(firstLock<<n, mostLock)
	}
	tries.Until = now.Add(lock)
	act := ShopAct{Kind: ShopLockout, Text: []string{fmt.Sprintf("%d wrong PINs, none is taken for %s", tries.Failed, lock)}}
	r.log.Warn("too many wrong PINs", "wrong", tries.Failed, "until", tries.Until)
	if err := r.putTries(ctx, tries, &act); err != nil {
		return Member{}, err
	}
	return Member{}, &LockedPINError{tries.Until}
}

// putTries stores the count of wrong PINs before anybody hears of the result: a
// kill in between is no free try.
func (r *Register) putTries(ctx context.Context, t pinTries, act *ShopAct) error {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return r.shopWrite(ctx, pinMeta, string(text), act)
}

// shopWrite stores a small value, with what is to be journaled of it.
func (r *Register) shopWrite(ctx context.Context, name, value string, act *ShopAct) error {
	now := r.now()
	err := r.cfg.Store.Write(ctx, func(tx Tx) error {
		if act != nil {
			e, err := entryOf(EntryShop, "", now, act)
			if err != nil {
				return err
			}
			if _, err := tx.AppendJournal(e); err != nil {
				return err
			}
		}
		return tx.PutMeta(name, value)
	})
	if err != nil {
		return fmt.Errorf("it cannot be stored: %w", err)
	}
	return nil
}

// Hire gives somebody a PIN, or another one than before. Who may do so is asked
// by the caller with Identify; the first supervisor needs nobody.
func (r *Register) Hire(ctx context.Context, by Actor, m Member, pin string) error {
	m.Name = CleanText(m.Name, 32)
	least := minPIN
	if m.Role == Supervisor {
		least = minSupervisorPIN
	}
	switch {
	case m.Name == "":
		return fmt.Errorf("%w: somebody needs a name", ErrStaff)
	case m.Role != Cashier && m.Role != Supervisor:
		return fmt.Errorf("%w: the role is cashier or supervisor", ErrStaff)
	case len(pin) < least || len(pin) > maxPIN || strings.Trim(pin, "0123456789") != "":
		return ErrWeakPIN
	}
	r.pinMu.Lock()
	defer r.pinMu.Unlock()
	list, err := r.staff(ctx)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(have Member) bool { return have.Name == m.Name })
	if len(list) >= maxStaff {
		return fmt.Errorf("%w: there are %d already", ErrStaff, maxStaff)
	}
	for _, have := range list {
		if hashFits(have.PIN, pin) {
			return ErrPINTaken
		}
	}
	if m.PIN, err = hashPIN(pin, r.cfg.Random); err != nil {
		return err
	}
	m.At = r.now()
	act := ShopAct{Kind: ShopHired, Actor: cleanActor(by), Text: []string{m.Name, string(m.Role)}}
	return r.putStaff(ctx, append(list, m), act)
}

// Dismiss takes somebody's PIN away.
func (r *Register) Dismiss(ctx context.Context, by Actor, name string) error {
	r.pinMu.Lock()
	defer r.pinMu.Unlock()
	list, err := r.staff(ctx)
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(list), func(m Member) bool { return m.Name == name })
	if len(left) == len(list) {
		return fmt.Errorf("%w: nobody is called %s", ErrStaff, CleanText(name, 32))
	}
	return r.putStaff(ctx, left, ShopAct{Kind: ShopFired, Actor: cleanActor(by), Text: []string{name}})
}

func (r *Register) putStaff(ctx context.Context, list []Member, act ShopAct) error {
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return r.shopWrite(ctx, staffMeta, string(text), &act)
}
