package config

import (
	_ "embed" // the source of Config, whose comments are the documentation
	"go/ast"
	"go/parser"
	"go/token"
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

// comments returns the comment of each field of Config, by name.
func comments() map[string]string {
	docs := map[string]string{}
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return docs // it has compiled, so it parses; settings work without their texts
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Config" {
			return true
		}
		if st, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range st.Fields.List {
				docs[f.Names[0].Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
			}
		}
		return false
	})
	return docs
}
