package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/pos/store"
	"github.com/cointill/till/tui/words"
)

func backupCommand(at *places) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy all sales to a new file, also while a register is open, and check the copy",
		Long: `Copies all sales, payments and changes to a new file, as they are at one moment,
also while a register is open. The copy is checked before it gets its name; a
file that is there already is left alone.

To restore it, put it as "` + store.FileName + `" into an empty folder and name that with --data.
Addresses that were shown after the backup are not in it and would be shown
again, so keep the newest one, and restore only what is lost.

The configuration is a file of its own. What the light client has loaded is not
copied: it loads it again.`,
		Example: `  till backup /media/stick/till-$(date +%F).db`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return usage("say which file to write, like: till backup till-2026-11-20.db")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return backUp(cmd, at.fill(), args[0]) },
	}
}

func backUp(cmd *cobra.Command, at places, file string) error {
	if info, err := os.Lstat(file); err == nil {
		if info.IsDir() {
			return fmt.Errorf("%s is a folder; name a new file in it", file)
		}
		return fmt.Errorf("%s is there already and was left alone; name a new file", file)
	}
	books, err := readStore(cmd.Context(), at.data)
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()
	dir := filepath.Dir(file)
	work, err := os.MkdirTemp(dir, ".till-*")
	if err != nil {
		return fmt.Errorf("%s cannot be written: %s; choose another place", file, plainCause(err))
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := books.CopyTo(cmd.Context(), work); err != nil {
		return err
	}
	copied := filepath.Join(work, store.FileName)
	held, err := lookInto(cmd.Context(), work)
	if err != nil {
		// It is a true copy, so what is wrong with it is wrong with the store.
		return fmt.Errorf("no backup was made: %s", strings.ReplaceAll(err.Error(), copied, filepath.Join(at.data, store.FileName)))
	}
	if err := nameOnce(copied, file); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	noteBackup(at.data, time.Now())
	fmt.Fprintf(cmd.OutOrStdout(), "%s holds %s; checked\n", file, held)
	return nil
}

// backupNote is the file in the data folder whose time is that of the newest
// backup, for the doctor.
const backupNote = "till.backup"

// noteBackup notes that a backup was made. The copy counts, not the note.
func noteBackup(data string, now time.Time) {
	_ = writePrivate(filepath.Join(data, backupNote), []byte(now.UTC().Format(time.RFC3339)+"\n"))
}

// lastBackup is when the newest backup was made, zero if none is known of.
func lastBackup(data string) time.Time {
	text, err := os.ReadFile(filepath.Join(data, backupNote))
	if err != nil || len(text) > 64 {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text)))
	if err != nil {
		return time.Time{}
	}
	return at
}

// lookInto checks the store in a folder and says what it holds.
func lookInto(ctx context.Context, dir string) (string, error) {
	books, err := store.OpenReadOnly(ctx, dir)
	if err != nil {
		return "", err
	}
	defer func() { _ = books.Close() }()
	if err := books.Check(ctx); err != nil {
		return "", err
	}
	c, err := books.Contents(ctx)
	if err != nil {
		return "", err
	}
	newest, err := books.Sales(ctx, pos.Query{Limit: 1})
	if err != nil {
		return "", err
	}
	if len(newest) == 0 {
		return "no sales yet", nil
	}
	s := newest[0].Sale
	return fmt.Sprintf("%s (%d open), %s and %s; the newest sale is %s of %s", counted(c.Sales, "sale"), c.Open, counted(c.Payments, "payment"),
		counted(c.Changes, "change"), words.Number4(s.Number), s.CreatedAt.Local().Format("2006-01-02 15:04")), nil
}

// nameOnce gives a file its name, unless something else got it meanwhile.
func nameOnce(from, to string) error {
	err := os.Link(from, to)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s was made by somebody else meanwhile and was left alone; name a new file", to)
	}
	if err != nil { // a file system without links, such as a memory stick's
		err = os.Rename(from, to)
	}
	if err != nil {
		return fmt.Errorf("%s cannot be written: %s; choose another place", to, plainCause(err))
	}
	return nil
}
