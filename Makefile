# till: everything that is done by hand, by name. `make help` lists it.

# A file of its own for the tools, so that nothing of theirs is in the program.
TOOL    := go tool -modfile=.ci/tools.mod
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS := -s -w $(if $(VERSION),-X main.release=$(VERSION))
BUILD   := CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)'
PREFIX  ?= /usr/local
TARGETS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64

# ./... would wander into what npm and others leave behind.
PKGS    := ./cmd/... ./tui/... ./pos/... ./chain/...

.DEFAULT_GOAL := help
.PHONY: run build test lint fmt bench sim crash conformance screens fuzz dist install clean help

run: ## build till and open the register on an in-process network: till demo
	@test -x bin/till || echo 'Building till. The first time this takes a minute or two.'
	@$(MAKE) --no-print-directory build
	@./bin/till demo

build: ## build bin/till
	@mkdir -p bin
	$(BUILD) -o bin/till ./cmd/till

test: ## run the tests; FULL=1 also with -race, and nothing may be skipped
	@bash .ci/test.sh $(if $(FULL),full) $(PKGS)

lint: ## what the machine can say about the code: format, vet, rules of the rooms
	@bad=$$($(TOOL) gofumpt -l cmd tui pos chain .ci); test -z "$$bad" || { echo "Not formatted, run make fmt:" $$bad; exit 1; }
	go mod tidy -diff
	go vet $(PKGS) ./.ci/report
	$(TOOL) golangci-lint run $(PKGS) ./.ci/report

fmt: ## format the code
	$(TOOL) gofumpt -w cmd tui pos chain .ci

bench: ## the benchmarks, one after another; BENCH=regexp chooses
	go test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem -p 1 -timeout 60m $(PKGS)

sim: ## N schedules of the simulation, DISK of them on a real store; SEED plays one again
	go test -count=1 -timeout 0 -run '^TestSimulation$$' ./pos -rapid.checks=$(or $(N),100000) $(if $(SEED),-rapid.seed=$(SEED))
	TMPDIR=$(wildcard /dev/shm) go test -count=1 -timeout 0 -run '^TestSimulationOnDisk$$' ./pos -rapid.checks=$(or $(DISK),10000) $(if $(SEED),-rapid.seed=$(SEED))

crash: ## kill a shop N times while customers pay; nothing may be lost, nothing counted twice
	TILL_CRASHES=$(or $(N),100) go test -count=1 -timeout 0 -run '^TestCrash$$' -v ./cmd/till

conformance: ## only the suites that every watcher and every store passes, under the race detector; needs npm, for anvil
	@command -v npm > /dev/null || { echo 'The suites run on other nodes too, which come from npm: install node and npm.'; exit 1; }
	TILL_FULL=1 go test -race -count=1 -timeout 60m ./chain/chaintest/... ./chain/bitcoin/... ./chain/ethereum/... ./pos/store/...

screens: ## take the README's screens and its key list anew
	go test -count=1 -run '^TestReadme' ./cmd/till -readme

fuzz: ## every fuzz test for FUZZTIME, 30s if not said otherwise
	@for p in $$(go list $(PKGS)); do for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
		echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(or $(FUZZTIME),30s) $$p || exit 1; done; done

dist: ## build for every system into dist/, with check sums
	@rm -rf dist && mkdir -p dist
	@set -e; for t in $(TARGETS); do \
		name=till-$(or $(VERSION),dev)-$${t%/*}-$${t#*/}; echo "dist/$$name"; \
		GOOS=$${t%/*} GOARCH=$${t#*/} $(BUILD) -o dist/$$name ./cmd/till; done
	@cd dist && sha256sum till-* > SHA256SUMS && cat SHA256SUMS

install: build ## copy bin/till and its systemd unit below PREFIX, /usr/local if not said otherwise
	install -d '$(DESTDIR)$(PREFIX)/bin'
	install -m 755 bin/till '$(DESTDIR)$(PREFIX)/bin/till'
	install -d '$(DESTDIR)$(PREFIX)/lib/systemd/system'
	sed 's|^ExecStart=/usr/local|ExecStart=$(PREFIX)|' cmd/till/till.service > '$(DESTDIR)$(PREFIX)/lib/systemd/system/till.service'
	chmod 644 '$(DESTDIR)$(PREFIX)/lib/systemd/system/till.service'

clean: ## remove what was built
	rm -rf bin dist

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
