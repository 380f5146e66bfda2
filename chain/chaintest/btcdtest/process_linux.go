package btcdtest

import (
	"os/exec"
	"syscall"
)

// dieWithParent ends the node when a test process is killed.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
