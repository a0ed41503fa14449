package channeltest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/linktor/linktor/channels"
)

var update = flag.Bool("update", false, "rewrite the events.json part of golden files")

// goldenFile is one webhook and its events.
type goldenFile struct {
	path    string
	archive *txtar.Archive
}

func goldenFiles(t testing.TB) []goldenFile {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files in testdata: %v", err)
	}
	var out []goldenFile
	for _, p := range paths {
		ar, err := txtar.ParseFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(bytes.TrimSpace(ar.Comment)) == 0 {
			t.Errorf("%s does not begin with a sentence that says what it shows", p)
		}
		out = append(out, goldenFile{p, ar})
	}
	return out
}

// Bodies returns the body of every golden file: seeds for fuzz tests.
func Bodies(t testing.TB) [][]byte {
	t.Helper()
	var out [][]byte
	for _, f := range goldenFiles(t) {
		out = append(out, f.body(t))
	}
	return out
}

func (f goldenFile) part(name string) *txtar.File {
	for i := range f.archive.Files {
		if f.archive.Files[i].Name == name {
			return &f.archive.Files[i]
		}
	}
	return nil
}

func (f goldenFile) body(t testing.TB) []byte {
	t.Helper()
	p := f.part("body.json")
	if p == nil {
		t.Fatalf("%s has no body.json", f.path)
	}
	return bytes.TrimSpace(p.Data)
}

// Golden compares the events of every file in testdata with what it says.
func Golden(t *testing.T, acct channels.Account) {
	for _, f := range goldenFiles(t) {
		t.Run(filepath.Base(f.path), func(t *testing.T) {
			events, err := acct.Parse(f.body(t))
			if err != nil {
				t.Fatalf("Parse: %v", err)
			}
			got, err := json.MarshalIndent(events, "", "  ")
			if err != nil {
				t.Fatalf("the events cannot be written: %v", err)
			}
			got = append(got, '\n')
			if *update {
				f.write(t, got)
				return
			}
			want := f.part("events.json")
			if want == nil {
				t.Fatal("no events.json: run go test -update and review it")
			}
			if diff := cmp.Diff(string(want.Data), string(got)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func (f goldenFile) write(t *testing.T, events []byte) {
	if p := f.part("events.json"); p != nil {
		p.Data = events
	} else {
		f.archive.Files = append(f.archive.Files, txtar.File{Name: "events.json", Data: events})
	}
	if err := os.WriteFile(f.path, txtar.Format(f.archive), 0o644); err != nil {
		t.Fatal(err)
	}
}
