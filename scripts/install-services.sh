#!/usr/bin/env bash
# Installs PostgreSQL (14 or later) and Redis for the tests, if they are missing.
set -euo pipefail

# Debian keeps the programs of the server outside PATH.
postgres_bin() {
  command -v initdb >/dev/null 2>&1 || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null ||
    compgen -G '/opt/homebrew/opt/postgresql@*/bin/initdb' >/dev/null ||
    compgen -G '/usr/local/opt/postgresql@*/bin/initdb' >/dev/null
}
redis_bin() { command -v redis-server >/dev/null 2>&1 || command -v valkey-server >/dev/null 2>&1; }

postgres_bin && redis_bin && exit 0

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

if command -v apt-get >/dev/null 2>&1; then
  echo "Installing PostgreSQL and Redis with apt-get" >&2
  as_root apt-get update -q >&2
  # Debian would create and start a cluster of its own on the standard port.
  as_root mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] ||
    echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql redis-server >&2
elif command -v brew >/dev/null 2>&1; then
  echo "Installing PostgreSQL and Redis with Homebrew" >&2
  postgres_bin || brew install postgresql@17 >&2
  redis_bin || brew install redis >&2
else
  echo "PostgreSQL (14 or later) and Redis are needed for the tests: install them so that initdb and redis-server are in PATH" >&2
  exit 1
fi
