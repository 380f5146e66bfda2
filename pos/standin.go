package pos

// NewMailbox makes a mailbox that belongs to no register: for whatever stands
// in for one, such as a terminal that hears of a register through a socket, or
// a test.
func NewMailbox() *Mailbox { return newMailbox(nil) }

// Post puts views and the board into the box, replacing what was not taken. It
// never blocks.
func (m *Mailbox) Post(board Board, views ...View) { m.post(board, views...) }

// Shut wakes whoever waits in Next and lets it fail, once the box is empty,
// with ErrClosed.
func (m *Mailbox) Shut() { m.shut() }
