#!/usr/bin/env bash
# Runs go test on packages and says at the end, loudly, what was not run.
#
#   .ci/test.sh [full] PACKAGE...
#
# full: with the race detector, with TILL_FULL=1 (a test that lacks a tool fails),
# and a test that skips all the same fails the run.
set -euo pipefail
cd "$(dirname "$0")/.."

flags=(-timeout 20m)
full=
if [ "${1-}" = full ]; then
	shift
	full=1
	export TILL_FULL=1
	flags+=(-race -count=1)
fi
# Two packages at a time: tests with real nodes wait for each other otherwise.
flags+=(-p "${TEST_PACKAGES:-2}")

status=0
go test -json "${flags[@]}" "$@" | go run ./.ci/report ${full:+-full} || status=$?
exit "$status"
