// Package db opens the database, migrates it and runs transactions. It knows no
// table.
//
// Two databases are served by the same statements: SQLite (embedded) and
// PostgreSQL. Every statement is written once with $1 parameters; sets of rows
// are passed with Rows. Times are BIGINT microseconds, see Micros. On SQLite one
// connection writes and others read; write through InTx only.
package db
