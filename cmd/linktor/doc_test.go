package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var update = flag.Bool("update", false, "rewrite docs/reference/cli.md")

const page = "../../docs/reference/cli.md"

const head = `# Commands

` + "`linktor`" + ` without a command is ` + "`linktor serve`" + `. Every command takes the [settings](config.md) as flags, and ` + "`--config FILE`" + `.
Commands that print data have ` + "`--json`" + `: one JSON value per line on standard output; everything else goes to standard error.

| exit code | meaning |
|---|---|
| 0 | done; also after Ctrl-C or SIGTERM, if what was in progress could be finished |
| 1 | understood, and not successful: the reason is on standard error. For doctor: something must be mended |
| 2 | wrong arguments or settings: nothing was done |

Commands about keys, users and channels work on the database, whether or not a server runs. ` + "`events`" + ` and ` + "`simulate`" + ` talk to a running
server: the one that the settings describe, or ` + "`--url`" + ` with ` + "`--api-key`" + `.

This page is generated from the program: ` + "`go test ./cmd/linktor -update`" + `.
`

func TestReferencePage(t *testing.T) {
	_, parser, err := newCLI(io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(head)
	for _, leaf := range parser.Model.Leaves(true) {
		describe(&b, leaf)
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
		t.Error("docs/reference/cli.md is stale: run go test ./cmd/linktor -update")
	}
}

func describe(b *strings.Builder, leaf *kong.Node) {
	fmt.Fprintf(b, "\n## linktor %s\n\n%s\n", strings.TrimPrefix(leaf.FullPath(), "linktor "), leaf.Help)
	var rows []string
	for _, p := range leaf.Positional {
		rows = append(rows, row(p.Summary(), p.Help, p.Default))
	}
	for _, f := range leaf.Flags {
		if f.Name == "help" {
			continue
		}
		name := "--" + f.Name
		if !f.IsBool() {
			name += "=" + f.FormatPlaceHolder()
		}
		help := f.Help
		for _, env := range f.Envs {
			help += " Or `" + env + "`."
		}
		rows = append(rows, row(name, help, f.Default))
	}
	if len(rows) > 0 {
		b.WriteString("\n| | |\n|---|---|\n" + strings.Join(rows, ""))
	}
}

func row(name, help, def string) string {
	if def != "" {
		help += " Default: `" + def + "`."
	}
	return fmt.Sprintf("| `%s` | %s |\n", strings.ReplaceAll(name, "|", "\\|"), strings.ReplaceAll(help, "|", "\\|"))
}
