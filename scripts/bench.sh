#!/usr/bin/env bash
# Every Go benchmark, in the form that benchstat reads. BENCH and COUNT narrow it:
#   BENCH=Ingest COUNT=10 make microbench
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
pattern=${BENCH:-all}
[ "$pattern" != all ] || pattern=.
exec go test -run '^$' -bench "$pattern" -benchmem -count "${COUNT:-1}" -timeout 60m ./...
