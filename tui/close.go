package tui

// Close stops listening to the register. Whoever runs the model calls it when the
// program has ended: a terminal may go away between two pieces of news.
func (m *Model) Close() {
	if m.box != nil {
		m.box.Close()
	}
}
