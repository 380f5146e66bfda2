package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/receipt"
)

// printFlags are the flags of `till sales print`.
type printFlags struct {
	width int
	to    string
}

func printCommand(at *places) *cobra.Command {
	var f printFlags
	cmd := &cobra.Command{
		Use:   "print SALE",
		Short: "Print a receipt again, marked as a copy; SALE is its number, code or id",
		Long: `Prints the receipt of a sale with the printer of the configuration, or to the
standard output where there is none. What is printed from the records is a copy,
and says so.

  [receipt]
  print = "lp -d till"    # a command that takes the text on its input
  file = "/dev/usb/lp0"   # or a file or a device that it is put at the end of
  width = 32              # or 42, 48`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("say which sale, by its number, code or id")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return printSale(cmd, at.fill(), f, args[0]) },
	}
	cmd.Flags().IntVar(&f.width, "width", 0, "`CHARACTERS` on a line: 32, 42, 48")
	cmd.Flags().StringVar(&f.to, "to", "", "put it at the end of a `FILE`; - is the standard output")
	return cmd
}

func printSale(cmd *cobra.Command, at places, f printFlags, text string) error {
	if cmd.Flags().Changed("width") && (f.width < receipt.Narrowest || f.width > receipt.Widest) {
		return usage("--width takes a number between %d and %d", receipt.Narrowest, receipt.Widest)
	}
	books, err := readStore(cmd.Context(), at.data)
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()
	r, err := findSale(cmd.Context(), books, text)
	if err != nil {
		return err
	}
	speech, format := at.speech()
	p := &printer{speech: speech, format: format, wait: printWait}
	if s, err := at.load(); err == nil {
		p.receiptSettings, p.shop = s.receipt, s.shop
	}
	if f.width != 0 {
		p.width = f.width
	}
	v := pos.View{Record: r, Asset: format.Find(r.Sale.Outcome.Asset)}
	switch {
	case f.to == "-" || f.to == "" && p.none():
		_, err := io.WriteString(cmd.OutOrStdout(), p.text(v, true))
		return err
	case f.to != "":
		p.command, p.file = nil, f.to
		if info, err := os.Stat(f.to); err == nil && info.IsDir() {
			return fmt.Errorf("%s is a folder; say a file in it", f.to)
		}
	}
	return p.Print(cmd.Context(), v, true)
}
