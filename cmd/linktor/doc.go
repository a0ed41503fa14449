// Command linktor is the server and the tools that go with it. Without arguments
// it starts the server in embedded mode: SQLite and an in-process Redis, on this
// machine only.
//
// Each subcommand is a file. The flags that set settings are made from
// internal/config, so that no setting is declared twice. docs/reference/cli.md
// describes all of it for users.
package main
