package main
import "github.com/spf13/cobra"
func verifyCommand(at *places) *cobra.Command { return &cobra.Command{Use:"verify"} }
