package main

import _ "github.com/cointill/till/chain/devnet"
