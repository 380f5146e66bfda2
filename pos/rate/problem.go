package rate

import (
	"fmt"
	"time"
)

// Code says what is wrong with an exchange's answer.
type Code string

// What can be wrong.
const (
	Unreachable Code = "unreachable" // no connection
	TimedOut    Code = "timed-out"   // no answer in time
	Limited     Code = "limited"     // it asked us to come less often
	Unavailable Code = "unavailable" // it is down for itself (5xx)
	Refused     Code = "refused"     // it will not serve us (403, 451, …)
	Certificate Code = "certificate" // somebody else answers for it, or the clock is wrong
	Redirected  Code = "redirected"  // it sent us to another host
	WebPage     Code = "web-page"    // HTML where a price should be
	TooLong     Code = "too-long"    // an answer beyond 64 KiB
	Nonsense    Code = "nonsense"    // not what a ticker looks like
	WrongPair   Code = "wrong-pair"  // the price of something else
	NotOffered  Code = "not-offered" // it does not trade this pair
	Crossed     Code = "crossed"     // bid above ask
	Wide        Code = "wide"        // bid and ask too far apart
	NoPrice     Code = "no-price"    // zero, negative or too long a number
	TooOld      Code = "too-old"     // answers, but with an old price
	Ahead       Code = "ahead"       // its time is in our future
	Astray      Code = "astray"      // far from what the others agree on
)

// Problem is why a source has no price. Its text is a sentence for people.
type Problem struct {
	Code   Code
	Source string
	Pair   Pair
	Detail string        // what it said, cleaned; may be empty
	After  time.Duration // it asked to be left alone for so long
	Cause  error         // for the log
}

var sentences = map[Code]string{
	Unreachable: "%s cannot be reached; check the internet connection",
	TimedOut:    "%s did not answer in time",
	Limited:     "%s asks to be asked less often; till waits",
	Unavailable: "%s is out of service at the moment",
	Refused:     "%s refuses to answer this computer",
	Certificate: "somebody else answers for %s, or this computer's clock is wrong; check the network and the clock",
	Redirected:  "%s sent us to another address, which till does not follow",
	WebPage:     "%s sent a web page instead of a price; does this network ask for a log-in?",
	TooLong:     "%s sent far too long an answer",
	Nonsense:    "%s sent an answer that till does not understand",
	WrongPair:   "%s sent the price of something else",
	NotOffered:  "%s has no price for this pair",
	Crossed:     "%s would buy for more than it sells for; till does not believe that price",
	Wide:        "%s buys and sells at prices more than 2 %% apart; till does not use them",
	NoPrice:     "%s sent no usable price",
	TooOld:      "%s answers, but its price is too old",
	Ahead:       "%s has a later time than this computer; check the clock",
	Astray:      "%s says something else than the others; till does not use its price",
}

// Error is one sentence: who, what, and what to do about it.
func (p *Problem) Error() string {
	s := fmt.Sprintf(sentences[p.Code], p.Source)
	if p.Pair != (Pair{}) {
		s = p.Pair.String() + ": " + s
	}
	if p.Detail != "" {
		s += " (" + p.Detail + ")"
	}
	return s
}

func (p *Problem) Unwrap() error { return p.Cause }

// wholesale tells whether asking the same source for another pair is useless.
func (p *Problem) wholesale() bool {
	switch p.Code {
	case Unreachable, TimedOut, Limited, Unavailable, Refused, Certificate, Redirected, WebPage:
		return true
	}
	return false
}
