#!/usr/bin/env bash
# Functions that several scripts use; to be sourced.

# free_port prints a port of 127.0.0.1 on which nothing listens. The range lies
# below the one from which systems take ports for outgoing connections.
free_port() {
  local port
  for _ in $(seq 100); do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  echo "no free port found" >&2
  return 1
}
