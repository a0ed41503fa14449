package main

import "github.com/linktor/linktor/internal/db"

// series is the head of a query with the numbers $1 to $2 as g(i).
func (w *world) series() string {
	if w.db.Dialect == db.Postgres {
		return `g AS (SELECT generate_series($1::bigint, $2::bigint) AS i)`
	}
	return `RECURSIVE g(i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM g WHERE i < $2)`
}

// numbered16 is i as 16 digits, the end of an id whose beginning is its time.
const numbered16 = `substr(CAST(10000000000000000 + i AS TEXT), 2)`
