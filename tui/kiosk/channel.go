package kiosk

import (
	"strings"

	gossh "golang.org/x/crypto/ssh"
)

// A client has one channel, and what it may ask of it is filtered before anything
// else sees it: a terminal of a size that can be drawn, its changes, how many
// colours it has, and a shell, which is the screen.

// size is a terminal's, in columns and rows. What a client has beyond the largest
// stays blank: a frame's memory is ours.
type size struct{ cols, rows uint32 }

var (
	usual     = size{80, 24}   // of a client that says nothing
	mostKnown = size{320, 100} // with a key
	mostGuest = size{160, 50}  // without one
)

const (
	mostTerm = 40 // bytes of a terminal's type
	mostEnv  = 4  // variables
)

// wanted are the variables that a client may send: how many colours it has.
var wanted = map[string]bool{"COLORTERM": true, "NO_COLOR": true}

// ptyRequest is RFC 4254, section 6.2.
type ptyRequest struct {
	Term             string
	Cols, Rows, W, H uint32
	Modes            string
}

// sizeRequest is RFC 4254, section 6.7.
type sizeRequest struct{ Cols, Rows, W, H uint32 }

// clamp bounds a size by the largest that is drawn.
func (most size) clamp(cols, rows uint32) (uint32, uint32) {
	if cols == 0 {
		cols = usual.cols
	}
	if rows == 0 {
		rows = usual.rows
	}
	return min(cols, most.cols), min(rows, most.rows)
}

// plainTerm is a terminal's type that was looked at: it decides about colours, and
// goes into a log.
func plainTerm(term string) string {
	ok := term != "" && len(term) <= mostTerm && strings.IndexFunc(term, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-+._", r)
	}) < 0
	if !ok {
		return "xterm"
	}
	return term
}

// narrow is a channel whose requests are filtered.
type narrow struct {
	gossh.NewChannel
	most size
	// sizes has the window's last one. The library's own channel for them blocks
	// whoever sends two before anybody listens, and the connection with it.
	sizes chan size
}

// Accept implements ssh.NewChannel.
func (n narrow) Accept() (gossh.Channel, <-chan *gossh.Request, error) {
	ch, reqs, err := n.NewChannel.Accept()
	if err != nil {
		return nil, nil, err
	}
	out := make(chan *gossh.Request)
	go func() {
		defer close(out)
		envs := 0
		for req := range reqs {
			if req.Type == "env" {
				envs++
			}
			switch {
			case req.Type == "window-change":
				_ = req.Reply(n.resize(req.Payload), nil)
			case envs <= mostEnv && permit(req, n.most):
				out <- req
			default:
				_ = req.Reply(false, nil)
			}
		}
	}()
	return ch, out, nil
}

// permit tells whether a request may be made, and puts what it asks for within
// bounds.
func permit(req *gossh.Request, most size) bool {
	switch req.Type {
	case "shell", "exec": // a command is answered with a sentence
		return true
	case "pty-req":
		var p ptyRequest
		if gossh.Unmarshal(req.Payload, &p) != nil {
			return false
		}
		p.Term, p.W, p.H, p.Modes = plainTerm(p.Term), 0, 0, "" // nothing here is a real terminal
		p.Cols, p.Rows = most.clamp(p.Cols, p.Rows)
		req.Payload = gossh.Marshal(p)
		return true
	case "env":
		var kv struct{ Name, Value string }
		return gossh.Unmarshal(req.Payload, &kv) == nil && wanted[kv.Name] && kv.Value == plainTerm(kv.Value)
	}
	return false
}

// resize keeps a window's new size for whoever draws.
func (n narrow) resize(payload []byte) bool {
	var r sizeRequest
	if gossh.Unmarshal(payload, &r) != nil {
		return false
	}
	var s size
	s.cols, s.rows = n.most.clamp(r.Cols, r.Rows)
	for {
		select {
		case n.sizes <- s:
			return true
		case <-n.sizes: // an older one
		}
	}
}
