package tui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/cointill/till/pos"
	"github.com/cointill/till/tui/theme"
)

// The demo's menu of scenes: what a customer or a network may do to a sale.

func (m *Model) scenes() []Scene {
	if m.stage == nil {
		return nil
	}
	v, _ := m.view()
	return m.stage.Scenes(v)
}

// SceneKey is the letter of a row: 1 to 9, then a, b, c …
func SceneKey(i int) string {
	if i < 9 {
		return string(rune('1' + i))
	}
	return string(rune('a' + i - 9))
}

func (m *Model) pressScenes(key string) tea.Cmd {
	list := m.scenes()
	switch key {
	case "esc", "P":
		m.over = overNone
		return nil
	case "up":
		m.scene = max(0, m.scene-1)
		return nil
	case "down":
		m.scene = max(0, min(m.scene+1, len(list)-1))
		return nil
	case "enter":
		return m.play(list, m.scene)
	}
	for i := range list {
		if key == SceneKey(i) {
			return m.play(list, i)
		}
	}
	return nil
}

func (m *Model) play(list []Scene, i int) tea.Cmd {
	m.over = overNone
	if i < 0 || i >= len(list) {
		return nil
	}
	v, ok := m.view()
	if !ok {
		v = pos.View{}
	}
	stage, id := m.stage, list[i].ID
	return m.perform(func(ctx context.Context) error { return stage.Play(ctx, id, v) })
}

func (m *Model) drawScenes() {
	a := m.area(m.lay.body.inset(2, 0))
	a.text(0, 0, theme.Strong, m.p.Scenes)
	list := m.scenes()
	if len(list) == 0 {
		a.wrap(0, 2, a.w(), 3, theme.Dim, m.p.NoScenes)
		return
	}
	// A title may need several rows; the chosen one is there whole.
	m.scene = max(0, min(m.scene, len(list)-1))
	var titles []string
	var heights []int
	for _, it := range list {
		title := clean(m.w.Scene(it.ID, it.Title), 100)
		titles = append(titles, title)
		heights = append(heights, strings.Count(ansi.Wrap(title, max(8, a.w()-5), " "), "\n")+1)
	}
	from, used := 0, 0
	for i := 0; i <= m.scene; i++ {
		for used += heights[i]; used > a.h()-2 && from < i; from++ {
			used -= heights[from]
		}
	}
	for i, y := from, 2; i < len(list) && y < a.h(); i++ {
		style := theme.Text
		if i == m.scene {
			style = theme.Strong
			a.text(0, y, theme.Accent, ">")
		}
		m.touchRow(a, y, heights[i], i)
		a.text(2, y, theme.Key, SceneKey(i))
		y += a.wrap(5, y, a.w()-5, a.h()-y, style, titles[i])
	}
}
