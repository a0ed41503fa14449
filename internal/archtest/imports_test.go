package archtest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/linktor/linktor"

// mayImport is the whole architecture: a package, or all packages below a prefix
// that ends in a slash, and what of ours it may import. The first match wins.
// Test files are not checked: they may use whatever helps them.
var mayImport = []struct{ pkg, allowed string }{
	// The vocabulary, and adapters that know nothing but it: one adapter never
	// imports another.
	{"channels", ""},
	{"channels/all", "channels channels/"},
	{"channels/", "channels"},

	// Rooms of their own: usable without the rest of the house.
	{"realtime", ""},
	{"migrations", ""},
	{"internal/id", ""},
	{"internal/config", ""},
	{"internal/telemetry", ""},
	{"internal/seal", ""},
	{"internal/egress", ""},
	{"internal/redisconn", ""},
	{"internal/archtest", ""},
	{"internal/crash", ""},
	{"internal/badjson", ""},

	// The ground floor.
	{"internal/fault", "channels"},
	{"internal/db", "migrations"},
	{"internal/dbtest", "internal/db migrations"},
	{"internal/events", "internal/db internal/id"},

	// The domain, from the bottom up.
	{"conversations", "channels internal/crash internal/events internal/db internal/fault internal/id"},
	{"internal/account", "conversations internal/db internal/fault internal/id"},
	{"internal/limits", "internal/db"},
	{"internal/spool", "conversations internal/id"},
	{"internal/registry", "channels internal/db internal/events internal/fault internal/id internal/limits internal/seal"},
	{"internal/templates", "channels internal/db internal/events internal/fault internal/id internal/registry"},
	{"internal/media", "channels internal/db internal/events internal/fault internal/id internal/registry"},

	// What the outside talks to, and what works in the background.
	{"internal/tasks", "channels conversations internal/crash " + domain + ground},
	{"internal/simulator", ""},
	{"internal/api", "channels conversations realtime internal/config internal/egress internal/seal " + domain + ground},

	// Measurements start real servers as processes and look into their databases.
	{"internal/bench/bare", ""},
	{"internal/bench", "channels internal/bench/bare internal/bench/rig internal/config internal/simulator " + ground},
	{"internal/bench/", "channels internal/config internal/simulator " + ground},

	// So does what harms them on purpose. Nothing of it reaches the program.
	{"internal/chaos", "internal/bench/rig internal/chaos/world " + ground},
	{"internal/chaos/", "internal/bench/rig " + ground},

	// Only app knows all the others, and only the command knows app.
	{"internal/app", "channels channels/all conversations realtime migrations internal/"},
	{"cmd/linktor", "channels channels/all internal/"},
}

const (
	ground = "internal/db internal/events internal/fault internal/id internal/telemetry "
	domain = "internal/account internal/limits internal/registry internal/templates internal/media internal/spool "
)

// walls are modules that only some of our packages may import.
var walls = []struct{ module, allowed string }{
	{"github.com/gofiber/", "internal/api internal/app internal/bench/bare"},
	{"github.com/valyala/fasthttp", "internal/api internal/app internal/bench/rig"},
	{"github.com/danielgtaylor/huma/", "internal/api internal/app"},
	{"github.com/hibiken/asynq", "internal/tasks internal/app"},
	{"github.com/redis/go-redis/", "internal/redisconn internal/limits internal/tasks internal/app internal/bench"},
	{"github.com/alicebob/miniredis/", "internal/redisconn"},
	{"github.com/lib/pq", "internal/db"},
	{"modernc.org/sqlite", "internal/db"},
	{"github.com/jmoiron/sqlx", "internal/db"},
	{"github.com/pressly/goose/", "internal/db"},
	{"github.com/tink-crypto/", "internal/seal"},
	{"github.com/golang-jwt/", "internal/account"},
	{"github.com/minio/", "internal/media"},
	{"code.dny.dev/ssrf", "internal/egress"},
	{"github.com/prometheus/", "internal/telemetry"},
	{"github.com/alecthomas/kong", "cmd/linktor"},
	{"github.com/pelletier/go-toml/", "internal/config"},
	{"github.com/Shopify/toxiproxy/", "internal/chaos/world"},
}

// standardOnly are packages that others compile into programs of their own, or
// that should outlive every library.
var standardOnly = []string{"channels", "channels/all", "realtime", "internal/fault"}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		allowed, known := rule(p.path)
		if !known {
			t.Errorf("%s has no rule: decide where it stands and add it to mayImport", p.path)
			continue
		}
		for _, imp := range p.imports {
			dep, ours := strings.CutPrefix(imp, module+"/")
			switch {
			case ours && !permits(allowed, dep):
				t.Errorf("%s may not import %s", p.path, dep)
			case !ours && strings.Contains(first(imp), ".") && slices.Contains(standardOnly, p.path):
				t.Errorf("%s may import the standard library only, not %s", p.path, imp)
			}
		}
	}
}

func TestWalls(t *testing.T) {
	for _, p := range packages(t) {
		for _, imp := range p.imports {
			for _, w := range walls {
				if strings.HasPrefix(imp, w.module) && !permits(w.allowed, p.path) {
					t.Errorf("%s may not import %s: that is for %s", p.path, imp, w.allowed)
				}
			}
		}
	}
}

type goPackage struct {
	path    string // below the module
	imports []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []goPackage
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		list = append(list, goPackage{strings.TrimPrefix(f[0], module+"/"), f[1:]})
	}
	return list
}

func rule(pkg string) (allowed string, ok bool) {
	for _, r := range mayImport {
		if pkg == r.pkg || strings.HasSuffix(r.pkg, "/") && strings.HasPrefix(pkg, r.pkg) {
			return r.allowed, true
		}
	}
	return "", false
}

func permits(allowed, dep string) bool {
	for a := range strings.FieldsSeq(allowed) {
		if dep == a || strings.HasSuffix(a, "/") && strings.HasPrefix(dep, a) {
			return true
		}
	}
	return false
}

func first(path string) string {
	head, _, _ := strings.Cut(path, "/")
	return head
}
