package main

import (
	"os"
	"time"

	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/words"
)

// tongue is how the people of a till are spoken to: the language, and how their
// region writes numbers.
type tongue struct {
	language string
	locale   money.Locale
}

// tongueOf is what a configuration says, and otherwise the environment.
func tongueOf(s *settings) tongue {
	if s != nil && s.screen.language != "" {
		return tongue{s.screen.language, money.LocaleFor(s.screen.language)}
	}
	return tongue{environ("LC_ALL", "LC_MESSAGES", "LANG"), money.LocaleFor(environ("LC_ALL", "LC_MONETARY", "LANG"))}
}

// environ is the first of some variables that is set, as POSIX reads a locale.
func environ(names ...string) string {
	for _, name := range names {
		if tag := os.Getenv(name); tag != "" {
			return tag
		}
	}
	return ""
}

// words are the sentences of this tongue, and how it writes amounts.
func (t tongue) words(find assetFinder) (words.Words, words.Format) {
	format := words.Format{Locale: t.locale, Zone: time.Local, Asset: find}
	return words.For(t.language, format), format
}

// speech is how commands say what tui/words has words for.
func (p places) speech() (words.Words, words.Format) {
	s, err := p.load()
	if err != nil {
		return tongueOf(nil).words(shippedAsset)
	}
	return tongueOf(s).words(s.find)
}
