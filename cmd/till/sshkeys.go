package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui"
	"github.com/cointill/till/tui/kiosk"
)

func keysAddCommand(at *places) *cobra.Command {
	var role, follow string
	cmd := &cobra.Command{
		Use:   "add TERMINAL [KEY]",
		Short: "Let an SSH key open a screen of `till serve`: a till, a kiosk, a display, a board",
		Long: `Lets whoever has an SSH key open one screen of this till over SSH, and nothing else.
The public key is a line like the one in ~/.ssh/id_ed25519.pub: give it after the
name, or in standard input. The role says what the screen can do:

  cashier     a till
  supervisor  a till that shows the day's totals; PINs are asked for all the same
  kiosk       customers serve themselves: no totals, no other sales, no way out
  display     the customer's screen; --follow says whose sale it shows
  board       numbers in progress and ready, for a TV

The keys stand in the data folder, in ssh_keys. It works at once, also while
till serve runs.`,
		Example: `  till keys add "till 2" < id_ed25519.pub
  till keys add door --role kiosk ssh-ed25519 AAAA… pi@door
  till keys add "display 1" --role display --follow "till 2" < display.pub`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("say the terminal's name, in quotes if it has spaces")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			t := kiosk.Terminal{Name: args[0], Role: tui.Role(role), Follow: follow}
			return addSSHKey(cmd, at.fill(), t, args[1:])
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&role, "role", string(tui.Cashier), "cashier, supervisor, kiosk, display or board")
	cmd.Flags().StringVar(&follow, "follow", "", "the `terminal` whose sale a display shows")
	return cmd
}

func keysRemoveCommand(at *places) *cobra.Command {
	return &cobra.Command{
		Use:   "remove TERMINAL|FINGERPRINT",
		Short: "Take away a terminal's keys, or one key; its screens end at once",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("say one terminal's name, in quotes if it has spaces, or a key's fingerprint (SHA256:…)")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return removeSSHKey(cmd, at.fill(), args[0]) },
	}
}

func keysListCommand(at *places) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the SSH keys and the screens that they open",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			keys, err := (&sshKeys{dir: at.fill().data}).read()
			if err != nil {
				return err
			}
			if len(keys) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "no SSH key opens a screen yet; add one with: till keys add TERMINAL < id_ed25519.pub")
				return nil
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "TERMINAL\tROLE\tFOLLOWS\tKEY\tKIND\tOF")
			for _, k := range keys {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", k.Name, k.Role, k.Follow, k.Fingerprint(), k.Kind(), k.Comment)
			}
			return table.Flush()
		},
	}
}

func addSSHKey(cmd *cobra.Command, at places, t kiosk.Terminal, words []string) error {
	if strings.Contains(t.Name, "PRIVATE KEY") {
		return fmt.Errorf("REFUSED: %w", kiosk.ErrPrivateKey)
	}
	if err := t.Check(); err != nil {
		return usage("%w", err)
	}
	text := strings.Join(words, " ")
	if text == "" || text == "-" {
		var err error
		if text, err = keyFrom(cmd); err != nil {
			return err
		}
	}
	key, err := kiosk.ReadKey(text)
	if errors.Is(err, kiosk.ErrPrivateKey) {
		return fmt.Errorf("REFUSED: %w", err)
	}
	if err != nil {
		return err
	}
	key.Terminal = t
	if err := (&sshKeys{dir: at.data}).change(func(have kiosk.Keys) (kiosk.Keys, error) { return have.With(key) }); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s opens %q, a %s\n", key.Fingerprint(), t.Name, t.Role)
	return nil
}

// mostKeyText is more than any public key has; a private one is recognised in it.
const mostKeyText = 64 << 10

// keyFrom reads a key from standard input: a file, or what somebody pastes.
func keyFrom(cmd *cobra.Command) (string, error) {
	in := cmd.InOrStdin()
	if f, ok := in.(*os.File); ok && onTerminal(f) {
		fmt.Fprintln(cmd.ErrOrStderr(), "Paste the public key, one line like that of ~/.ssh/id_ed25519.pub, and press Enter:")
		line, err := readLine(f, mostKeyText)
		if err != nil {
			return "", errors.New("no key was given")
		}
		return string(line), nil
	}
	text, err := io.ReadAll(io.LimitReader(in, mostKeyText))
	if err != nil {
		return "", errors.New("the key cannot be read from standard input")
	}
	return string(text), nil
}

func removeSSHKey(cmd *cobra.Command, at places, name string) error {
	var gone kiosk.Keys
	err := (&sshKeys{dir: at.data}).change(func(have kiosk.Keys) (kiosk.Keys, error) {
		var left kiosk.Keys
		if left, gone = have.Without(name); len(gone) == 0 {
			return nil, fmt.Errorf("no key opens %q; `till keys list` shows them", clip(name))
		}
		return left, nil
	})
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	for _, k := range gone {
		fmt.Fprintf(out, "%s opens nothing any more\n", k.Fingerprint())
	}
	// A service that runs ends their screens; it would find out by itself, later.
	a, err := askHolder(cmd.Context(), at.data, request{Do: askRecheck})
	switch {
	case err == nil && a.Ended > 0:
		fmt.Fprintln(out, counted2(a.Ended, "screen", "screens")+" ended")
	case err != nil && !errors.Is(err, errNoHolder):
		return fmt.Errorf("the key is gone, but its screens may stay open for some seconds: %s", oneLine(err))
	}
	return nil
}

// names lists the terminals that have keys, for a person.
func names(keys kiosk.Keys) string {
	var list []string
	for _, k := range keys {
		if name := pos.CleanText(k.Name, 32); !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return strings.Join(list, ", ")
}
