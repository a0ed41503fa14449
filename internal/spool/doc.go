// Package spool keeps webhooks on disk while the database is away, for providers
// that do not come again. A webhook is one sealed file, written and synced before
// its provider is answered, and removed once the database has it.
package spool
