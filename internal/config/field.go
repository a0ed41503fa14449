package config

import (
	_ "embed" // the source of Config, whose comments are the documentation
	"reflect"
	"strings"
)

//go:embed config.go
var source string

// Field describes one setting.
type Field struct {
	Key     string // in linktor.toml, such as data_dir
	Default string
	Doc     string // the comment, as one paragraph
	OneOf   []string
	Secret  bool // has a _FILE variant, and is never shown

	index    int // in Config
	min, max string
}

// Env is the environment variable of the setting.
func (f *Field) Env() string { return "LINKTOR_" + strings.ToUpper(f.Key) }

// Flag is the setting's flag, without dashes. Keys and tokens have none: every
// user of a machine can see the arguments of its processes.
func (f *Field) Flag() string {
	if f.Secret && !strings.HasSuffix(f.Key, "_url") {
		return ""
	}
	return strings.ReplaceAll(f.Key, "_", "-")
}

// Fields returns every setting in the order of Config.
func Fields() []Field {
	docs := comments()
	t := reflect.TypeFor[Config]()
	fields := make([]Field, 0, t.NumField())
	for i := range t.NumField() {
		sf := t.Field(i)
		fields = append(fields, Field{
			Key: sf.Tag.Get("key"), Default: sf.Tag.Get("default"), Doc: docs[sf.Name],
			OneOf: strings.Fields(sf.Tag.Get("oneof")), Secret: sf.Type == reflect.TypeFor[Secret](),
			index: i, min: sf.Tag.Get("min"), max: sf.Tag.Get("max"),
		})
	}
	return fields
}

// comments returns the comment of each field of Config, by name. It reads the
// formatted source line by line: a parser would be in every binary for this alone.
func comments() map[string]string {
	docs := map[string]string{}
	_, body, _ := strings.Cut(source, "\ntype Config struct {\n")
	var doc []string
	for line := range strings.Lines(body) {
		if line == "}\n" {
			break
		}
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, "//"); ok {
			doc = append(doc, strings.TrimSpace(text))
			continue
		}
		if name, _, ok := strings.Cut(line, " "); ok {
			docs[name] = strings.Join(doc, " ")
		}
		doc = nil
	}
	return docs
}
