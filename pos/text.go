package pos

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// CleanText makes text from outside safe to show, print and store: it keeps
// letters, marks, digits, punctuation, symbols and plain spaces, and nothing
// else. White space of any kind becomes one space; controls (C0, C1), line and
// bidirectional formatting, zero-width and tag characters, unassigned and
// private code points and broken UTF-8 are dropped, so that no name can move a
// cursor, turn text around or look like another. The result has no space at
// its ends and at most maxRunes runes.
func CleanText(s string, maxRunes int) string {
	var b strings.Builder
	b.Grow(min(len(s), max(0, maxRunes)*utf8.UTFMax))
	kept, gap, marks := 0, false, 0
	for i, w := 0, 0; i < len(s) && kept < maxRunes; i += w {
		var r rune
		r, w = utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && w == 1:
			continue
		case unicode.IsSpace(r):
			gap = kept > 0
			continue
		case blank(r) || !unicode.IsPrint(r):
			continue
		case unicode.Is(unicode.M, r):
			// A heap of combining marks paints over the rows around it.
			if marks++; marks > maxMarks || kept == 0 || gap {
				continue
			}
		default:
			marks = 0
		}
		if gap {
			if kept+1 >= maxRunes {
				break
			}
			b.WriteByte(' ')
			kept, gap = kept+1, false
		}
		b.WriteRune(r)
		kept++
	}
	return b.String()
}

// maxMarks is how many combining marks one letter may carry: languages use up
// to three or so.
const maxMarks = 4

// blank tells whether r counts as printable although nothing is drawn for it:
// fillers that pass for letters or marks, and selectors that change nothing in
// a terminal.
func blank(r rune) bool {
	switch r {
	case 0x034f, // combining grapheme joiner
		0x115f, 0x1160, 0x3164, 0xffa0, // Hangul fillers
		0x17b4, 0x17b5, // Khmer inherent vowels
		0x2800, // Braille blank
		0xfffd: // what broken text was replaced with
		return true
	}
	return r >= 0xfe00 && r <= 0xfe0f || // variation selectors
		r >= 0x180b && r <= 0x180f || // Mongolian ones
		r >= 0xe0000 && r <= 0xe0fff // tags and more selectors
}
