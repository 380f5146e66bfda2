package store

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// session is one connection with its prepared statements, for one goroutine at
// a time. Its errors are sentences already.
type session struct {
	path  string
	db    *sql.DB
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	bad   bool // no more to be used
}

// dial opens a connection. The pragmas hold for the connection alone; params
// are further parameters of the file's URI.
func dial(ctx context.Context, path string, pragmas []string, params url.Values) (*session, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, explain(path, err)
	}
	if params == nil {
		params = url.Values{}
	}
	params["_pragma"] = append([]string{
		"busy_timeout(10000)", "foreign_keys(1)", "trusted_schema(0)", "cell_size_check(1)", "mmap_size(0)",
		// FULL is one sync per commit; fullfsync makes it a real one on macOS.
		"synchronous(FULL)", "fullfsync(1)", "checkpoint_fullfsync(1)", "temp_store(MEMORY)",
	}, pragmas...)
	params.Set("_dqs", "0")
	dsn := url.URL{Scheme: "file", Path: abs, RawQuery: params.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, explain(path, err)
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(explain(path, err), db.Close())
	}
	return &session{path: path, db: db, conn: conn, stmts: map[string]*sql.Stmt{}}, nil
}

// close ends the connection; what it then reports concerns nobody's data.
func (s *session) close() error {
	for _, st := range s.stmts {
		_ = st.Close()
	}
	_ = s.conn.Close()
	return explain(s.path, s.db.Close())
}

func (s *session) stmt(q string) (*sql.Stmt, error) {
	if st, ok := s.stmts[q]; ok {
		return st, nil
	}
	st, err := s.conn.PrepareContext(context.Background(), q)
	if err != nil {
		return nil, explain(s.path, err)
	}
	s.stmts[q] = st
	return st, nil
}

// script runs SQL that is not worth preparing, several statements if need be.
func (s *session) script(q string) error {
	_, err := s.conn.ExecContext(context.Background(), q)
	return explain(s.path, err)
}

func (s *session) exec(q string, args ...any) error {
	st, err := s.stmt(q)
	if err != nil {
		return err
	}
	_, err = st.ExecContext(context.Background(), args...)
	return explain(s.path, err)
}

// one reads the first row into dest; found tells whether there was one.
func (s *session) one(ctx context.Context, dest []any, q string, args ...any) (found bool, err error) {
	st, err := s.stmt(q)
	if err != nil {
		return false, err
	}
	err = st.QueryRowContext(ctx, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, explain(s.path, err)
}

// each calls row for every row; scan reads its columns.
func (s *session) each(ctx context.Context, row func(scan func(...any) error) error, q string, args ...any) error {
	st, err := s.stmt(q)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		return explain(s.path, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return explain(s.path, err)
		}
	}
	return explain(s.path, rows.Err())
}

// snapshot runs fn on one consistent state of the file.
func (s *session) snapshot(fn func() error) error {
	if err := s.exec("BEGIN"); err != nil {
		return err
	}
	err := fn()
	if end := s.exec("ROLLBACK"); end != nil {
		s.bad = true
		return errors.Join(err, end)
	}
	return err
}
