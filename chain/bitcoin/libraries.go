package bitcoin

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btclog"
	"github.com/lightninglabs/neutrino"
)

// The libraries below keep their settings and loggers in package variables, so
// they are set once per process, before the first light client; the log goes
// to the last one that was started.
var (
	prepareOnce sync.Once
	logTarget   atomic.Pointer[slog.Logger]
)

func prepareLibraries(log *slog.Logger) {
	logTarget.Store(log)
	prepareOnce.Do(func() {
		neutrino.UserAgentName, neutrino.UserAgentVersion = "till", "1"
		neutrino.ConnectionRetryInterval = time.Second // dial has its own pauses
		neutrino.UseLogger(bridge{})
	})
}

// bridge is a btclog.Logger that writes to slog. What strangers cause is the
// libraries' warning and our debug: a shop can do nothing about a bad peer.
type bridge struct{}

var _ btclog.Logger = bridge{}

func (bridge) write(level slog.Level, format string, args []any) {
	log := logTarget.Load()
	if log == nil || !log.Enabled(context.Background(), level) {
		return
	}
	log.Log(context.Background(), level, fmt.Sprintf(format, args...), "from", "light client")
}

func (bridge) line(level slog.Level, args []any) {
	log := logTarget.Load()
	if log == nil || !log.Enabled(context.Background(), level) {
		return
	}
	log.Log(context.Background(), level, fmt.Sprint(args...), "from", "light client")
}

const trace = slog.LevelDebug - 4

func (b bridge) Tracef(format string, args ...any)    { b.write(trace, format, args) }
func (b bridge) Debugf(format string, args ...any)    { b.write(trace, format, args) }
func (b bridge) Infof(format string, args ...any)     { b.write(slog.LevelDebug, format, args) }
func (b bridge) Warnf(format string, args ...any)     { b.write(slog.LevelDebug, format, args) }
func (b bridge) Errorf(format string, args ...any)    { b.write(slog.LevelWarn, format, args) }
func (b bridge) Criticalf(format string, args ...any) { b.write(slog.LevelError, format, args) }
func (b bridge) Trace(args ...any)                    { b.line(trace, args) }
func (b bridge) Debug(args ...any)                    { b.line(trace, args) }
func (b bridge) Info(args ...any)                     { b.line(slog.LevelDebug, args) }
func (b bridge) Warn(args ...any)                     { b.line(slog.LevelDebug, args) }
func (b bridge) Error(args ...any)                    { b.line(slog.LevelWarn, args) }
func (b bridge) Critical(args ...any)                 { b.line(slog.LevelError, args) }
func (bridge) Level() btclog.Level                    { return btclog.LevelInfo }
func (bridge) SetLevel(btclog.Level)                  {}
