// Package badjson is a corpus of JSON that breaks parsers: deep nesting, names that
// occur twice, numbers without a value, byte order marks, lone surrogates, NUL,
// megabytes in one string, broken UTF-8. Tests of everything that reads JSON use it,
// so that all parsers of the house are asked the same questions:
//
//	for _, c := range badjson.Bodies() {
//		t.Run(c.Name, func(t *testing.T) { ... parse(c.JSON) ... })
//	}
//
// It is for tests only. The expectation is the caller's: a webhook keeps what it
// cannot read, the API refuses it, none of them fails.
package badjson
