package config

import "log/slog"

// Secret is a string that does not print: not by fmt, not by slog, not as JSON.
type Secret string

// Reveal returns the string itself, for the one call that needs it.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) redacted() string {
	if s == "" {
		return ""
	}
	return "[secret]"
}

func (s Secret) String() string               { return s.redacted() }
func (s Secret) GoString() string             { return `"` + s.redacted() + `"` }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(s.redacted()) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.redacted()), nil }
