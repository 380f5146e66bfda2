package main

import (
	"testing"

	"github.com/cointill/till/pos/money"
	"github.com/cointill/till/tui/words"
)

func TestLanguageAndNumbers(t *testing.T) {
	for _, it := range []struct {
		name             string
		all, some, lang  string // LC_ALL, LC_MESSAGES, LANG
		configured       string
		language, locale string
	}{
		{"nothing is said", "", "", "", "", "en", ""},
		{"the C locale", "C.UTF-8", "", "de_DE.UTF-8", "", "en", ""},
		{"the environment", "", "", "de_AT.UTF-8", "", "de", "de-AT"},
		{"messages alone", "", "de_DE.UTF-8", "en_IE.UTF-8", "", "de", "en-IE"},
		{"a language that there is not", "", "", "fr_FR.UTF-8", "", "en", "fr"},
		{"the configuration counts more", "de_DE.UTF-8", "", "", "en-IE", "en", "en-IE"},
		{"German is configured", "", "", "en_US.UTF-8", "de", "de", "de"},
	} {
		t.Run(it.name, func(t *testing.T) {
			t.Setenv("LC_ALL", it.all)
			t.Setenv("LC_MESSAGES", it.some)
			t.Setenv("LC_MONETARY", "")
			t.Setenv("LANG", it.lang)
			s := &settings{}
			s.screen.language = it.configured
			got := tongueOf(s)
			speech, _ := got.words(shippedAsset)
			if speech.Tag() != it.language || got.locale != money.LocaleFor(it.locale) {
				t.Errorf("spoken to in %s with numbers of %s, want %s and %s", speech.Tag(), got.locale.Tag(), it.language, it.locale)
			}
		})
	}
}

// TestScenesAreTranslated looks that what the demo plays has words in every
// language.
func TestScenesAreTranslated(t *testing.T) {
	for _, tag := range words.Languages() {
		speech := words.For(tag, words.Format{})
		for _, s := range scenes {
			if got := speech.Scene(s.id, s.title); got == "" || tag != "en" && got == s.title {
				t.Errorf("%s: the scene %s reads %q", tag, s.id, got)
			}
		}
	}
}
