package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// DefaultFile is read when it exists and no other file is named.
const DefaultFile = "linktor.toml"

// Sources is where settings come from, apart from their defaults.
type Sources struct {
	File    string            // the TOML file; empty means LINKTOR_CONFIG, or DefaultFile if it exists
	Environ []string          // as of os.Environ
	Flags   map[string]string // by key; given ones only
}

// foreign are LINKTOR_ variables that are no settings of the server: of this
// package, of the commands that call a running server, and of the tests. Those of
// LINKTOR_CHAOS_ and LINKTOR_TEST_ are foreign too.
var foreign = []string{"LINKTOR_CONFIG", "LINKTOR_BASE_URL", "LINKTOR_API_KEY", "LINKTOR_FIXTURES"}

// Load reads the settings from src, checks each of them, and returns all that is
// wrong at once.
func Load(src Sources) (*Config, error) {
	l := loader{fields: Fields()}
	env := l.environ(src.Environ)
	for _, f := range l.fields {
		l.set(f.Key, f.Default, "the default of "+f.Key)
	}
	if path := src.File; path != "" {
		l.file(path, true)
	} else if path := env["LINKTOR_CONFIG"]; path != "" {
		l.file(path, true)
	} else {
		l.file(DefaultFile, false)
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		l.variable(name, env[name])
	}
	for _, key := range slices.Sorted(maps.Keys(src.Flags)) {
		l.set(key, src.Flags[key], "--"+strings.ReplaceAll(key, "_", "-"))
	}
	if len(l.errs) == 0 {
		l.errs = l.cfg.check()
	}
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...)
	}
	return &l.cfg, nil
}

type loader struct {
	cfg    Config
	fields []Field
	errs   []error
}

func (l *loader) fail(format string, args ...any) {
	l.errs = append(l.errs, fmt.Errorf(format, args...))
}

// set parses text into the setting key; from names the place for the reader.
func (l *loader) set(key, text, from string) {
	i := slices.IndexFunc(l.fields, func(f Field) bool { return f.Key == key })
	if i < 0 {
		l.fail("%s: there is no such setting%s", from, suggest(key, l.keys()))
		return
	}
	if err := l.fields[i].parse(&l.cfg, text); err != nil {
		l.fail("%s: %w", from, err)
	}
}

// setFile reads a secret from a file, without the newline at its end.
func (l *loader) setFile(key, path, from string) {
	data, err := os.ReadFile(path)
	if err != nil {
		l.fail("%s: %w", from, err)
		return
	}
	l.set(key, strings.TrimRight(string(data), "\r\n"), from)
}

// secretOf returns the key of the secret whose _file variant name is.
func (l *loader) secretOf(name string) (key string, ok bool) {
	key, ok = strings.CutSuffix(name, "_file")
	return key, ok && slices.ContainsFunc(l.fields, func(f Field) bool { return f.Secret && f.Key == key })
}

func (l *loader) keys() []string {
	var keys []string
	for _, f := range l.fields {
		keys = append(keys, f.Key)
		if f.Secret {
			keys = append(keys, f.Key+"_file")
		}
	}
	return keys
}

func (l *loader) file(path string, required bool) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !required {
		return
	}
	if err != nil {
		l.fail("settings: %w", err)
		return
	}
	var values map[string]any
	if err := toml.Unmarshal(data, &values); err != nil {
		if e, ok := errors.AsType[*toml.DecodeError](err); ok {
			line, column := e.Position()
			l.fail("%s:%d:%d: %w", path, line, column, err)
			return
		}
		l.fail("%s: %w", path, err)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		from := path + ": " + name
		text, err := flatten(values[name])
		if err != nil {
			l.fail("%s: %w", from, err)
		} else if key, ok := l.secretOf(name); ok {
			l.setFile(key, text, from)
		} else {
			l.set(name, text, from)
		}
	}
}

// flatten writes a TOML value as it would stand in the environment.
func flatten(v any) (string, error) {
	switch v := v.(type) {
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			s, err := flatten(e)
			if err != nil {
				return "", err
			}
			parts[i] = s
		}
		return strings.Join(parts, ","), nil
	case map[string]any:
		return "", errors.New("settings have no sections: write key = value lines only")
	case string:
		return v, nil
	}
	return fmt.Sprint(v), nil
}

// environ keeps the LINKTOR_ variables. An empty one counts as absent, which is
// how compose files and shells pass on what is not set.
func (l *loader) environ(environ []string) map[string]string {
	env := map[string]string{}
	for _, e := range environ {
		if name, value, _ := strings.Cut(e, "="); strings.HasPrefix(name, "LINKTOR_") && value != "" {
			env[name] = value
		}
	}
	return env
}

func (l *loader) variable(name, value string) {
	if slices.Contains(foreign, name) || strings.HasPrefix(name, "LINKTOR_TEST_") || strings.HasPrefix(name, "LINKTOR_CHAOS_") {
		return
	}
	key := strings.ToLower(strings.TrimPrefix(name, "LINKTOR_"))
	if secret, ok := l.secretOf(key); ok {
		l.setFile(secret, value, name)
		return
	}
	if !slices.Contains(l.keys(), key) {
		names := l.keys()
		for i, k := range names {
			names[i] = "LINKTOR_" + strings.ToUpper(k)
		}
		l.fail("%s: there is no such setting%s", name, suggest(name, names))
		return
	}
	l.set(key, value, name)
}
