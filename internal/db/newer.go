//go:build !chaos

package db

import "github.com/pressly/goose/v3"

// newer is nothing: the schema is what the files say.
func newer() []goose.ProviderOption { return nil }
