package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/cointill/till/chain"
	"github.com/cointill/till/pos"
)

// office is where a command's requests are answered: by the till that holds the
// data folder, or, where nobody does, by a register that is opened for the
// command alone.
type office interface {
	ask(ctx context.Context, q request) (answer, error)
	close() error
}

// openOffice finds the till that holds the folder, or opens the folder with a
// register that does nothing but read and write its store.
func openOffice(ctx context.Context, at places) (office, error) {
	_, err := askHolder(ctx, at.data, request{Do: askHello})
	if err == nil {
		return remoteOffice{at.data}, nil
	}
	if !errors.Is(err, errNoHolder) {
		return nil, err
	}
	s, err := at.load()
	if err != nil {
		return nil, err
	}
	log, done := logOrNothing(s.data)
	own, err := s.still(ctx, log)
	if err != nil {
		done()
		if errors.Is(err, pos.ErrLocked) {
			err = fmt.Errorf("%w; it answers no commands, so close it first", err)
		}
		return nil, err
	}
	return &ownOffice{session: own, done: done}, nil
}

// still opens the register of a configuration without starting anything.
func (s *settings) still(ctx context.Context, log *slog.Logger) (*session, error) {
	p, err := s.parts(ctx, log)
	if err != nil {
		return nil, err
	}
	return p.still(ctx)
}

// remoteOffice is the till that holds a folder.
type remoteOffice struct{ data string }

func (d remoteOffice) ask(ctx context.Context, q request) (answer, error) {
	a, err := askHolder(ctx, d.data, q)
	if errors.Is(err, errNoHolder) {
		err = errors.New("the till that was open has been closed meanwhile; try again")
	}
	return a, err
}

func (remoteOffice) close() error { return nil }

// ownOffice is a register of the command's own.
type ownOffice struct {
	*session
	nets *nets // nil where no network is asked
	done func()
}

// connect makes the networks answer, and returns those that do not in time.
func (o *ownOffice) connect(ctx context.Context, most time.Duration) ([]chain.Rail, error) {
	var err error
	if o.nets, err = startNets(ctx, o.rails, o.store); err != nil {
		return nil, err
	}
	return o.nets.settle(ctx, most), nil
}

func (o *ownOffice) ask(ctx context.Context, q request) (answer, error) {
	return o.clerk().ask(ctx, q)
}

func (o *ownOffice) close() error {
	o.nets.close()
	err := o.session.close()
	o.done()
	return err
}

// control is what requests need of *pos.Register.
type control interface {
	Staff(ctx context.Context) ([]pos.Member, error)
	Identify(ctx context.Context, pin string) (pos.Member, error)
	Hire(ctx context.Context, by pos.Actor, m pos.Member, pin string) error
	Dismiss(ctx context.Context, by pos.Actor, name string) error
	Board() pos.Board
	Agree(ctx context.Context, by pos.Actor, pin string) error
	Lookup(ctx context.Context, text string) []pos.Sighting
	Redeliver(ctx context.Context, seq uint64) error
	Act(ctx context.Context, saleID string, d pos.Deed) (pos.View, error)
}

// clerk answers requests with a register.
type clerk struct {
	register control
	holder   holderJSON
	recheck  func() int // ends the screens whose key is gone, and counts them
}

// clerk answers for this session.
func (s *session) clerk() clerk {
	return clerk{s.Register, holderJSON{PID: os.Getpid(), Terminal: s.terminal, Shop: s.shop.Name, Since: s.since, Serves: s.serves}, s.recheck}
}

// ask answers a request. What comes from outside is checked here once, for the
// socket and for a command alike.
func (c clerk) ask(ctx context.Context, q request) (answer, error) {
	q.By = pos.Actor{Name: pos.CleanText(q.By.Name, 64), Terminal: pos.CleanText(q.By.Terminal, 64)}
	if len(q.PIN) > mostPIN || len(q.NewPIN) > mostPIN {
		return answer{}, pos.ErrPIN
	}
	switch q.Do {
	case askHello:
		h := c.holder
		return answer{Holder: &h}, nil
	case askStaff:
		staff, err := c.register.Staff(ctx)
		for i := range staff {
			staff[i].PIN = "" // never, whatever the register hands out
		}
		return answer{Staff: staff}, err
	case askHire:
		return c.hire(ctx, q)
	case askDismiss:
		return c.dismiss(ctx, q)
	case askRules:
		return answer{Changed: c.register.Board().Changed}, nil
	case askAgree:
		return answer{}, c.register.Agree(ctx, q.By, string(q.PIN))
	case askLookup:
		return c.lookup(ctx, q.Text)
	case askRedeliver:
		return answer{}, c.register.Redeliver(ctx, q.Seq)
	case askRecheck:
		return answer{Ended: c.recheck()}, nil
	case askAct:
		return c.act(ctx, q)
	}
	return answer{}, fmt.Errorf("this till does not know how to %q", pos.CleanText(q.Do, 40))
}

// approve wants the PIN of a supervisor, unless there is none yet, and puts the
// supervisor's name to the request.
func (c clerk) approve(ctx context.Context, q *request) error {
	staff, err := c.register.Staff(ctx)
	if err != nil || !hasSupervisor(staff) {
		return err
	}
	m, err := c.register.Identify(ctx, string(q.PIN))
	if err != nil {
		return err
	}
	if m.Role != pos.Supervisor {
		return fmt.Errorf("%w: it is %s's, who is a cashier", pos.ErrPIN, pos.CleanText(m.Name, 64))
	}
	q.By.Name = m.Name
	return nil
}

func hasSupervisor(staff []pos.Member) bool {
	for _, m := range staff {
		if m.Role == pos.Supervisor {
			return true
		}
	}
	return false
}

func (c clerk) hire(ctx context.Context, q request) (answer, error) {
	name, err := staffName(q.Name)
	if err != nil {
		return answer{}, err
	}
	if err := c.approve(ctx, &q); err != nil {
		return answer{}, err
	}
	return answer{}, c.register.Hire(ctx, q.By, pos.Member{Name: name, Role: q.Role}, string(q.NewPIN))
}

func (c clerk) dismiss(ctx context.Context, q request) (answer, error) {
	name, err := staffName(q.Name)
	if err != nil {
		return answer{}, err
	}
	if err := c.approve(ctx, &q); err != nil {
		return answer{}, err
	}
	return answer{}, c.register.Dismiss(ctx, q.By, name)
}

// mostLooked is how long a text may be that is looked for, and mostFound how
// many payments are told of at one address.
const (
	mostLooked = 4096
	mostFound  = 100
)

func (c clerk) lookup(ctx context.Context, text string) (answer, error) {
	if text == "" || len(text) > mostLooked {
		return answer{}, errors.New("say a transaction or an address")
	}
	var a answer
	for _, s := range c.register.Lookup(ctx, text) {
		j := sightingJSON{Rail: s.Rail, Asset: s.Asset, Found: s.Found}
		j.Found.Payments = j.Found.Payments[:min(len(j.Found.Payments), mostFound)]
		if s.Err != nil {
			j.Error = newSockError(s.Err)
		}
		a.Sightings = append(a.Sightings, j)
	}
	return a, nil
}

func (c clerk) act(ctx context.Context, q request) (answer, error) {
	if q.Deed == nil || q.Sale == "" || len(q.Sale) > 64 || len(q.Deed.To) > mostLooked {
		return answer{}, errors.New("say what is to be done with which sale")
	}
	d := q.Deed
	v, err := c.register.Act(ctx, q.Sale, pos.Deed{
		Kind: d.Kind, By: q.By, PIN: string(q.PIN), Why: pos.CleanText(d.Why, 200),
		Asset: d.Asset, Cash: d.Cash, Basis: d.Basis, Fiat: d.Fiat, To: d.To,
	})
	if err != nil {
		return answer{}, err
	}
	return answer{Record: &v.Record}, nil
}

// listen lets commands speak to this session. A till that cannot be spoken to
// still sells.
func (s *session) listen(data string) {
	server, err := listenSock(data, s.clerk(), s.log)
	if err != nil {
		s.log.Error("commands cannot be answered", "err", err)
		return
	}
	s.sock = server
}

// recheck ends the screens whose key was removed.
func (s *session) recheck() int {
	if server := s.kiosk.Load(); server != nil {
		return server.Recheck()
	}
	return 0
}
