package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/cointill/till/pos"
)

// fitEntry makes of an entry what both stores keep and its hash is taken of. It
// shares no memory with e.
func fitEntry(e pos.Entry) (pos.Entry, error) {
	at := time.Unix(0, e.At.UnixNano()).UTC()
	switch {
	case e.Kind == "":
		return pos.Entry{}, errors.New("an entry without a kind cannot be stored in the journal")
	case !json.Valid(e.Body):
		return pos.Entry{}, fmt.Errorf("the journal cannot take a %.40q whose body is not JSON", e.Kind)
	case !at.Equal(e.At): // its hash would not tell it from another time
		return pos.Entry{}, fmt.Errorf("the journal cannot take a %.40q of the year %d: set the clock", e.Kind, e.At.Year())
	}
	return pos.Entry{At: at, Kind: pos.EntryKind(clean(string(e.Kind))), Sale: clean(e.Sale), Body: slices.Clone(e.Body)}, nil
}

// follow adds an entry to the end of a chain and gives it its Seq and Hash.
func follow(end pos.Chain, e pos.Entry) pos.Entry {
	e.Seq = end.Seq + 1
	e.Hash = e.Sum(end.Hash)
	return e
}

// deliveryRow is a delivery as both stores keep it.
type deliveryRow struct {
	seq   int64
	sale  string
	state string
	next  int64 // stamp
	doc   []byte
}

func encodeDelivery(d pos.Delivery) (deliveryRow, error) {
	switch {
	case d.Seq == 0 || d.Seq > math.MaxInt64:
		return deliveryRow{}, fmt.Errorf("a delivery cannot be stored under number %d", d.Seq)
	case d.SaleID == "":
		return deliveryRow{}, fmt.Errorf("delivery %d belongs to no sale and cannot be stored", d.Seq)
	case d.State != pos.DeliveryWaiting && d.State != pos.DeliveryDone && d.State != pos.DeliveryFailed:
		return deliveryRow{}, fmt.Errorf("delivery %d cannot be stored as %.40q", d.Seq, d.State)
	}
	doc, err := encode(d)
	if err != nil {
		return deliveryRow{}, fmt.Errorf("delivery %d cannot be stored: %w", d.Seq, err)
	}
	return deliveryRow{seq: int64(d.Seq), sale: clean(d.SaleID), state: string(d.State), next: stamp(d.Next), doc: doc}, nil
}

func errOtherSale(seq int64) error {
	return fmt.Errorf("delivery %d belongs to another sale", seq)
}
