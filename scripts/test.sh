#!/usr/bin/env bash
# Everything that must hold. Run it with make test, which starts the servers that
# it needs. Each step prints its name and how long it took.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() { # step NAME COMMAND...
  local name=$1 started=$SECONDS
  shift
  echo "== $name"
  "$@" || {
    echo "== $name: FAILED after $((SECONDS - started)) s" >&2
    exit 1
  }
  echo "== $name: ok, $((SECONDS - started)) s"
}

step "checks" scripts/check.sh
step "go test" go test -race -shuffle=on -timeout 12m ./...
step "SDKs and snippets" scripts/sdk.sh
echo "== all passed in $SECONDS s"
