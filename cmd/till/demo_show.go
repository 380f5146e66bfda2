package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

// showHelp is the language of shows.
const showHelp = `  # …              a remark
  language de      of the screens; like seed and size before the first step
  seed 7           other keys, addresses and numbers than those of seed 1
  size 80x24       of the screen, where the show is not on a terminal
  type 4.50        characters
  press enter f2   keys
  pay              the customer pays (like press p)
  scene short      what else may happen, by its name
  mine 2           so many blocks (like press m)
  wait 5s          time passes: between steps it stands still
  expect PAID      goes on when this is on the screen, and fails if it does not come
  gone AWAITING    … when it is not
  shot paid        the screen as text, by this name
  quit             leaves; without it the register stays open after the show

The scenes are `

// show is a script: a demo that plays itself, the same each time.
type show struct {
	name       string
	seed       uint64
	language   string
	cols, rows int
	steps      []step
}

// step is one line of a show.
type step struct {
	line int
	verb string
	text string            // type, scene, expect, gone, shot
	keys []tea.KeyPressMsg // press, type
	n    int               // mine, and the size's columns
	rows int
	wait time.Duration
}

const (
	mostShow  = 1 << 16 // bytes
	mostWait  = time.Hour
	mostCells = 300
)

// parseShow reads a show. Its errors name the line and what may stand there.
func parseShow(name string, in io.Reader) (*show, error) {
	s := &show{name: name, seed: 1, language: "en", cols: 80, rows: 24}
	lines := bufio.NewScanner(io.LimitReader(in, mostShow+1))
	total := 0
	for n := 1; lines.Scan(); n++ {
		if total += len(lines.Bytes()) + 1; total > mostShow {
			return nil, usage("%s: a show is at most %d KiB", s.name, mostShow>>10)
		}
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := s.read(n, line); err != nil {
			return nil, usage("%s, line %d: %w", s.name, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, usage("%s cannot be read: it is no text of lines", s.name)
	}
	if len(s.steps) == 0 {
		return nil, usage("%s has no steps; see till demo --help", s.name)
	}
	return s, nil
}

var shotName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// read understands one line.
func (s *show) read(n int, line string) error {
	if !utf8.ValidString(line) {
		return errors.New("this is not UTF-8")
	}
	verb, arg, _ := strings.Cut(line, " ")
	arg = strings.TrimSpace(arg)
	st := step{line: n, verb: verb, text: arg}
	switch alone := verb == "pay" || verb == "quit"; {
	case alone && arg != "":
		return fmt.Errorf("nothing stands after %s", verb)
	case !alone && arg == "" && verb != "mine" && verbs[verb]:
		return fmt.Errorf("something is missing after %s", verb)
	}
	switch verb {
	case "language", "seed":
		if len(s.steps) > 0 {
			return fmt.Errorf("%s stands before the first step", verb)
		}
		if verb == "language" {
			s.language = clean(arg, 20)
			return nil
		}
		seed, err := strconv.ParseUint(arg, 10, 64)
		if err != nil {
			return errors.New("a seed is a whole number, like 7")
		}
		s.seed = seed
		return nil
	case "size":
		cols, rows, ok := strings.Cut(arg, "x")
		c, err1 := strconv.Atoi(cols)
		r, err2 := strconv.Atoi(rows)
		if !ok || err1 != nil || err2 != nil || c < 20 || r < 10 || c > mostCells || r > mostCells {
			return errors.New("a size is written like 80x24")
		}
		if st.n, st.rows = c, r; len(s.steps) == 0 {
			s.cols, s.rows = c, r
			return nil
		}
	case "type":
		for _, r := range arg {
			st.keys = append(st.keys, tea.KeyPressMsg{Code: r, Text: string(r)})
		}
	case "press":
		for name := range strings.FieldsSeq(arg) {
			key, ok := keyNamed(name)
			if !ok {
				return fmt.Errorf("there is no key %.20q; they are single characters and enter, esc, tab, space, backspace, up, down, left, right, f1 to f12", name)
			}
			st.keys = append(st.keys, key)
		}
	case "scene":
		if !playable(arg) {
			return fmt.Errorf("there is no scene %.20q; the scenes are %s", arg, sceneNames())
		}
	case "mine":
		st.n = 1
		if arg != "" {
			var err error
			if st.n, err = strconv.Atoi(arg); err != nil || st.n < 1 || st.n > 100 {
				return errors.New("mine takes a number of blocks from 1 to 100")
			}
		}
	case "wait":
		d, err := time.ParseDuration(arg)
		if err != nil || d <= 0 || d > mostWait {
			return errors.New("wait takes a time like 500ms, 5s or 2m, up to an hour")
		}
		st.wait = d
	case "shot":
		if !shotName.MatchString(arg) {
			return errors.New("a shot's name has small letters, digits and -")
		}
		for _, other := range s.steps {
			if other.verb == "shot" && other.text == arg {
				return fmt.Errorf("line %d takes a shot %q already", other.line, arg)
			}
		}
	case "expect", "gone", "pay", "quit":
	default:
		return fmt.Errorf("%.20q is no step; the steps are type, press, pay, scene, mine, wait, expect, gone, shot, size and quit", verb)
	}
	s.steps = append(s.steps, st)
	return nil
}

// verbs are those that want something after them.
var verbs = map[string]bool{
	"language": true, "seed": true, "size": true, "type": true, "press": true, "scene": true, "wait": true, "expect": true, "gone": true, "shot": true,
}

var namedKeys = map[string]rune{
	"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "backspace": tea.KeyBackspace,
	"up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight,
}

// keyNamed is the key with a name, as the key list has it.
func keyNamed(name string) (tea.KeyPressMsg, bool) {
	if code, ok := namedKeys[name]; ok {
		return tea.KeyPressMsg{Code: code}, true
	}
	if name == "space" {
		return tea.KeyPressMsg{Code: tea.KeySpace, Text: " "}, true
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(name, "f")); err == nil && len(name) > 1 && n >= 1 && n <= 12 && name[0] == 'f' {
		return tea.KeyPressMsg{Code: tea.KeyF1 + rune(n-1)}, true
	}
	if r, size := utf8.DecodeRuneInString(name); size == len(name) && r > ' ' {
		return tea.KeyPressMsg{Code: r, Text: name}, true
	}
	return tea.KeyPressMsg{}, false
}

// playable tells whether a show may play a scene: time is the show's own.
func playable(id string) bool {
	for _, s := range scenes {
		if s.id == id {
			return !strings.HasPrefix(id, "time-")
		}
	}
	return false
}

func sceneNames() string {
	var names []string
	for _, s := range scenes {
		if playable(s.id) {
			names = append(names, s.id)
		}
	}
	return strings.Join(names, ", ")
}
