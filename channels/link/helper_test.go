package link

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/linktor/linktor/channels"
)

// settingsJSON returns settings that Open takes, with some keys changed.
func settingsJSON(tb testing.TB, change map[string]any) json.RawMessage {
	tb.Helper()
	s := map[string]any{
		"baseUrl": "https://link.example/whatsapp-message", "username": "linkuser", "password": "p@ss:wörd",
		"platformId": "PLATFORM", "platformPartnerId": "4711", "source": "+46700000001", "gateIds": []string{"gate-1"},
	}
	maps.Copy(s, change)
	raw, err := json.Marshal(s)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// openAccount opens an account whose calls go to baseURL through the default transport.
func openAccount(tb testing.TB, change map[string]any) channels.Account {
	tb.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	acct, err := Adapter{}.Open(settingsJSON(tb, change), channels.Env{HTTP: client})
	if err != nil {
		tb.Fatalf("Open: %v", err)
	}
	return acct
}

// fixtures lists the files of one folder of provider payloads, or skips.
func fixtures(t *testing.T, folder string) []string {
	t.Helper()
	root := os.Getenv("LINKTOR_FIXTURES")
	if root == "" {
		root = "../../../shared/fixtures"
	}
	files, err := filepath.Glob(filepath.Join(root, "link", folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("no files in %s; set LINKTOR_FIXTURES to a folder that has link/%s", root, folder)
	}
	return files
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// problems returns the pointers of an Invalid error with their codes.
func problems(t *testing.T, err error) map[string]string {
	t.Helper()
	if err == nil {
		return nil
	}
	bad, ok := errors.AsType[*channels.Invalid](err)
	if !ok {
		t.Fatalf("error is %T, want *channels.Invalid: %v", err, err)
	}
	found := map[string]string{}
	for _, p := range bad.Problems {
		if p.Message == "" {
			t.Errorf("%s: problem without a message", p.Pointer)
		}
		found[p.Pointer] = p.Code
	}
	return found
}
