#!/usr/bin/env bash
# Runs the tests of every package that has an -update flag with that flag.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
dirs=$(grep -rlE --include='*.go' 'flag\.Bool\("update"' cmd channels conversations internal realtime | xargs -n 1 dirname | sort -u)
for dir in $dirs; do
  if [ "$dir" = channels/channeltest ]; then # its flag is that of every adapter
    go test ./channels/... -update
  else
    go test "./$dir" -update
  fi
done
git diff --stat
