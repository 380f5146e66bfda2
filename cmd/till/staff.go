package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cointill/till/pos"
)

func staffCommand(at *places) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "staff",
		Short: "Who works here: add people with a PIN, list them, remove them; also while a register is open",
		Long: `Keeps the people who work here. Everybody has a PIN of digits, by which the till
knows them: 4 to 12 for a cashier, 6 to 12 for a supervisor, each a different one.
A supervisor's PIN is asked for where goods or money are given away: to accept
too little or late money, to refund, to set a price by hand, and to agree to
other keys or rules.

The first supervisor is added freely. From then on adding and removing people
takes a supervisor's PIN. A PIN is asked for on the terminal, without showing it,
and never stored as it is; nobody can look it up. After five wrong ones the till
takes none for a while.

While a register is open on the data folder, it is the one that is asked.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return listStaff(cmd, at.fill()) },
	}
	cmd.AddCommand(staffAddCommand(at), staffRemoveCommand(at), &cobra.Command{
		Use:   "list",
		Short: "List who works here",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return listStaff(cmd, at.fill()) },
	})
	return cmd
}

const pinStdin = "read PINs from standard input, a line each: "

func staffAddCommand(at *places) *cobra.Command {
	var role string
	var lines bool
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add somebody; asks for a new PIN, and for a supervisor's where there is one",
		Example: `  till staff add Maria --role supervisor
  till staff add Jo`,
		Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if role != string(pos.Cashier) && role != string(pos.Supervisor) {
				return usage("--role takes cashier or supervisor, not %q", clip(role))
			}
			return addStaff(cmd, at.fill(), args[0], pos.Role(role), lines)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&role, "role", string(pos.Cashier), "`cashier` or supervisor")
	cmd.Flags().BoolVar(&lines, "pin-stdin", false, pinStdin+"the new one, then a supervisor's where there is one")
	return cmd
}

func staffRemoveCommand(at *places) *cobra.Command {
	var lines bool
	cmd := &cobra.Command{
		Use:   "remove NAME",
		Short: "Remove somebody; asks for a supervisor's PIN",
		Args:  oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return removeStaff(cmd, at.fill(), args[0], lines)
		},
	}
	cmd.Flags().BoolVar(&lines, "pin-stdin", false, pinStdin+"a supervisor's")
	return cmd
}

func oneName(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage("say one name, in quotes if it has spaces")
	}
	if _, err := staffName(args[0]); err != nil {
		return usage("%w", err)
	}
	return nil
}

// mostName is how long somebody's name may be.
const mostName = 32

// staffName is a name that can be shown and told from others.
func staffName(text string) (string, error) {
	name := pos.CleanText(text, mostName)
	switch {
	case name == "" || name != text:
		return "", fmt.Errorf("a name is plain text of at most %d characters", mostName)
	case strings.HasPrefix(name, "-"):
		return "", errors.New("a name does not begin with -")
	case strings.Trim(name, "0123456789") == "":
		// Whoever mixes the two up would show a PIN to everybody.
		return "", errors.New("a name is no number; the PIN is asked for by itself")
	}
	return name, nil
}

// withOffice does something at a register and lets go of it.
func withOffice(ctx context.Context, at places, do func(office) error) (err error) {
	o, err := openOffice(ctx, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	return do(o)
}

func addStaff(cmd *cobra.Command, at places, name string, role pos.Role, lines bool) error {
	pins, err := pinFrom(cmd, lines)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	return withOffice(ctx, at, func(o office) error {
		have, err := o.ask(ctx, request{Do: askStaff})
		if err != nil {
			return err
		}
		q := request{Do: askHire, By: at.actor(), Name: name, Role: role}
		needs := hasSupervisor(have.Staff)
		// A person is asked for the right first; a script's first line is the same
		// whether there is a supervisor or not.
		if needs && !lines {
			if q.PIN, err = pins.ask(ctx, supervisorsPIN); err != nil {
				return err
			}
		}
		for {
			q.NewPIN, err = pins.askNew(ctx, "the new PIN of "+name, role)
			if err == nil && needs && lines {
				q.PIN, err = pins.ask(ctx, supervisorsPIN)
			}
			if err == nil {
				_, err = o.ask(ctx, q)
			} else if !errors.Is(err, pos.ErrWeakPIN) {
				return err
			}
			if lines || !errors.Is(err, pos.ErrWeakPIN) && !errors.Is(err, pos.ErrPINTaken) {
				break
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s; choose another one\n", oneLine(err))
		}
		if err != nil {
			return pinTrouble(err)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s is a %s now\n", name, role)
		if role == pos.Cashier && !needs {
			fmt.Fprintln(cmd.OutOrStdout(), "nobody is a supervisor yet; add one with --role supervisor")
		}
		return nil
	})
}

const supervisorsPIN = "a supervisor's PIN"

func removeStaff(cmd *cobra.Command, at places, name string, lines bool) error {
	ctx := cmd.Context()
	return withOffice(ctx, at, func(o office) error {
		have, err := o.ask(ctx, request{Do: askStaff})
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(have.Staff, func(m pos.Member) bool { return m.Name == name }) {
			return fmt.Errorf("nobody here is called %q; `till staff list` shows them", name)
		}
		q := request{Do: askDismiss, By: at.actor(), Name: name}
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
		fmt.Fprintf(cmd.OutOrStdout(), "%s was removed\n", name)
		return nil
	})
}

// actor is who a command acts as until a PIN says more.
func (p places) actor() pos.Actor {
	if s, err := p.load(); err == nil {
		return pos.Actor{Terminal: s.terminalName()}
	}
	return pos.Actor{Terminal: terminalName()}
}

// pinTrouble says what a person may do about a PIN that was not taken.
func pinTrouble(err error) error {
	var wrong *pos.WrongPINError
	var locked *pos.LockedPINError
	switch {
	case errors.As(err, &locked):
		return fmt.Errorf("too many wrong PINs: the till takes none until %s", locked.Until.Local().Format(time.DateTime))
	case errors.As(err, &wrong):
		return fmt.Errorf("%w; %s left before the till takes none for a while", err, counted2(wrong.Left, "try", "tries"))
	}
	return err
}

func counted2(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func listStaff(cmd *cobra.Command, at places) error {
	ctx := cmd.Context()
	return withOffice(ctx, at, func(o office) error {
		have, err := o.ask(ctx, request{Do: askStaff})
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		if len(have.Staff) == 0 {
			fmt.Fprintln(out, "nobody has a PIN yet; add the first supervisor with: till staff add NAME --role supervisor")
			return nil
		}
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "NAME\tROLE\tSINCE")
		for _, m := range have.Staff {
			fmt.Fprintf(table, "%s\t%s\t%s\n", pos.CleanText(m.Name, mostName), pos.CleanText(string(m.Role), 20), m.At.Local().Format(time.DateTime))
		}
		return table.Flush()
	})
}
