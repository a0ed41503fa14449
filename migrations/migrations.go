package migrations

import "embed"

// Postgres holds the PostgreSQL schema, in goose's format.
//
//go:embed postgres/*.sql
var Postgres embed.FS

// SQLite holds the SQLite schema, in goose's format.
//
//go:embed sqlite/*.sql
var SQLite embed.FS
