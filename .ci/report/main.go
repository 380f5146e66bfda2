// Command report reads the output of go test -json and writes what a person
// wants to know: the lines of packages, everything about tests that failed, and
// at the end what was skipped, with the words of how to run it. With -full a
// skip is a failure.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// event is a line of go test -json; see go doc test2json.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64 // seconds
}

// report is what was read so far.
type report struct {
	out             io.Writer
	output          map[string][]string // of tests that still run
	failed, skipped []string
	passed          int
}

func main() {
	full := flag.Bool("full", false, "a skipped test is a failure")
	flag.Parse()
	r := &report{out: os.Stdout, output: map[string][]string{}}
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
	if !r.finish(*full) {
		os.Exit(1)
	}
}

func (r *report) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(r.out, lines.Text()) // not every error comes as JSON
			continue
		}
		r.take(e)
	}
	return lines.Err()
}

func (r *report) take(e event) {
	name := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		r.output[name] = append(r.output[name], e.Output)
	case "pass", "skip", "fail":
		if e.Test == "" {
			r.packageDone(e)
		} else {
			r.testDone(name, e)
		}
		delete(r.output, name)
	}
}

func (r *report) testDone(name string, e event) {
	switch e.Action {
	case "pass":
		r.passed++
	case "skip":
		r.skipped = append(r.skipped, name+why(r.output[name]))
	case "fail":
		r.failed = append(r.failed, name)
		fmt.Fprintf(r.out, "--- FAIL: %s (%.1fs)\n%s", name, e.Elapsed, strings.Join(r.output[name], ""))
	}
}

// why is what a test said when it skipped.
func why(output []string) string {
	var b strings.Builder
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "===") || strings.HasPrefix(line, "---") {
			continue
		}
		b.WriteString("\n      " + line)
	}
	return b.String()
}

func (r *report) packageDone(e event) {
	switch e.Action {
	case "pass":
		fmt.Fprintf(r.out, "ok   %s %.1fs\n", e.Package, e.Elapsed)
	case "skip":
		fmt.Fprintf(r.out, "     %s has no tests\n", e.Package)
	case "fail":
		// What no test said: a panic, a race at the end, a build that failed.
		fmt.Fprintf(r.out, "%sFAIL %s %.1fs\n", strings.Join(r.output[e.Package+" "], ""), e.Package, e.Elapsed)
		for name, lines := range r.output { // tests that never ended
			if strings.HasPrefix(name, e.Package+" ") && name != e.Package+" " {
				fmt.Fprintf(r.out, "--- UNFINISHED: %s\n%s", name, strings.Join(lines, ""))
				r.failed = append(r.failed, name)
				delete(r.output, name)
			}
		}
		if !slices.ContainsFunc(r.failed, func(name string) bool { return strings.HasPrefix(name, e.Package+" ") }) {
			r.failed = append(r.failed, e.Package+" was not built, or ended badly")
		}
	}
}

// finish writes the end and tells whether all is well.
func (r *report) finish(full bool) bool {
	slices.Sort(r.skipped)
	slices.Sort(r.failed)
	if len(r.skipped) > 0 {
		fmt.Fprintf(r.out, "\n%d SKIPPED. These were NOT run:\n", len(r.skipped))
		for _, s := range r.skipped {
			fmt.Fprintf(r.out, "  SKIP %s\n", s)
		}
		fmt.Fprintln(r.out, "make test FULL=1 runs them all, with what .ci/run installs.")
	}
	for _, f := range r.failed {
		fmt.Fprintf(r.out, "FAIL %s\n", f)
	}
	bad := len(r.failed)
	if full {
		bad += len(r.skipped)
	}
	fmt.Fprintf(r.out, "%d passed, %d failed\n", r.passed, bad)
	return bad == 0
}
