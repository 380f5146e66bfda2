package main

import (
	_ "embed"
	"os"
	"strings"
)

//go:embed till.service
var unitText string

// systemdUnit is a systemd unit that runs this program as a service.
func systemdUnit() string {
	const usual = "ExecStart=/usr/local/bin/till "
	self, err := os.Executable()
	if err != nil || strings.ContainsAny(self, " \"'\\%$\n") {
		return unitText
	}
	return strings.Replace(unitText, usual, "ExecStart="+self+" ", 1)
}
