package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	faultCode = regexp.MustCompile(`fault\.New\(\s*fault\.\w+,\s*"(\w+)"|fault\.Error\{\s*Kind:\s*fault\.\w+,\s*Code:\s*"(\w+)"|newProblem\([^"\n]+"(\w+)"|away\("(\w+)"|\bf\.Code = "(\w+)"`)
	mdLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// Whoever gets a code can look it up.
func TestErrorCodesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	walk(t, func(path string, data []byte) {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "sdk/") {
			return
		}
		for _, m := range faultCode.FindAllStringSubmatch(string(data), -1) {
			code := m[1] + m[2] + m[3] + m[4] + m[5]
			if code != "" && !strings.Contains(string(page), "`"+code+"`") {
				t.Errorf("%s: the code %s is not in docs/reference/errors.md", path, code)
			}
		}
	})
}

// Links between our pages lead somewhere.
func TestLinksInDocs(t *testing.T) {
	root := "../.."
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "sdk/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	for _, page := range pages {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mdLink.FindAllStringSubmatch(string(data), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), target)); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", strings.TrimPrefix(page, root+"/"), m[1])
			}
		}
	}
}
