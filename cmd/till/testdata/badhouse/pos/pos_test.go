package pos

import _ "github.com/cointill/till/cmd/till" // tests may
