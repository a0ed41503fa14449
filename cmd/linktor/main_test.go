package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// linktor runs a command line in this process.
func linktor(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, environ, &out, &errs)
	return code, out.String(), errs.String()
}

// installation is an empty folder with a database that has had its first start.
func installation(t *testing.T, url string) (environ []string) {
	t.Helper()
	t.Chdir(t.TempDir())
	environ = []string{"LINKTOR_LISTEN=127.0.0.1:1"} // a port on which nothing answers
	if url != "" {
		environ = append(environ, "LINKTOR_DATABASE_URL="+url)
	}
	if code, _, stderr := linktor(t, environ, "migrate", "up"); code != exitOK {
		t.Fatalf("migrate up: %d %s", code, stderr)
	}
	dsn := url
	if dsn == "" {
		dsn = filepath.Join("linktor-data", "linktor.db")
	}
	d, err := db.Open(t.Context(), dsn, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, _, _, err := account.NewStore(d, account.Options{}).Bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	return environ
}

func TestExitCodes(t *testing.T) {
	t.Chdir(t.TempDir())
	tests := []struct {
		name    string
		environ []string
		args    []string
		code    int
		want    string // in either output
	}{
		{"help", nil, []string{"--help"}, exitOK, "simulate"},
		{"version", nil, []string{"version"}, exitOK, "linktor "},
		{"unknown flag", nil, []string{"serve", "--lissten=:1"}, exitUsage, `did you mean "--listen"`},
		{"unknown command", nil, []string{"keys"}, exitUsage, "keys"},
		{"unknown variable", []string{"LINKTOR_DATA_DIRR=x"}, []string{"doctor"}, exitUsage, "did you mean LINKTOR_DATA_DIR?"},
		{"wrong setting", nil, []string{"doctor", "--log-level=loud"}, exitUsage, "--log-level: must be debug"},
		{"absent settings file", nil, []string{"--config=no.toml", "doctor"}, exitUsage, "no.toml"},
		{"no database yet", nil, []string{"key", "list"}, exitFailed, "linktor migrate up"},
		{"down without consent", nil, []string{"migrate", "down"}, exitUsage, "--yes"},
		{"no server", nil, []string{"events", "tail", "--api-key=lk_x", "--listen=127.0.0.1:1"}, exitFailed, "no server answers at http://127.0.0.1:1"},
		{"quick without a server", nil, []string{"doctor", "--quick", "--listen=127.0.0.1:1"}, exitFailed, "no server answers"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := linktor(t, tt.environ, tt.args...)
			if code != tt.code || !strings.Contains(stdout+stderr, tt.want) {
				t.Errorf("exit code %d, want %d; output:\n%s%s", code, tt.code, stdout, stderr)
			}
		})
	}
}

func TestMigrate(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		environ := installation(t, url)
		code, stdout, stderr := linktor(t, environ, "migrate", "status", "--json")
		var status struct{ Version, Newest int64 }
		if err := json.Unmarshal([]byte(stdout), &status); err != nil || code != exitOK || status.Version != status.Newest || status.Version == 0 {
			t.Errorf("%d %s%s (%v)", code, stdout, stderr, err)
		}
		code, stdout, stderr = linktor(t, environ, "migrate", "down", "--yes")
		if code != exitOK || !strings.Contains(stdout, "version") {
			t.Errorf("%d %s%s", code, stdout, stderr)
		}
	})
}

func TestKeys(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		environ := installation(t, url)
		code, stdout, stderr := linktor(t, environ, "key", "create", "shop", "--permissions=messages:send_text,messages:view", "--json")
		var key struct{ ID, Key string }
		if err := json.Unmarshal([]byte(stdout), &key); err != nil || code != exitOK || !account.IsKey(key.Key) {
			t.Fatalf("create: %d %s%s (%v)", code, stdout, stderr, err)
		}
		code, stdout, _ = linktor(t, environ, "key", "list")
		if code != exitOK || !strings.Contains(stdout, key.ID) || strings.Contains(stdout, key.Key) {
			t.Errorf("list: %d\n%s", code, stdout)
		}
		if code, _, stderr = linktor(t, environ, "key", "create", "shop", "--permissions=messages:fly"); code != exitUsage {
			t.Errorf("a permission that does not exist: %d %s", code, stderr)
		}
		if code, _, stderr = linktor(t, environ, "key", "revoke", key.Key); code != exitOK {
			t.Errorf("revoke: %d %s", code, stderr)
		}
		if code, _, _ = linktor(t, environ, "key", "revoke", key.ID); code != exitFailed {
			t.Errorf("revoke twice: %d", code)
		}
	})
}

func TestUsers(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		environ := append(installation(t, url), "LINKTOR_PUBLIC_URL=https://chat.example.com")
		code, stdout, stderr := linktor(t, environ, "user", "create", "ada@example.com", "--name=Ada", "--role=admin", "--json")
		var user struct{ ID, SetupURL string }
		if err := json.Unmarshal([]byte(stdout), &user); err != nil || code != exitOK || !strings.HasPrefix(user.SetupURL, "https://chat.example.com/setup#t=") {
			t.Fatalf("create: %d %s%s (%v)", code, stdout, stderr, err)
		}
		code, stdout, _ = linktor(t, environ, "user", "list")
		if code != exitOK || !strings.Contains(stdout, "ada@example.com") || !strings.Contains(stdout, "invited") {
			t.Errorf("list: %d\n%s", code, stdout)
		}
		code, stdout, stderr = linktor(t, environ, "user", "reset-link", "ada@example.com")
		if code != exitOK || !strings.Contains(stdout, "/setup#t=") {
			t.Errorf("reset-link: %d %s%s", code, stdout, stderr)
		}
		if code, _, _ = linktor(t, environ, "user", "reset-link", "bob@example.com"); code == exitOK {
			t.Error("a link for somebody who does not exist")
		}
	})
}

func TestDoctor(t *testing.T) {
	databases(t, func(t *testing.T, url string) {
		environ := installation(t, url)
		_, stdout, stderr := linktor(t, environ, "doctor", "--json")
		levels := map[string]level{}
		for line := range strings.Lines(stdout) {
			var f finding
			if err := json.Unmarshal([]byte(line), &f); err != nil {
				t.Fatal(err)
			}
			levels[f.Check] = f.Level
			if f.Level != levelOK && f.Fix == "" {
				t.Errorf("%s says no remedy: %s", f.Check, f.Detail)
			}
		}
		for _, check := range []string{"settings", "schema", "work"} {
			if levels[check] != levelOK {
				t.Errorf("%s: %s\n%s%s", check, levels[check], stdout, stderr)
			}
		}
		if levels["database"] == levelFail && url == "" || levels["server"] != levelWarn {
			t.Errorf("unexpected:\n%s", stdout)
		}
		code, stdout, _ := linktor(t, environ, "doctor", "--prod")
		if code != exitFailed || !strings.Contains(stdout, "→ set public_url") {
			t.Errorf("--prod: %d\n%s", code, stdout)
		}
	})
}

func TestDoctorFindsFaults(t *testing.T) {
	t.Run("database away", func(t *testing.T) {
		t.Chdir(t.TempDir())
		code, stdout, _ := linktor(t, []string{"LINKTOR_DATABASE_URL=postgres://u:hunter2@127.0.0.1:1/x"}, "doctor")
		if code != exitFailed || !strings.Contains(stdout, "FAIL  database") || strings.Contains(stdout, "hunter2") {
			t.Errorf("%d\n%s", code, stdout)
		}
	})
	t.Run("key readable by others", func(t *testing.T) {
		environ := installation(t, "")
		if err := os.WriteFile("linktor-data/secret.key", []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		code, stdout, _ := linktor(t, environ, "doctor")
		if code != exitFailed || !strings.Contains(stdout, "chmod 600") {
			t.Errorf("%d\n%s", code, stdout)
		}
	})
	t.Run("redis away", func(t *testing.T) {
		t.Chdir(t.TempDir())
		code, stdout, _ := linktor(t, []string{"LINKTOR_REDIS_URL=redis://127.0.0.1:1"}, "doctor")
		if code != exitFailed || !strings.Contains(stdout, "FAIL  redis") {
			t.Errorf("%d\n%s", code, stdout)
		}
	})
	t.Run("bucket away", func(t *testing.T) {
		environ := append(installation(t, ""), "LINKTOR_MEDIA_ACCESS_KEY=AKID", "LINKTOR_MEDIA_SECRET_KEY=hunter2",
			"LINKTOR_MEDIA_URL=s3://shelf?region=x&tls=false&endpoint=127.0.0.1:1")
		code, stdout, _ := linktor(t, environ, "doctor")
		if code != exitFailed || !strings.Contains(stdout, "FAIL  media") || !strings.Contains(stdout, "bucket shelf") || strings.Contains(stdout, "hunter2") {
			t.Errorf("%d\n%s", code, stdout)
		}
	})
	t.Run("server that is not ready", func(t *testing.T) {
		environ := installation(t, "")
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			if _, err := w.Write([]byte("database: away")); err != nil {
				t.Error(err)
			}
		}))
		defer s.Close()
		code, stdout, _ := linktor(t, append(environ, "LINKTOR_LISTEN="+s.Listener.Addr().String()), "doctor")
		if code != exitFailed || !strings.Contains(stdout, "database: away") {
			t.Errorf("%d\n%s", code, stdout)
		}
	})
}

// A Redis of another kind than its URL says answers, and is of no use.
func TestDoctorKnowsRedisKinds(t *testing.T) {
	dbtest.NeedRedisServer(t)
	t.Chdir(t.TempDir())
	cluster, err := rig.StartCluster(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Stop()
	first, _, _ := strings.Cut(strings.TrimPrefix(cluster.URL, "redis-cluster://"), ",")
	_, stdout, _ := linktor(t, []string{"LINKTOR_REDIS_URL=" + cluster.URL}, "doctor")
	if !strings.Contains(stdout, "OK    redis") {
		t.Error(stdout)
	}
	code, stdout, _ := linktor(t, []string{"LINKTOR_REDIS_URL=redis://" + first}, "doctor")
	if code != exitFailed || !strings.Contains(stdout, "must begin with redis-cluster://") {
		t.Errorf("%d\n%s", code, stdout)
	}
	if err := cluster.Break(t.Context()); err != nil {
		t.Fatal(err)
	}
	code, stdout, _ = linktor(t, []string{"LINKTOR_REDIS_URL=" + cluster.URL}, "doctor")
	if code != exitFailed || !strings.Contains(stdout, "FAIL  redis") {
		t.Errorf("%d\n%s", code, stdout)
	}
}

// databases runs fn with no URL, which means SQLite, and with that of an empty
// PostgreSQL database.
func databases(t *testing.T, fn func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { fn(t, "") })
	t.Run("postgres", func(t *testing.T) { fn(t, dbtest.PostgresURL(t)) })
}
