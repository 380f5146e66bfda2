package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/cointill/till/pos"
)

// mostPerSync bounds how long the first of a group waits for the others.
const mostPerSync = 256

// job is one call of Write. The transaction comes to the caller's goroutine, so
// that a panic and a Goexit in a closure stay the caller's own.
type job struct {
	turn chan *sqlTx     // the writer's transaction, when it is this call's turn
	left <-chan struct{} // the caller's context ended
	ran  chan error      // what the closure returned
	done chan error      // what became of it
}

var errAborted = errors.New("the transaction was abandoned")

// Write runs fn in a transaction, see [pos.Store]. Calls that wait for the disk
// at the same time share one sync.
func (s *SQLite) Write(ctx context.Context, fn func(pos.Tx) error) error {
	if s.readOnly {
		return fmt.Errorf("%w: %s was opened for looking only", ErrReadOnly, s.path)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	j := job{turn: make(chan *sqlTx), left: ctx.Done(), ran: make(chan error, 1), done: make(chan error, 1)}
	select {
	case <-s.closing:
		return pos.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	case s.jobs <- j:
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-j.done: // it could not even begin
		return err
	case tx := <-j.turn:
		j.run(tx, fn)
		return <-j.done
	}
}

func (j job) run(tx *sqlTx, fn func(pos.Tx) error) {
	err := errAborted // stands after a panic or a Goexit
	defer func() { j.ran <- err }()
	err = fn(tx)
}

// write is the writer: it takes jobs as they come and commits when none waits.
func (s *SQLite) write() {
	defer close(s.stopped)
	for {
		select {
		case <-s.closing:
			return
		case j := <-s.jobs:
			s.group(j)
		}
	}
}

// group runs a job, and those that came meanwhile, in one transaction.
func (s *SQLite) group(j job) {
	if err := s.writer.exec("BEGIN IMMEDIATE"); err != nil {
		j.done <- err
		return
	}
	var good []job
	for more := true; more; {
		ok, err := s.runOne(j, len(good) > 0)
		if err != nil { // all is lost, not only this one
			s.abandon(append(good, j), err)
			return
		}
		if ok {
			good = append(good, j)
		}
		if more = len(good) < mostPerSync; more {
			j, more = s.waiting(len(good))
		}
	}
	if len(good) == 0 {
		_ = s.writer.exec("ROLLBACK")
		return
	}
	if err := s.writer.exec("COMMIT"); err != nil {
		s.abandon(good, err)
		return
	}
	s.commits.Add(1)
	for _, j := range good {
		j.done <- nil
	}
}

// waiting takes a job that waits already. Where there is company it lets others
// that were just answered come forward first; one alone is not kept waiting.
func (s *SQLite) waiting(company int) (job, bool) {
	for range 2 {
		select {
		case j := <-s.jobs:
			return j, true
		default:
			if company < 2 {
				return job{}, false
			}
			runtime.Gosched()
		}
	}
	return job{}, false
}

func (s *SQLite) abandon(jobs []job, err error) {
	_ = s.writer.exec("ROLLBACK") // fails where SQLite did it already
	for _, j := range jobs {
		j.done <- err
	}
}

// runOne gives the transaction to one caller. ok is false when nothing of it
// remains; err is set when nothing of the whole group does. Only the first of a
// group needs no savepoint: there is nothing else to keep.
func (s *SQLite) runOne(j job, company bool) (ok bool, err error) {
	if company {
		if err := s.writer.exec("SAVEPOINT one"); err != nil {
			return false, err
		}
	}
	tx := &sqlTx{s: s.writer}
	select {
	case <-j.left:
		return false, s.undo(company)
	case j.turn <- tx:
	}
	err = <-j.ran
	if err == nil {
		err = tx.settle()
	}
	tx.over.Store(true)
	if err == nil && company {
		err = s.writer.exec("RELEASE one")
	}
	if err == nil {
		return true, nil
	}
	if lost := s.undo(company); lost != nil {
		return false, errors.Join(err, lost)
	}
	j.done <- err
	return false, nil
}

// undo takes back what one job did, and leaves a transaction for the next.
func (s *SQLite) undo(company bool) error {
	if company {
		return errors.Join(s.writer.exec("ROLLBACK TO one"), s.writer.exec("RELEASE one"))
	}
	_ = s.writer.exec("ROLLBACK") // fails where SQLite did it already
	return s.writer.exec("BEGIN IMMEDIATE")
}
