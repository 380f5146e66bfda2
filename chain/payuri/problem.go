package payuri

// Problem is why a text cannot be read as a payment request. It is a code that
// a translation can look up, and as an error it is one English sentence without
// any part of the text. Compare with errors.Is.
type Problem string

// Why a payment request is refused.
const (
	ErrTooLong   Problem = "too-long"
	ErrScheme    Problem = "unknown-scheme"
	ErrSyntax    Problem = "syntax"
	ErrAddress   Problem = "invalid-address"
	ErrNoAddress Problem = "no-address"
	ErrName      Problem = "name-instead-of-address"
	ErrAmount    Problem = "invalid-amount"
	ErrChain     Problem = "invalid-chain"
	ErrRequired  Problem = "required-unknown"
	ErrTwice     Problem = "twice"
	ErrFunction  Problem = "unknown-function"
)

var sentences = map[Problem]string{
	ErrTooLong:   "the payment request is too long to be one. Scan it again",
	ErrScheme:    "this is not a payment request: it begins neither with bitcoin: nor with ethereum:",
	ErrSyntax:    "the payment request cannot be read: it is not written as its standard says",
	ErrAddress:   "the payment request holds no valid address",
	ErrNoAddress: "the payment request names no address on a chain, only other ways to pay",
	ErrName:      "the payment request holds a name instead of an address, and names are not looked up here",
	ErrAmount:    "the amount in the payment request is not a whole number of the coin's smallest units, or is more than can exist",
	ErrChain:     "the payment request names no valid chain number behind its @",
	ErrRequired:  "the payment request requires something that is not understood here, so it must not be paid",
	ErrTwice:     "the payment request says the same thing twice",
	ErrFunction:  "the payment request calls a contract in a way that is not a plain token transfer",
}

func (p Problem) Error() string {
	if s, ok := sentences[p]; ok {
		return s
	}
	return "the payment request was refused"
}
