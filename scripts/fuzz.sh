#!/usr/bin/env bash
# Fuzzes every target of the module for a while each: scripts/fuzz.sh 30s
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
time=${1:-30s}
files=$(grep -rlE --include="*_test.go" "^func Fuzz" cmd channels conversations internal realtime | sort)
for file in $files; do
  for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$file"); do
    echo "== $(dirname "$file") $target"
    go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "$time"
  done
done
