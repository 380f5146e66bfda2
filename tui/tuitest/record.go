package tuitest

import (
	"os"
	"strings"
)

// Record appends every byte that the pane's program sends to its terminal from
// now on to a file, until the server ends.
func (m *tmux) Record(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	// tmux gives the command to a shell and expands # and % in it.
	quoted := "'" + strings.NewReplacer("'", `'\''`, "#", "##", "%", "%%").Replace(path) + "'"
	_, err = m.run("pipe-pane", "-O", "exec cat >>"+quoted)
	return err
}
