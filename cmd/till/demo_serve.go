package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/adrg/xdg"
	"github.com/spf13/cobra"

	"github.com/cointill/till/tui"
	"github.com/cointill/till/tui/kiosk"
	"github.com/cointill/till/tui/words"
)

// The demo's audience comes in over SSH and needs no key: the money is worth
// nothing.

const demoServeHelp = `

With --serve an audience takes part over SSH, without keys, as long as the demo is
open: pay@ types the four digits of a sale and pays it with Enter, display@ is the
customer's screen beside the till, board@ shows the numbers, and on this machine
till@ is a second till and kiosk@ a kiosk. --listen opens it to a room. Only the
key by which SSH knows it again is kept, in the cache folder.`

// audience is who takes part in the demo.
type audience struct {
	serve  bool
	listen string
}

const (
	mostAudience = 100
	longestShow  = 12 * time.Hour
)

func (a *audience) flags(cmd *cobra.Command) {
	cmd.Long += demoServeHelp
	cmd.Flags().BoolVar(&a.serve, "serve", false, "let an audience take part over SSH")
	cmd.Flags().StringVar(&a.listen, "listen", usualListen, "where the audience comes in; \":2222\" opens it to a room")
}

// check says what is wrong with the flags.
func (a *audience) check(cmd *cobra.Command) error {
	if cmd.Flags().Changed("listen") && !a.serve {
		return usage("--listen is for --serve")
	}
	if err := checkListen(a.listen); err != nil {
		return usage("--listen: %w", err)
	}
	return nil
}

// guest is what somebody sees by the name in front of the @.
func (a *audience) guest(user string) (kiosk.Terminal, bool) {
	switch {
	case user == "pay":
		return kiosk.Terminal{Name: "pay", Role: tui.Customer}, true
	case user == "display":
		return kiosk.Terminal{Name: "display", Role: tui.Display, Follow: demoTill}, true
	case user == "board":
		return kiosk.Terminal{Name: "board", Role: tui.Board}, true
	case user == "till" && !beyondLoopback(a.listen):
		return kiosk.Terminal{Name: "till 2", Role: tui.Cashier}, true
	case user == "kiosk" && !beyondLoopback(a.listen):
		return kiosk.Terminal{Name: "kiosk", Role: tui.Kiosk}, true
	}
	return kiosk.Terminal{}, false
}

const demoTill = "till 1"

// invite makes the demo's first screen and what starts it serve an audience.
func (a *audience) invite(w world, cfg tui.Config, start func(context.Context) (*session, error)) (tui.Config, func(context.Context) (*session, error), error) {
	dir := filepath.Join(xdg.CacheHome, "till")
	if err := makePrivate(dir); err != nil {
		return cfg, nil, err
	}
	host, err := hostKey(dir)
	if err != nil {
		return cfg, nil, err
	}
	l, err := listenSSH(a.listen)
	if err != nil {
		return cfg, nil, err
	}
	floor := &kiosk.Floor{}
	cfg.Floor, cfg.Hint = floor, cfg.Hint+" · "+sshLine(a.listen, "pay")
	return cfg, func(ctx context.Context) (*session, error) {
		s, err := start(ctx)
		if err != nil {
			_ = l.Close()
			return nil, err
		}
		server, err := kiosk.New(kiosk.Config{
			Host: host, Guest: a.guest, Floor: floor, Sessions: mostAudience, Longest: longestShow,
			Words: words.For(cfg.Language, words.Format{}), Log: slog.New(slog.DiscardHandler),
			Screen: func(t kiosk.Terminal) tui.Config {
				screen := screenConfig(demoShop, t.Name, tongue{cfg.Language, cfg.Locale})
				screen.Register, screen.Stage, screen.Clock = s, s.stage, paced{w.clock}
				screen.Items, screen.Instruments = demoItems, s.instruments
				screen.NoColour, screen.Dumb = false, false // the client says
				return screen
			},
		})
		if err != nil {
			_ = l.Close()
			return s, err
		}
		s.kiosk.Store(server)
		go func() { _ = server.Serve(l) }() // until the session is closed
		return s, nil
	}, nil
}
