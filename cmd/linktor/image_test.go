package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImageContext sees that .dockerignore lets in every folder that the program is
// built from: it names those, and a build of the image finds no others.
func TestImageContext(t *testing.T) {
	ignore, err := os.ReadFile("../../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(ignore), "\n")
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if .Main}}{{$.ImportPath}}{{end}}{{end}}", ".")
	list.Stderr = os.Stderr
	packages, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(packages)) {
		folder, _, _ := strings.Cut(strings.TrimPrefix(path, "github.com/linktor/linktor/"), "/")
		if !slices.Contains(lines, "!"+folder) {
			t.Errorf(".dockerignore leaves out %s, which %s is in", folder, path)
		}
	}
}
