package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cointill/till/pos"
)

func keysCommand(at *places) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Show the keys and rules that money depends on, agree to changed ones; keep the SSH keys of till serve",
		Long: `Shows what the shop's money depends on: keys by their fingerprints, networks and
whom is believed, prices, confirmations, tolerance and callback, as the
configuration has them now.

When one of these changes, the till rings up nothing until somebody agrees, so
that nobody exchanges a key unseen. Where there is a supervisor it takes a
supervisor's PIN, on the screen or with "till keys agree".

The other keys of a shop are the SSH keys that open a screen of till serve: add,
list and remove are about those.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return showKeys(cmd, at.fill()) },
	}
	var lines bool
	agree := &cobra.Command{
		Use:   "agree",
		Short: "Agree to keys and rules that were changed; asks for a supervisor's PIN where there is one",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return agreeKeys(cmd, at.fill(), lines) },
	}
	agree.Flags().BoolVar(&lines, "pin-stdin", false, pinStdin+"a supervisor's")
	cmd.AddCommand(agree, keysAddCommand(at), keysListCommand(at), keysRemoveCommand(at))
	return cmd
}

func showKeys(cmd *cobra.Command, at places) error {
	s, err := at.load()
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	return withOffice(ctx, at, func(o office) error {
		a, err := o.ask(ctx, request{Do: askRules})
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, line := range s.rules() {
			name, value, _ := strings.Cut(line, ": ")
			fmt.Fprintf(table, "%s\t%s\n", name, value)
		}
		if err := table.Flush(); err != nil {
			return err
		}
		if len(a.Changed) > 0 {
			fmt.Fprintln(out, "\nCHANGED, nothing is rung up until a supervisor agrees (till keys agree):")
			sayChanged(cmd, a.Changed)
		}
		return nil
	})
}

func sayChanged(cmd *cobra.Command, lines []string) {
	for _, line := range lines {
		fmt.Fprintf(cmd.OutOrStdout(), "  %s\n", pos.CleanText(line, 600))
	}
}

func agreeKeys(cmd *cobra.Command, at places, lines bool) error {
	ctx := cmd.Context()
	return withOffice(ctx, at, func(o office) error {
		a, err := o.ask(ctx, request{Do: askRules})
		if err != nil {
			return err
		}
		if len(a.Changed) == 0 {
			fmt.Fprintln(cmd.OutOrStdout(), "no key and no rule was changed")
			return nil
		}
		sayChanged(cmd, a.Changed)
		have, err := o.ask(ctx, request{Do: askStaff})
		if err != nil {
			return err
		}
		q := request{Do: askAgree, By: at.actor()}
		if hasSupervisor(have.Staff) {
			pins, err := pinFrom(cmd, lines)
			if err != nil {
				return err
			}
			if q.PIN, err = pins.ask(ctx, supervisorsPIN); err != nil {
				return err
			}
		}
		if _, err := o.ask(ctx, q); err != nil {
			return pinTrouble(err)
		}
		fmt.Fprintln(cmd.OutOrStdout(), "agreed")
		return nil
	})
}
