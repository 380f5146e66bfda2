package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Check reads the whole store and compares everything that is in it: each row
// with its check sum or its hash, documents with the columns beside them and
// with the addresses that they name, counters with what they count, and the
// pages with each other. It fails with pos.ErrDamaged and names the row that it
// found first. It takes a minute for a million sales, and writers are not
// kept waiting; run it behind the first screen.
func (s *SQLite) Check(ctx context.Context) error {
	// A connection of its own: the readers stay free for the screens.
	c, err := s.dialR(ctx)
	if err != nil {
		return err
	}
	err = c.snapshot(func() error {
		// Rows before pages: of damage that both would find, a row says more.
		for _, check := range []func(context.Context) error{
			c.checkSchema, c.checkSmall, c.checkAccounts, c.checkSales, c.checkAddresses, c.checkIndices, c.checkFrees,
			c.checkPayments, c.checkOutbox, c.checkJournal, c.checkDeliveries, c.checkPages,
		} {
			if err := check(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if cerr := c.close(); err == nil {
		err = cerr
	}
	return err
}

// checkPages looks for damage between the rows, and for rows that are missing
// where another points at them. SQLite's own words name the table and the row.
func (s *session) checkPages(ctx context.Context) error {
	var result string
	if _, err := s.one(ctx, []any{&result}, "PRAGMA integrity_check(1)"); err != nil {
		return err
	}
	if result != "ok" {
		return damaged(s.path, fmt.Sprintf("its pages do not fit together (%.200q)", strings.TrimPrefix(result, "*** in database main ***\n")))
	}
	return s.none(ctx, "a row of the table %s points at nothing in the table %s", `SELECT "table", parent FROM pragma_foreign_key_check`, 2)
}

// none fails if a query finds anything. What is wrong is said with the columns of
// the first row, texts in quotes.
func (s *session) none(ctx context.Context, what, q string, n int, args ...any) error {
	cols, dest := make([]any, n), make([]any, n)
	for i := range cols {
		dest[i] = &cols[i]
	}
	found, err := s.one(ctx, dest, q+" LIMIT 1", args...)
	if err != nil || !found {
		return err
	}
	for i, col := range cols {
		cols[i] = fmt.Sprint(col)
		if text, ok := col.(string); ok {
			cols[i] = fmt.Sprintf("%.100q", text)
		}
	}
	return damaged(s.path, fmt.Sprintf(what, cols...))
}

// checkSchema compares the tables with those of a new store.
func (s *session) checkSchema(ctx context.Context) error {
	want, err := newSchema()
	if err != nil {
		return err
	}
	got, err := s.schema(ctx)
	if err == nil && !slices.Equal(got, want) {
		err = damaged(s.path, "its tables are not as till made them")
	}
	return err
}

var newSchema = sync.OnceValues(func() (all []string, err error) {
	ctx := context.Background()
	fresh, err := dial(ctx, ":memory:", nil, url.Values{"mode": {"memory"}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = fresh.close() }()
	if err := fresh.migrate(0, time.Time{}); err != nil {
		return nil, err
	}
	return fresh.schema(ctx)
})

func (s *session) schema(ctx context.Context) (all []string, err error) {
	err = s.each(ctx, func(scan func(...any) error) error {
		var kind, name, table string
		var text sql.NullString
		if err := scan(&kind, &name, &table, &text); err != nil {
			return err
		}
		all = append(all, strings.Join([]string{kind, name, table, text.String}, "\x00"))
		return nil
	}, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")
	return all, err
}

// counters are all that there are.
var counters = []string{"journal", "number", "outbox"}

// checkSmall looks at what there is little of: meta, cursors, counters.
func (s *session) checkSmall(ctx context.Context) error {
	if err := s.none(ctx, "the value %s does not match its check sum", "SELECT name FROM meta WHERE sum <> "+metaSum, 1); err != nil {
		return err
	}
	if err := s.none(ctx, "the cursor of %s does not match its check sum", "SELECT rail FROM cursors WHERE sum <> "+cursorSum, 1); err != nil {
		return err
	}
	for _, name := range counters {
		var sound bool
		found, err := s.one(ctx, []any{&sound}, "SELECT guard = ~value FROM counters WHERE name = ?", name)
		switch {
		case err != nil:
			return err
		case !found:
			return damaged(s.path, fmt.Sprintf("its counter %q is missing", name))
		case !sound:
			return s.wrongCounter(name)
		}
	}
	return s.none(ctx, "it has a counter %s that till knows nothing of", "SELECT name FROM counters WHERE name NOT IN ('"+strings.Join(counters, "', '")+"')", 1)
}

func (s *session) wrongCounter(name string) error {
	return damaged(s.path, fmt.Sprintf("its counter %q is wrong", name))
}

// checkCounter compares a counter with the last of what it counts.
func (s *session) checkCounter(ctx context.Context, name string, last int64) error {
	var value int64
	if _, err := s.one(ctx, []any{&value}, "SELECT value FROM counters WHERE name = ?", name); err != nil {
		return err
	}
	if value != last {
		return s.wrongCounter(name)
	}
	return nil
}
