#!/usr/bin/env bash
# The checks that need no database. Prints what is wrong, and a line at the end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Pinned, so that everybody sees the same findings, and built through the Go module
# proxy: about a minute on the first run. See docs/decisions/0012-lint.md.
lint=(go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0)

unformatted=$(gofmt -l cmd channels conversations internal migrations realtime sdk/go)
if [ -n "$unformatted" ]; then
  printf 'Not formatted; run gofmt -w on:\n%s\n' "$unformatted" >&2
  exit 1
fi
go vet ./...
"${lint[@]}" run ./...
(cd sdk/go && go vet ./... && "${lint[@]}" run --config ../../.golangci.yml ./...)
for script in scripts/*.sh .ci/run; do
  bash -n "$script"
done
if command -v shellcheck >/dev/null 2>&1; then
  shellcheck scripts/*.sh .ci/run
fi
echo "check: ok"
