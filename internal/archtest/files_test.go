package archtest

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// maxLines is where a file has become two rooms in one. The norm is under 300.
const maxLines = 400

// longFiles may be longer, for the reason given.
var longFiles = map[string]string{}

func TestFileLengths(t *testing.T) {
	seen := map[string]bool{}
	walk(t, func(path string, data []byte) {
		n := bytes.Count(data, []byte("\n"))
		_, exempt := longFiles[path]
		seen[path] = true
		switch {
		case n > maxLines && !exempt && !strings.HasSuffix(path, "_test.go"):
			t.Errorf("%s has %d lines: split it by subject, or give a reason in longFiles", path, n)
		case n <= maxLines && exempt:
			t.Errorf("%s is no longer long: remove it from longFiles", path)
		}
	})
	for path := range longFiles {
		if !seen[path] {
			t.Errorf("%s is gone: remove it from longFiles", path)
		}
	}
}

// Every package says what it is in doc.go, and nowhere else.
func TestPackageComments(t *testing.T) {
	hasDoc, dirs := map[string]bool{}, map[string]bool{}
	walk(t, func(path string, data []byte) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, data, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Error(err)
			return
		}
		dir := filepath.Dir(path)
		dirs[dir] = true
		switch isDoc := filepath.Base(path) == "doc.go"; {
		case isDoc && file.Doc != nil:
			hasDoc[dir] = true
		case !isDoc && file.Doc != nil:
			t.Errorf("%s: the package comment belongs in doc.go", path)
		}
	})
	for dir := range dirs {
		if !hasDoc[dir] {
			t.Errorf("%s has no doc.go with a package comment", dir)
		}
	}
}

// walk calls fn with each Go file of the repository, by its path from the root.
func walk(t *testing.T, fn func(path string, data []byte)) {
	t.Helper()
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != "." && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" || name == "linktor-data") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		data, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		fn(path, data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
