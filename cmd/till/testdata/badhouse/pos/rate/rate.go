// Package rate draws.
package rate

import (
	_ "charm.land/bubbletea/v2"
	_ "modernc.org/sqlite"
)
