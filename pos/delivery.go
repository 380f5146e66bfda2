package pos

import "time"

// Delivery is a change of a sale that is to be posted to a callback, with what
// became of it. It is stored in the transaction of the change, so that none is
// forgotten.
type Delivery struct {
	Seq    uint64        `json:"seq"`  // of the Change
	SaleID string        `json:"sale"` // deliveries of one sale go out in order of Seq
	URL    string        `json:"url"`
	State  DeliveryState `json:"state"`

	Tries int       `json:"tries"`
	Next  time.Time `json:"next,omitzero"` // when it is tried, while waiting
	At    time.Time `json:"at,omitzero"`   // of the last try
	Code  int       `json:"code,omitempty"`
	Error string    `json:"error,omitempty"` // why the last try failed, clean
}

// DeliveryState is what became of a delivery.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryWaiting DeliveryState = "waiting" // to be tried at Next
	DeliveryDone    DeliveryState = "done"    // the receiver took it
	DeliveryFailed  DeliveryState = "failed"  // given up; can be sent again by hand
)

// DeliveryQuery selects deliveries, oldest first.
type DeliveryQuery struct {
	State  DeliveryState // "" = any
	SaleID string        // "" = any
	After  uint64        // Seq beyond this
	Limit  int           // 0 = 100
}
