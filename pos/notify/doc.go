// Package notify posts changes of sales to callbacks.
//
//	Sender          takes what is due from the register, posts it, and says what became of it
//	Guard           says where posts may go, and makes the HTTP client that keeps to it
//	Secret          signs, as Standard Webhooks has it
//
// What is to be delivered, and what became of it, is the register's to store
// (pos.Delivery): a Sender keeps nothing that a restart would lose. A change is
// therefore delivered at least once, and its webhook-id, which is the same in
// all tries, tells a receiver what it knows already.
//
//   - Deliveries of one sale go out one after the other, in the order of the
//     changes: the next waits until the one before was taken or given up.
//   - A try ends after 15 seconds. An answer of 2xx is "taken", 410 is "never
//     again", and everything else, redirects among it, is a failure. Of an
//     answer nothing but its status and Retry-After counts; 64 KiB are read.
//   - After a failure the next try comes 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and
//     24 hours later, with up to a tenth more so that they do not come in waves, or
//     when Retry-After says so, at most a day later. After ten tries, 75 hours, a
//     delivery has failed.
//   - At most 64 posts run at once, and 4 to one host, so that a receiver that
//     is slow delays its own deliveries alone.
//   - A URL is https and leads to a public address, unless its host or the
//     address is allowed by the shop. That is judged by the address that is
//     connected to, so that no name can turn into another address after it was
//     looked at.
//
// What may not enter: what a change looks like in JSON (Config.Body makes it), a
// store, and anything that a receiver wrote.
package notify
