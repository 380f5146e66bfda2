package store

import (
	"context"
	"fmt"
	"time"

	"github.com/cointill/till/pos"
)

// step brings a file from one version to the next: first its SQL, then fill,
// nil where SQL does all of it.
type step struct {
	sql  string
	fill func(s *session, now time.Time) error
}

// migrations bring an empty file to the present schema, one step per version.
// The version is the file's user_version. A step that a shop may have run is
// never changed: a new schema is a new step.
var migrations = []step{{schema1, nil}, {schema2, (*session).fill2}}

// migrate brings the file from a version to the present one, wholly or not.
func (s *session) migrate(from int, now time.Time) error {
	if err := s.script("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := s.steps(migrations[from:], now)
	if err == nil {
		err = s.script(fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", applicationID, len(migrations)))
	}
	if err != nil {
		_ = s.script("ROLLBACK") // fails where SQLite did it already
	}
	return err
}

func (s *session) steps(all []step, now time.Time) error {
	for _, step := range all {
		if err := s.script(step.sql); err != nil {
			return err
		}
		if step.fill == nil {
			continue
		}
		if err := step.fill(s, now); err != nil {
			return err
		}
	}
	return nil
}

// fill2 puts every row that had no check sum under one, and begins the journal
// with the sales that are there.
func (s *session) fill2(now time.Time) error {
	if err := s.resum(); err != nil {
		return err
	}
	tx := &sqlTx{s: s}
	last := int64(0)
	for {
		ids := make([]string, 0, page)
		if err := s.each(context.Background(), func(scan func(...any) error) error {
			var id string
			if err := scan(&last, &id); err != nil {
				return err
			}
			ids = append(ids, id)
			return nil
		}, "SELECT number, id FROM sales WHERE number > ? ORDER BY number LIMIT ?", last, page); err != nil {
			return err
		}
		for _, id := range ids {
			if err := s.takeSnapshot(tx, id, now); err != nil {
				return err
			}
		}
		if len(ids) < page {
			return nil
		}
	}
}

func (s *session) takeSnapshot(tx *sqlTx, id string, now time.Time) error {
	r, err := s.record(context.Background(), id)
	if err != nil {
		return err
	}
	body, err := encode(r)
	if err != nil {
		return fmt.Errorf("sale %d cannot be written into the journal: %w", r.Sale.Number, err)
	}
	_, err = tx.AppendJournal(pos.Entry{At: now, Kind: pos.EntrySnapshot, Sale: id, Body: body})
	return err
}

// resum writes the check sums of version 2. What version 1 had under one of the
// value alone is compared with that first.
func (s *session) resum() error {
	for _, q := range []string{"SELECT name, value, sum FROM meta", "SELECT rail, json, sum FROM cursors"} {
		if err := s.each(context.Background(), func(scan func(...any) error) error {
			var name string
			var value []byte
			var crc int64
			if err := scan(&name, &value, &crc); err != nil {
				return err
			}
			if sum(value) != crc {
				return damaged(s.path, fmt.Sprintf("the value %.80q does not match its check sum", name))
			}
			return nil
		}, q); err != nil {
			return err
		}
	}
	for _, q := range []string{
		"UPDATE meta SET sum = " + metaSum, "UPDATE cursors SET sum = " + cursorSum, "UPDATE accounts SET sum = " + accountSum,
		"UPDATE addresses SET sum = " + addressSum, "UPDATE indices SET sum = " + indexSum,
	} {
		if err := s.exec(q); err != nil {
			return err
		}
	}
	return nil
}
