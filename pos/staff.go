package pos

import "time"

// Member is somebody who works at the shop.
type Member struct {
	Name string    `json:"name"`
	Role Role      `json:"role"`
	PIN  string    `json:"pin"` // argon2id in PHC form; never handed out by the register
	At   time.Time `json:"at"`
}

// Role is what somebody may do.
type Role string

// The roles.
const (
	Cashier    Role = "cashier"
	Supervisor Role = "supervisor" // may accept, re-price, refund, set a price and agree to new keys
)

// WrongPINError is ErrPIN with how often it may be tried again before the till
// takes no PIN for a while.
type WrongPINError struct{ Left int }

func (e *WrongPINError) Error() string { return ErrPIN.Error() }

// Unwrap makes it ErrPIN.
func (e *WrongPINError) Unwrap() error { return ErrPIN }

// LockedPINError is ErrPINLocked with its end.
type LockedPINError struct{ Until time.Time }

func (e *LockedPINError) Error() string {
	return ErrPINLocked.Error() + ", until " + e.Until.UTC().Format(time.RFC3339)
}

// Unwrap makes it ErrPINLocked.
func (e *LockedPINError) Unwrap() error { return ErrPINLocked }
