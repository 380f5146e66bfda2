package pos

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestCleanText(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		max            int
	}{
		{"plain", "Café Linde", "Café Linde", 40},
		{"other scripts", "寿司 · Кофе · قهوة · ☕", "寿司 · Кофе · قهوة · ☕", 40},
		{"combining marks stay", "e\u0301t\u00e9", "e\u0301t\u00e9", 40},
		{"a heap of marks", "Z" + strings.Repeat("\u0335", 50) + "a", "Z" + strings.Repeat("\u0335", 4) + "a", 40},
		{"a mark on nothing", "\u0301a", "a", 40},
		{"escape sequence", "a\x1b[31mb\x1b]0;title\x07c", "a[31mb]0;titlec", 40},
		{"C1 controls", "a\u009b31mb\u0090c", "a31mbc", 40},
		{"C1 as raw bytes", "a\x9b31mb", "a31mb", 40},
		{"bidirectional", "abc\u202egnp.exe\u202c\u2066x\u2069\u200f", "abcgnp.exex", 40},
		{"zero width", "pay\u200bpal\u200d\u2060\ufeff", "paypal", 40},
		{"tag characters", "ok\U000e0041\U000e007f", "ok", 40},
		{"variation selectors", "\u2615\ufe0f", "\u2615", 40},
		{"private and unassigned", "a\ue000b\U0010ffffc\u0378d", "abcd", 40},
		{"fillers that look empty", "a\u3164\u2800\u115fb", "ab", 40},
		{"broken UTF-8", "a\xff\xfeb\xc3", "ab", 40},
		{"surrogate halves", "a\xed\xa0\x80b", "ab", 40},
		{"white space", "  a\t\r\n b\u00a0\u2028c  ", "a b c", 40},
		{"soft hyphen", "a\u00adb", "ab", 40},
		{"cut", "abcdef", "abc", 3},
		{"cut does not end in a space", "ab cd", "ab", 3},
		{"nothing", "abc", "", 0},
		{"less than nothing", "abc", "", -1},
		{"only rubbish", "\x00\u200b \n", "", 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := CleanText(c.in, c.max); got != c.want {
				t.Errorf("CleanText(%+q, %d) = %+q, want %+q", c.in, c.max, got, c.want)
			}
		})
	}
}

func FuzzCleanText(f *testing.F) {
	for _, s := range []string{"Café Linde", "a\x1b[2Jb", "\u202eabc", "a\u200b \u0301b", "\xff\x9b", "e\u0301\u0301\u0301\u0301\u0301\u0301", "a \u0301b", "\u00a0x\u2028"} {
		f.Add(s, 12)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit %= 200
		got := CleanText(s, limit)
		if !utf8.ValidString(got) {
			t.Fatalf("%+q is not UTF-8", got)
		}
		if n := utf8.RuneCountInString(got); n > max(0, limit) {
			t.Fatalf("%d runes, at most %d were asked", n, limit)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) || unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) {
				t.Fatalf("%+q holds %U", got, r)
			}
		}
		if got != strings.TrimSpace(got) {
			t.Fatalf("%+q has a space at an end", got)
		}
		if again := CleanText(got, limit); again != got {
			t.Fatalf("cleaned twice: %+q, once: %+q", again, got)
		}
	})
}
