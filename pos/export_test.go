package pos

// Held is how many sales and timers a register has in memory.
func (r *Register) Held() (sales, timers int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.entries), len(r.timers)
}
