// Package migrations embeds the schema of both databases: the same numbers, the
// same tables and columns, one folder a dialect. A test in internal/db compares
// what they create.
package migrations
