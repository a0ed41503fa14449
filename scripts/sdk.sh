#!/usr/bin/env bash
# Tests both SDKs, first alone and then against the real server: a fresh one in
# embedded mode, in a folder of its own, on a free port.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

dir=$(mktemp -d "${TMPDIR:-/tmp}/linktor-sdk.XXXXXX")
server_pid=''
stop() {
  local status=$?
  trap - EXIT INT TERM
  if [ -n "$server_pid" ]; then
    kill "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
  fi
  if [ "$status" != 0 ] && [ -s "$dir/log" ]; then
    echo "-- the server's last lines:" >&2
    tail -n 20 "$dir/log" >&2
  fi
  rm -rf "$dir" sdk/typescript/readme-snippet.mjs
  exit "$status"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A server from outside, such as one of another test run, would be the wrong one.
while read -r name; do
  case $name in LINKTOR_TEST_*) ;; *) unset "$name" ;; esac
done < <(compgen -e LINKTOR_ || true)

go build -o "$dir/linktor" ./cmd/linktor
"$dir/linktor" serve --json --listen "127.0.0.1:$(free_port)" --data-dir "$dir/data" >"$dir/ready" 2>"$dir/log" &
server_pid=$!
for _ in $(seq 300); do
  [ ! -s "$dir/ready" ] || break
  kill -0 "$server_pid" 2>/dev/null || exit 1
  sleep 0.1
done
field() { sed -nE "s/.*\"$1\":\"([^\"]*)\".*/\1/p" "$dir/ready"; }
LINKTOR_TEST_SERVER=$(field url)
LINKTOR_TEST_API_KEY=$(field apiKey)
channel=$(field channelId)
export LINKTOR_TEST_SERVER LINKTOR_TEST_API_KEY
if [ -z "$LINKTOR_TEST_SERVER" ] || [ -z "$LINKTOR_TEST_API_KEY" ]; then
  echo "the server did not say where it listens" >&2
  exit 1
fi

echo "-- Go SDK"
(cd sdk/go && go test -race -shuffle=on ./...)

if ! command -v node >/dev/null 2>&1 || [ "$(node -p 'parseInt(process.versions.node)')" -lt 20 ]; then
  if [ -n "${LINKTOR_TEST_REQUIRE_NODE:-}" ]; then
    echo "Node.js 20 or later is needed for the TypeScript SDK" >&2
    exit 1
  fi
  echo "-- TypeScript SDK: SKIPPED, Node.js 20 or later is not installed"
  exit 0
fi
echo "-- TypeScript SDK"
pushd sdk/typescript >/dev/null
npm ci --no-audit --no-fund --loglevel=error
npm run --silent check
npm test --silent

echo "-- The README's snippet"
# Within the package's folder, so that its own name resolves to it.
snippet=./readme-snippet.mjs
sed -n '/^```ts$/,/^```$/p' ../../README.md | sed '/^```/d' >"$snippet"
LINKTOR_BASE_URL=$LINKTOR_TEST_SERVER LINKTOR_API_KEY=$LINKTOR_TEST_API_KEY CHANNEL_ID=$channel node "$snippet" | tee "$dir/snippet"
grep -q ' queued$' "$dir/snippet"
popd >/dev/null
