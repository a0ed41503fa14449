# Every target has a line of help; make alone shows them.
SHELL      := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
# How long each fuzz target runs.
FUZZTIME ?= 30s
# What make bench measures, and flags: make bench BENCH=--help
BENCH ?= all
# Which scenarios make chaos runs.
CHAOS ?= all

.PHONY: help setup build run check test race bench microbench chaos chaos-long fuzz golden sdk hooks clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install PostgreSQL and Redis for the tests if they are missing, fetch modules
	scripts/install-services.sh
	GOWORK=off go mod download

build: ## Build bin/linktor
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/linktor ./cmd/linktor

run: ## Start the server in embedded mode
	go run ./cmd/linktor

check: ## Format, vet, golangci-lint, shell syntax: what needs no database
	scripts/check.sh

test: ## Everything that must hold, on private PostgreSQL and Redis instances
	scripts/with-services.sh scripts/test.sh

race: ## The Go tests alone, with the race detector
	scripts/with-services.sh go test -race -shuffle=on ./...

bench: ## Measure the whole server beside the limits of the machine; BENCH="--quick ingest send"
	go run ./internal/bench --json bench.json $(BENCH)

microbench: ## The Go benchmarks of single functions, in the form that benchstat reads
	LINKTOR_TEST_DURABLE=1 scripts/with-services.sh scripts/bench.sh

chaos: ## Kill, cut and fill what the server stands on, and count what is lost: under 10 minutes
	go run ./internal/chaos $(CHAOS)

chaos-long: ## The same at length, some 40 minutes; rewrites the results in docs/explanation/guarantees.md
	go run ./internal/chaos --profile long --page docs/explanation/guarantees.md $(CHAOS)

fuzz: ## Fuzz every target for FUZZTIME (30s)
	scripts/fuzz.sh $(FUZZTIME)

golden: ## Rewrite golden files and generated pages from the code; review the diff
	scripts/golden.sh

sdk: ## Check both SDKs
	scripts/with-services.sh scripts/sdk.sh

hooks: ## Install a pre-commit hook that formats and checks imports
	install -m 0755 scripts/pre-commit.sh "$$(git rev-parse --git-path hooks)/pre-commit"

clean: ## Remove what building and running left behind, but not your data
	rm -rf bin dist coverage.out sdk/typescript/dist
