#!/usr/bin/env bash
# Before a commit: staged Go files are formatted and the house rules hold. The
# rest is for make test.
set -euo pipefail
files=$(git diff --cached --name-only --diff-filter=ACM -- '*.go')
[ -n "$files" ] || exit 0
unformatted=$(xargs gofmt -l <<<"$files")
if [ -n "$unformatted" ]; then
  printf 'Not formatted; run gofmt -w on:\n%s\n' "$unformatted" >&2
  exit 1
fi
exec go test ./internal/archtest
