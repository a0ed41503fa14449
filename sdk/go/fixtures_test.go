package linktor

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture reads a file of sdk/testdata.
func fixture[T any](t testing.TB, name string) T {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// names lists the fixtures of a folder, without .json.
func names(t testing.TB, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "testdata", folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures in %s: %v", folder, err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".json")
	}
	return files
}

// answer is what the fake server says.
type answer struct {
	Status  int
	Headers map[string]string
	Body    json.RawMessage
	Drop    bool // breaks the connection instead
}

type request struct {
	*http.Request
	body string
}

// fake is a server that answers with what reply says, and remembers.
type fake struct {
	*httptest.Server
	mu   sync.Mutex
	seen []request
}

func newFake(t testing.TB, reply func(r *http.Request, n int) answer) *fake {
	f := &fake{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		f.mu.Lock()
		f.seen = append(f.seen, request{r, string(body)})
		n := len(f.seen)
		f.mu.Unlock()
		a := reply(r, n)
		if a.Drop {
			panic(http.ErrAbortHandler)
		}
		for name, value := range a.Headers {
			w.Header().Set(name, value)
		}
		if a.Status != 0 {
			w.WriteHeader(a.Status)
		}
		_, _ = w.Write(a.Body) // a client that left is the test's business
	}))
	t.Cleanup(f.Close)
	return f
}

// client returns a client of f that does not wait between attempts.
func (f *fake) client(t testing.TB, options ...Option) *Client {
	t.Helper()
	at := &http.Transport{}
	t.Cleanup(at.CloseIdleConnections)
	c, err := New(append([]Option{
		WithAPIKey("lk_test"), WithBaseURL(f.URL + "/"), WithHTTPClient(&http.Client{Transport: at}), atOnce,
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func atOnce(t *transport) {
	t.jitter = func(int, time.Duration, time.Duration) time.Duration { return time.Millisecond }
}
