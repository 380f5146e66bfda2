// Command till is a cash register for crypto that runs in a terminal.
//
// One small file per subcommand. config*.go and settings*.go turn a file into
// settings, start.go turns settings into a register, register.go shows it.
// demo*.go alone may use chain/devnet.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:])) }

// run is main with its exit code, so that deferred calls happen.
func run(args []string) int {
	// Libraries tell there what strangers send, and it would be on the screen.
	log.SetOutput(io.Discard)
	// One handler for the whole process: screens end by the context.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := refuseKeys(args); err != nil {
		return finish(err, os.Stderr)
	}
	root := rootCommand()
	root.SetArgs(args)
	return finish(root.ExecuteContext(ctx), os.Stderr)
}

func rootCommand() *cobra.Command {
	at := &places{}
	root := &cobra.Command{
		Use:   "till",
		Short: "A cash register for crypto that runs in a terminal",
		Long: `till is a cash register for crypto that runs in a terminal. Type an amount, show the
QR code, see it paid. It holds public keys only and can not spend anybody's money.

Without a command it opens the register. Try "till demo" first: it needs neither
configuration nor internet.`,
		Args:          noArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return openRegister(cmd, *at)
		},
	}
	root.Flags().Bool("plain", false, plainHelp)
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().StringVar(&at.config, "config", "", "configuration `file` (TILL_CONFIG)")
	root.PersistentFlags().StringVar(&at.data, "data", "", "data `folder` (TILL_DATA)")
	root.SetFlagErrorFunc(wrongFlag)
	root.AddCommand(demoCommand(), initCommand(at), serveCommand(at), saleCommand(at), salesCommand(at), findCommand(at), eventsCommand(at), staffCommand(at), keysCommand(at), verifyCommand(at), backupCommand(at), sweepCommand(at), doctorCommand(at), versionCommand())
	return root
}

// noArgs refuses what follows a command, naming the command that was meant.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if best := cmd.SuggestionsFor(args[0]); len(best) > 0 {
		return usage("there is no %q here; did you mean %q? See %s --help", clip(args[0]), best[0], cmd.CommandPath())
	}
	return usage("there is no %q here; see %s --help", clip(args[0]), cmd.CommandPath())
}
