package all

import (
	"os"
	"path"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/linktor/linktor/channels/channeltest"
)

// Ensure every folder below channels is an adapter of the list, with the
// documentation and the test data that make it one.
func TestFolders(t *testing.T) {
	listed := map[string]bool{}
	for _, a := range Adapters() {
		listed[path.Base(reflect.TypeOf(a).PkgPath())] = true
	}
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() || name == "all" || name == "channeltest" {
			continue
		}
		if !listed[name] {
			t.Errorf("channels/%s is not in the list", name)
		}
		delete(listed, name)
		for _, need := range []string{"doc.go", "testdata"} {
			if _, err := os.Stat(filepath.Join("..", name, need)); err != nil {
				t.Errorf("channels/%s lacks %s", name, need)
			}
		}
	}
	for name := range listed {
		t.Errorf("%s is listed but has no folder", name)
	}
}

// Ensure each type is unique and its description can be served.
func TestDescriptions(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range Adapters() {
		d := a.Describe()
		if seen[d.Type] {
			t.Errorf("type %s is listed twice", d.Type)
		}
		seen[d.Type] = true
		t.Run(d.Type, func(t *testing.T) { channeltest.Describe(t, a) })
	}
}
