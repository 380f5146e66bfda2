package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/words"
)

// deliveriesFlags are the flags of `till events deliveries`.
type deliveriesFlags struct {
	json, waiting, failed bool
	from                  uint64
	limit                 int
}

func deliveriesCommand(at *places) *cobra.Command {
	var f deliveriesFlags
	cmd := &cobra.Command{
		Use:   "deliveries",
		Short: "List what was posted to callbacks, and what became of it",
		Long: `Lists the changes that were or are to be posted to a callback, oldest first, also
while a register is open. A delivery waits, was taken by its receiver, or has failed:
then it was tried ten times in three days, or the receiver answered 410, and it is
posted no more until "till events redeliver".

URLs are shown without path and query, which may be secret.`,
		Example: `  till events deliveries --failed
  till events deliveries --json --from 118`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return listDeliveries(cmd, at.fill(), f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.json, "json", false, "one JSON object per delivery")
	flags.BoolVar(&f.waiting, "waiting", false, "only those that are still to be posted")
	flags.BoolVar(&f.failed, "failed", false, "only those that were given up")
	flags.Uint64Var(&f.from, "from", 1, "begin with the change of this `number`")
	flags.IntVar(&f.limit, "limit", 0, "end after so many; 0 is all")
	return cmd
}

// deliveryJSON is a delivery for scripts.
type deliveryJSON struct {
	Seq    uint64            `json:"seq"`
	ID     string            `json:"id"` // of the sale, as in till events
	Number uint64            `json:"number"`
	URL    string            `json:"url"`
	State  pos.DeliveryState `json:"state"`
	Tries  int               `json:"tries"`
	At     *time.Time        `json:"at,omitempty"`   // of the last try
	Next   *time.Time        `json:"next,omitempty"` // of the next one
	Code   int               `json:"code,omitempty"`
	Error  string            `json:"error,omitempty"`
}

func listDeliveries(cmd *cobra.Command, at places, f deliveriesFlags) error {
	switch {
	case f.limit < 0:
		return usage("--limit takes 0 for all, or a number of deliveries")
	case f.waiting && f.failed:
		return usage("choose one of --waiting and --failed, or neither for all")
	}
	books, err := readStore(cmd.Context(), at.data)
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()
	q := pos.DeliveryQuery{After: max(f.from, 1) - 1}
	if f.waiting {
		q.State = pos.DeliveryWaiting
	} else if f.failed {
		q.State = pos.DeliveryFailed
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	count := 0
	err = eachDelivery(cmd.Context(), books, q, f.limit, func(d pos.Delivery) error {
		count++
		r, err := books.Sale(cmd.Context(), d.SaleID)
		if err != nil && !errors.Is(err, pos.ErrNoSale) {
			return err
		}
		if f.json {
			return json.NewEncoder(out).Encode(newDeliveryJSON(d, r.Sale.Number))
		}
		_, err = fmt.Fprintln(out, deliveryText(d, r.Sale.Number))
		return err
	})
	if err == nil && count == 0 && !f.json {
		_, err = fmt.Fprintln(out, "no deliveries")
	}
	return errors.Join(err, out.Flush())
}

// eachDelivery calls fn for every delivery that a query selects, or for the
// first few of them.
func eachDelivery(ctx context.Context, books pos.Store, q pos.DeliveryQuery, limit int, fn func(pos.Delivery) error) error {
	for n := 0; limit == 0 || n < limit; {
		q.Limit = eventPage
		if limit > 0 {
			q.Limit = min(q.Limit, limit-n)
		}
		list, err := books.Deliveries(ctx, q)
		if err != nil {
			return err
		}
		for _, d := range list {
			if err := fn(d); err != nil {
				return err
			}
			q.After = d.Seq
		}
		if n += len(list); len(list) < q.Limit {
			return nil
		}
	}
	return nil
}

func newDeliveryJSON(d pos.Delivery, number uint64) deliveryJSON {
	j := deliveryJSON{
		Seq: d.Seq, ID: d.SaleID, Number: number, URL: publicURL(d.URL), State: d.State, Tries: d.Tries,
		Code: d.Code, Error: pos.CleanText(d.Error, 200),
	}
	if at := d.At.UTC(); !d.At.IsZero() {
		j.At = &at
	}
	if next := d.Next.UTC(); !d.Next.IsZero() {
		j.Next = &next
	}
	return j
}

// deliveryText is a delivery for people, in one line.
func deliveryText(d pos.Delivery, number uint64) string {
	when := func(t time.Time) string { return t.Local().Format(time.DateTime) }
	text := fmt.Sprintf("%6d  sale %s  %-7s  %s", d.Seq, words.Number4(number), d.State, publicURL(d.URL))
	switch {
	case d.Tries == 0 && d.State == pos.DeliveryWaiting:
		text += "  not tried yet"
	case d.Tries == 1:
		text += "  1 try, " + when(d.At)
	default:
		text += fmt.Sprintf("  %d tries, the last %s", d.Tries, when(d.At))
	}
	if d.Error != "" {
		text += ": " + pos.CleanText(d.Error, 200)
	}
	if d.State == pos.DeliveryWaiting && d.Tries > 0 {
		text += "; again " + when(d.Next)
	}
	return text
}

func redeliverCommand(at *places) *cobra.Command {
	failed := false
	cmd := &cobra.Command{
		Use:   "redeliver CHANGE…",
		Short: "Post changes again to their callback, whatever became of them",
		Long: `Marks changes to be posted again, under the same webhook-id. CHANGE is a number that
"till events deliveries" shows; --failed takes all that were given up. They are posted
at once where a register is open on the data folder, or as soon as one is.`,
		Example: `  till events redeliver 118 119
  till events redeliver --failed`,
		Args: func(_ *cobra.Command, args []string) error {
			if (len(args) == 0) == !failed {
				return usage("say which changes, by their numbers, or --failed for all that were given up")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return redeliver(cmd, at.fill(), args, failed) },
	}
	cmd.Flags().BoolVar(&failed, "failed", false, "all that were given up")
	return cmd
}

func redeliver(cmd *cobra.Command, at places, args []string, failed bool) error {
	var list []uint64
	for _, arg := range args {
		seq, err := strconv.ParseUint(arg, 10, 64)
		if err != nil || seq == 0 {
			return usage("%q is no number of a change; `till events deliveries` shows them", clip(arg))
		}
		list = append(list, seq)
	}
	ctx := cmd.Context()
	if failed {
		books, err := readStore(ctx, at.data)
		if err != nil {
			return err
		}
		err = eachDelivery(ctx, books, pos.DeliveryQuery{State: pos.DeliveryFailed}, 0, func(d pos.Delivery) error {
			list = append(list, d.Seq)
			return nil
		})
		if err = errors.Join(err, books.Close()); err != nil {
			return err
		}
	}
	out := cmd.OutOrStdout()
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "nothing was given up")
		return err
	}
	return redeliverAt(ctx, at, list, func(seq uint64) error {
		_, err := fmt.Fprintf(out, "change %d is posted again\n", seq)
		return err
	})
}
