package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"
	"charm.land/lipgloss/v2"

	"github.com/cointill/till/chain/xpub"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/words"
)

// setUp is the set-up form: one question a screen, each with its why, the
// current answer editable. It shows what was typed, except keys: if one turns
// out to be private, it must not have been on the screen.
type setUp struct {
	answers answers
	typed   typed

	at      int   // index into questions
	before  []int // the questions before it, for going back
	form    *huh.Form
	problem string // why the last answer was not taken
	cols    int
	rows    int
	done    bool // everything was answered
	left    bool // the person gave up
}

// typed is what is in the fields. Keys are cleared once they were looked at.
type typed struct {
	name, currency   string
	take             []string
	network, script  string
	peer             string
	bitcoin, evm     string
	endpoint         string
	same, write      bool
	askBitcoin       bool // although there is a key: it was the wrong one
	askEVM           bool
	ambiguous        string // a key that waits for its script
	bitcoinConfirmed *xpub.Key
	evmConfirmed     *xpub.Key
}

// askSetUp asks on this terminal for what a does not have yet. It never writes
// anything.
func askSetUp(ctx context.Context, a answers) (answers, error) {
	program := tea.NewProgram(newSetUp(a), tea.WithContext(ctx), tea.WithoutSignalHandler(), tea.WithFilter(knowsItsSize))
	last, err := program.Run()
	model, ok := last.(*setUp)
	if err != nil || !ok || !model.done {
		if err != nil && !errors.Is(err, tea.ErrProgramKilled) && !errors.Is(err, context.Canceled) {
			return a, errors.New("this terminal cannot show the set-up form; give the answers as flags, see `till init --help`")
		}
		return a, errors.New("set-up was left; nothing was written")
	}
	return model.answers, nil
}

// knowsItsSize drops the question for the terminal's size that each form asks
// anew: it is known and told to each (see ask), and Bubble Tea answers every one
// of them on a goroutine of its own, writing to the same fields.
func knowsItsSize(_ tea.Model, msg tea.Msg) tea.Msg {
	if msg == tea.RequestWindowSize() {
		return nil
	}
	return msg
}

func newSetUp(a answers) *setUp {
	w := &setUp{answers: a, cols: 80, rows: 24, at: -1}
	w.typed.name, w.typed.currency = a.name, a.currency
	w.typed.network = "mainnet"
	if b := a.bitcoin; b != nil {
		w.typed.network, w.typed.peer = b.network, strings.Join(b.peers, ", ")
		w.typed.take = append(w.typed.take, "bitcoin")
	}
	for _, c := range a.chains {
		w.typed.take = append(w.typed.take, fmt.Sprint(c.id))
	}
	if len(w.typed.take) == 0 {
		w.typed.take = []string{"bitcoin"}
	}
	w.next()
	return w
}

func (w *setUp) Init() tea.Cmd { return w.form.Init() }

func (w *setUp) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		w.cols, w.rows = msg.Width, msg.Height
		w.form.WithWidth(w.width())
	case tea.KeyPressMsg:
		switch key := msg.String(); {
		case key == "esc":
			return w, w.back()
		case questions[w.at].yesNo && !strings.Contains(" y n Y N ctrl+c ", " "+key+" "):
			return w, nil // enter out of habit is no answer
		}
	}
	model, cmd := w.form.Update(msg)
	if form, ok := model.(*huh.Form); ok {
		w.form = form
	}
	switch w.form.State {
	case huh.StateAborted:
		w.left = true
		return w, tea.Quit
	case huh.StateCompleted:
		return w, w.answered()
	}
	return w, cmd
}

// answered takes the answer and asks the next question, or the same again.
func (w *setUp) answered() tea.Cmd {
	w.problem = ""
	from := w.at
	if err := questions[w.at].apply(w); err != nil {
		w.problem = oneLine(err)
		return w.ask()
	}
	if w.at == from {
		w.before = append(w.before, from)
	}
	return w.next()
}

// next asks the next question that has to be asked.
func (w *setUp) next() tea.Cmd {
	for w.at++; w.at < len(questions); w.at++ {
		if skip := questions[w.at].skip; skip == nil || !skip(w) {
			return w.ask()
		}
	}
	w.done = true
	return tea.Quit
}

// back goes to the question before, where there is one.
func (w *setUp) back() tea.Cmd {
	if len(w.before) == 0 {
		return nil
	}
	w.at = w.before[len(w.before)-1]
	w.before = w.before[:len(w.before)-1]
	w.problem = ""
	return w.ask()
}

// goTo asks an earlier question again.
func (w *setUp) goTo(name, problem string) {
	for i, q := range questions {
		if q.name == name {
			w.at = i - 1
			w.problem = problem
			for len(w.before) > 0 && w.before[len(w.before)-1] >= i {
				w.before = w.before[:len(w.before)-1]
			}
		}
	}
}

// ask makes the form of the question.
func (w *setUp) ask() tea.Cmd {
	w.form = huh.NewForm(huh.NewGroup(questions[w.at].field(w))).
		WithShowHelp(false).WithTheme(huh.ThemeFunc(huh.ThemeBase)).WithWidth(w.width())
	start := w.form.Init()
	// It asks for the size by itself, but not every terminal answers.
	model, size := w.form.Update(tea.WindowSizeMsg{Width: w.cols, Height: w.rows})
	if form, ok := model.(*huh.Form); ok {
		w.form = form
	}
	return tea.Sequence(start, size)
}

func (w *setUp) View() tea.View {
	var b strings.Builder
	bold := lipgloss.NewStyle().Bold(true)
	left, right := " Set-up", "ctrl+c leave "
	if len(w.before) > 0 {
		right = "esc back  " + right
	}
	if w.at < len(questions) && questions[w.at].yesNo {
		right = "y/n  " + right // also where the buttons have no room
	}
	if gap := w.cols - len(left) - len(right); gap > 0 {
		left += strings.Repeat(" ", gap) + right
	}
	b.WriteString(bold.Render(left) + "\n\n")
	if !w.done && !w.left {
		if above := questions[w.at].above; above != nil {
			b.WriteString(above(w) + "\n")
		}
		b.WriteString(w.form.View())
		if w.problem != "" {
			b.WriteString("\n\n" + lipgloss.NewStyle().Bold(true).Width(w.width()).PaddingLeft(1).Render("! "+w.problem))
		}
	}
	v := tea.NewView(lipgloss.NewStyle().MaxWidth(w.cols).MaxHeight(w.rows).Render(b.String()))
	v.AltScreen = true
	v.WindowTitle = "till: set-up"
	return v
}

// width is what texts are wrapped to.
func (w *setUp) width() int { return max(20, w.cols-4) }

// addressList writes addresses to compare, in groups where they fit.
func addressList(p proof, cols int) string {
	var b strings.Builder
	wrap := lipgloss.NewStyle().Width(max(20, cols-1)).PaddingLeft(1)
	b.WriteString(wrap.Render(p.compareTitle()+"\n"+p.title) + "\n")
	for _, warning := range p.warnings {
		b.WriteString(wrap.Render("! "+warning.Text()) + "\n")
	}
	for i, to := range p.first {
		line := ""
		prefix := fmt.Sprintf("   %d   ", i+1)
		for group := range strings.FieldsSeq(words.Groups(string(to))) {
			if line != "" && len(prefix)+len(line)+1+len(group) > cols {
				b.WriteString(prefix + line + "\n")
				prefix, line = "       ", ""
			}
			if line != "" {
				line += " "
			}
			line += group
		}
		b.WriteString(prefix + line + "\n")
	}
	return b.String()
}

func takes(w *setUp, what string) bool {
	for _, t := range w.typed.take {
		if t == what {
			return true
		}
	}
	return false
}

func clean(text string, most int) string { return pos.CleanText(text, most) }
