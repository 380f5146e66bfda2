package tuitest

import "unicode/utf8"

// key is a key in the forms in which terminals send it.
type key struct {
	bytes string // what a terminal sends
	tmux  string // what tmux calls it; "" = send bytes as they are
}

// The escape key is sent in the form of the kitty protocol, because the lone
// byte would make one key with what follows it.
var keyNames = map[string]key{
	"enter":     {"\r", "Enter"},
	"esc":       {"\x1b[27u", "Escape"},
	"tab":       {"\t", "Tab"},
	"shift+tab": {"\x1b[Z", "BTab"},
	"backspace": {"\x7f", "BSpace"},
	"delete":    {"\x1b[3~", "DC"},
	"space":     {" ", "Space"},
	"up":        {"\x1b[A", "Up"},
	"down":      {"\x1b[B", "Down"},
	"right":     {"\x1b[C", "Right"},
	"left":      {"\x1b[D", "Left"},
	"home":      {"\x1b[H", "Home"},
	"end":       {"\x1b[F", "End"},
	"pgup":      {"\x1b[5~", "PPage"},
	"pgdown":    {"\x1b[6~", "NPage"},
	"f1":        {"\x1bOP", "F1"},
	"f2":        {"\x1bOQ", "F2"},
	"f3":        {"\x1bOR", "F3"},
	"f4":        {"\x1bOS", "F4"},
	"f5":        {"\x1b[15~", "F5"},
	"f6":        {"\x1b[17~", "F6"},
	"f7":        {"\x1b[18~", "F7"},
	"f8":        {"\x1b[19~", "F8"},
	"f9":        {"\x1b[20~", "F9"},
	"f10":       {"\x1b[21~", "F10"},
	"ctrl+c":    {"\x03", "C-c"},
	"ctrl+d":    {"\x04", "C-d"},
	"ctrl+l":    {"\x0c", "C-l"},
	"ctrl+u":    {"\x15", "C-u"},
	"ctrl+z":    {"\x1a", "C-z"},
}

func named(name string) (key, bool) {
	if k, ok := keyNames[name]; ok {
		return k, true
	}
	if r, size := utf8.DecodeRuneInString(name); size == len(name) && size > 0 && r != utf8.RuneError {
		return literal(r), true
	}
	return key{}, false
}

func literal(r rune) key { return key{bytes: string(r)} }
