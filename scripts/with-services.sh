#!/usr/bin/env bash
# Runs a command with a private PostgreSQL and a private Redis on free ports, and
# stops both afterwards, whatever happened.
#
#   scripts/with-services.sh go test ./...
#
# Sets LINKTOR_TEST_POSTGRES, LINKTOR_TEST_REDIS and LINKTOR_TEST_REQUIRE=1, which
# makes tests that need them fail rather than skip. Servers that are named by the
# first two already are used instead. With LINKTOR_TEST_DURABLE=1 commits reach
# the disk, as they must in benchmarks; tests are faster without.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

dir=$(mktemp -d "${TMPDIR:-/tmp}/linktor-test.XXXXXX")
chmod 755 "$dir"
redis_pid='' postgres_ctl=''

stop() {
  local status=$?
  trap - EXIT INT TERM
  if [ -n "$redis_pid" ]; then
    kill "$redis_pid" 2>/dev/null || true
    wait "$redis_pid" 2>/dev/null || true
  fi
  if [ -n "$postgres_ctl" ]; then
    as_postgres "$postgres_ctl" -D "$dir/pg" -m immediate -w stop >/dev/null 2>&1 || true
  fi
  rm -rf "$dir"
  exit "$status"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# find_program NAME: in PATH, or where Debian and Homebrew keep servers.
find_program() {
  command -v "$1" 2>/dev/null && return
  local found
  found=$(compgen -G "/usr/lib/postgresql/*/bin/$1" || compgen -G "/opt/homebrew/opt/postgresql@*/bin/$1" ||
    compgen -G "/usr/local/opt/postgresql@*/bin/$1") || return 1
  sort -V <<<"$found" | tail -n 1
}

# PostgreSQL refuses to run as root.
as_postgres() {
  if [ "$(id -u)" != 0 ]; then
    "$@"
  elif id postgres >/dev/null 2>&1; then
    (cd "$dir" && runuser -u postgres -- "$@")
  else
    (cd "$dir" && runuser -u nobody -- "$@")
  fi
}

start_postgres() {
  local initdb ctl port durability='-c fsync=off -c synchronous_commit=off -c full_page_writes=off'
  initdb=$(find_program initdb) && ctl=$(find_program pg_ctl) || {
    echo "PostgreSQL is missing: run make setup" >&2
    return 1
  }
  [ -z "${LINKTOR_TEST_DURABLE:-}" ] || durability=''
  mkdir "$dir/pg"
  if [ "$(id -u)" = 0 ]; then
    chown "$(id postgres >/dev/null 2>&1 && echo postgres || echo nobody)" "$dir/pg"
  fi
  as_postgres "$initdb" -D "$dir/pg" -U postgres -A trust -E UTF8 --locale=C >"$dir/initdb.log" 2>&1 || {
    cat "$dir/initdb.log" >&2
    return 1
  }
  for _ in 1 2 3; do # another process may take the port in between
    port=$(free_port)
    if as_postgres "$ctl" -D "$dir/pg" -w -t 60 -l "$dir/pg/server.log" start \
      -o "-h 127.0.0.1 -p $port -k '' -c max_connections=300 -c shared_buffers=256MB $durability" >/dev/null; then
      postgres_ctl=$ctl
      export LINKTOR_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
      return
    fi
  done
  cat "$dir/pg/server.log" >&2
  return 1
}

start_redis() {
  local server port
  server=$(find_program redis-server) || server=$(find_program valkey-server) || {
    echo "Redis is missing: run make setup" >&2
    return 1
  }
  port=$(free_port)
  "$server" --bind 127.0.0.1 --port "$port" --dir "$dir" --save '' --appendonly no \
    --maxmemory-policy noeviction --daemonize no >"$dir/redis.log" 2>&1 &
  redis_pid=$!
  for _ in $(seq 100); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      export LINKTOR_TEST_REDIS="redis://127.0.0.1:$port"
      return
    fi
    sleep 0.1
  done
  cat "$dir/redis.log" >&2
  return 1
}

if [ -z "${LINKTOR_TEST_POSTGRES:-}" ] || [ -z "${LINKTOR_TEST_REDIS:-}" ]; then
  scripts/install-services.sh
fi
[ -n "${LINKTOR_TEST_POSTGRES:-}" ] || start_postgres
[ -n "${LINKTOR_TEST_REDIS:-}" ] || start_redis
export LINKTOR_TEST_REQUIRE=1
"$@"
