package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cointill/till/tui/words"
)

// playFile plays a show without a terminal, and returns its shots and their
// names in order.
func playFile(t *testing.T, path string) (shots map[string]string, order []string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := parseShow(filepath.Base(path), f)
	if err != nil {
		t.Fatal(err)
	}
	return playShow(t, s)
}

func playShow(t *testing.T, s *show) (shots map[string]string, order []string) {
	t.Helper()
	shots = make(map[string]string)
	err := s.play(t.Context(), false, 1, func(name, text string) error {
		shots[name], order = text, append(order, name)
		return nil
	})
	if err != nil {
		if stuck := new(stuckError); errors.As(err, &stuck) {
			t.Log(stuck.frame)
		}
		t.Fatal(err)
	}
	return shots, order
}

// TestEveryScene plays a show in which each scene happens, and what should be on
// the screen then is there. Every screen says that it is training.
func TestEveryScene(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "shows", "scenes.show")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scenes {
		if playable(s.id) && !strings.Contains(string(text), "\nscene "+s.id+"\n") {
			t.Errorf("nobody plays the scene %s", s.id)
		}
	}
	shots, _ := playFile(t, path)
	for name, shot := range shots {
		if !strings.Contains(shot, "TRAINING") {
			t.Errorf("the screen %s does not say that it is training:\n%s", name, shot)
		}
	}
}

// TestShowsAreTheSame: the same seed gives the same screens, to the last digit;
// another one gives another shop.
func TestShowsAreTheSame(t *testing.T) {
	t.Parallel()
	const text = "type 1620\npress b\nexpect AWAITING\nshot pay\npay\nexpect 4 of 4\nshot seen\nwait 90s\nmine 2\nexpect HAND OVER\nshot paid\n"
	play := func(head string) map[string]string {
		s, err := parseShow("same.show", strings.NewReader(head+text))
		if err != nil {
			t.Fatal(err)
		}
		shots, _ := playShow(t, s)
		return shots
	}
	first, again, other := play(""), play("seed 1\n"), play("seed 2\n")
	for name, shot := range first {
		if again[name] != shot {
			t.Errorf("the second time %s was\n%s\nand not\n%s", name, again[name], shot)
		}
	}
	if first["pay"] == other["pay"] {
		t.Error("another seed shows the same code")
	}
	german, err := parseShow("german.show", strings.NewReader("language de\ntype 1620\npress b\nexpect 16,20 €\nshot pay\n"))
	if err != nil {
		t.Fatal(err)
	}
	if shots, _ := playShow(t, german); !strings.Contains(shots["pay"], words.For("de", words.Format{}).Phrases().Training) {
		t.Errorf("in German it is\n%s", shots["pay"])
	}
}

func TestShowErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "has no steps"},
		{"# only a remark\n\n", "has no steps"},
		{"pay\nflee\n", `line 2: "flee" is no step; the steps are type, press, pay`},
		{"pay now", "line 1: nothing stands after pay"},
		{"expect", "line 1: something is missing after expect"},
		{"wait soon", "line 1: wait takes a time like 500ms"},
		{"wait 2h", "line 1: wait takes"},
		{"wait -1s", "line 1: wait takes"},
		{"mine 0", "line 1: mine takes"},
		{"press enter f13", `line 1: there is no key "f13"; they are`},
		{"press Enter", `no key "Enter"`},
		{"scene flood", `line 1: there is no scene "flood"; the scenes are exact, rest, short`},
		{"scene time-60", "there is no scene"},
		{"pay\nseed 7", "line 2: seed stands before the first step"},
		{"seed many", "a seed is a whole number"},
		{"size 10x10", "a size is written like 80x24"},
		{"size wide", "a size is written"},
		{"shot ../../etc/passwd", "a shot's name has small letters"},
		{"shot a\nshot a", `line 2: line 1 takes a shot "a" already`},
		{"type \xff", "line 1: this is not UTF-8"},
		{strings.Repeat("# remark\n", 8000), "at most 64 KiB"},
		{"type " + strings.Repeat("x", 70_000), "cannot be read"},
	} {
		_, err := parseShow("a.show", strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || codeOf(err) != exitUsage {
			t.Errorf("%.40q: %v, want %q", c.text, err, c.want)
		}
	}
}

// FuzzShow: no file breaks the reader of shows, and what it takes can be played.
func FuzzShow(f *testing.F) {
	f.Add("size 80x24\ntype 450\npress enter\nexpect AWAITING\npay\nmine 2\nshot a\nwait 5s\nquit\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseShow("a.show", strings.NewReader(text))
		if err != nil {
			return
		}
		for _, st := range s.steps {
			if st.wait < 0 || st.wait > mostWait || st.verb == "shot" && !shotName.MatchString(st.text) || st.verb == "scene" && !playable(st.text) {
				t.Errorf("%q became %+v", text, st)
			}
		}
	})
}
