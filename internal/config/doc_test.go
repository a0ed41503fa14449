package config

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/reference/config.md")

const page = "../../docs/reference/config.md"

const head = `# Settings

Every setting has one name in four places. Weakest first: its default, a key in ` + "`linktor.toml`" + ` in the
working folder (or the file named by ` + "`--config`" + ` or ` + "`LINKTOR_CONFIG`" + `), an environment variable, a flag of ` + "`linktor`" + `.

A key or variable that does not exist stops the start and names the one that was probably meant. An empty
variable counts as absent. Lists are written with commas, in the file also as TOML arrays. Durations are written
like ` + "`90s`, `5m` or `168h`" + `. A secret may also come from a file: add ` + "`_FILE`" + ` to its variable or ` + "`_file`" + ` to its key. Keys
and tokens have no flag: every user of a machine can see the arguments of its processes.

This page is generated from the comments in internal/config/config.go: ` + "`go test ./internal/config -update`" + `.
`

func TestReferencePage(t *testing.T) {
	var b strings.Builder
	b.WriteString(head)
	for _, f := range Fields() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", f.Key, f.Doc)
		def := "empty"
		if f.Default != "" {
			def = "`" + f.Default + "`"
		}
		fmt.Fprintf(&b, "`%s`", f.Env())
		if f.Flag() != "" {
			fmt.Fprintf(&b, " · `--%s`", f.Flag())
		}
		b.WriteString(" · default: " + def)
		if f.min != "" {
			fmt.Fprintf(&b, " · at least `%s`", f.min)
		}
		if f.max != "" {
			fmt.Fprintf(&b, " · at most `%s`", f.max)
		}
		if f.Secret {
			fmt.Fprintf(&b, " · secret, or `%s_FILE`", f.Env())
		}
		b.WriteString("\n")
	}
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != b.String() {
		t.Error("docs/reference/config.md is stale: run go test ./internal/config -update")
	}
}

func TestFields(t *testing.T) {
	for _, f := range Fields() {
		if f.Doc == "" || f.Key == "" {
			t.Errorf("%+v has no comment or no key", f)
		}
		for _, text := range []string{f.min, f.max} {
			unbounded := f
			unbounded.min, unbounded.max = "", ""
			if text != "" {
				if err := unbounded.parse(&Config{}, text); err != nil {
					t.Errorf("%s: bound %q: %v", f.Key, text, err)
				}
			}
		}
	}
}
