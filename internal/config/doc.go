// Package config declares every setting of the server, once: the comment of a
// field of Config is its documentation, in docs/reference/config.md and in
// linktor --help alike.
//
// A setting has one name in four places, weakest first: its default, a key in
// linktor.toml, an environment variable, a flag.
//
//	shutdown_timeout = "40s"       # linktor.toml
//	LINKTOR_SHUTDOWN_TIMEOUT=40s   # environment
//	--shutdown-timeout=40s         # flag
//
// Nothing that is misspelt is ignored: an unknown key or variable stops the
// start, with the name that was probably meant.
package config
