package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "linktor.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := Load(Sources{})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Embedded() || !c.Loopback() || !c.SimulatorOn() || !c.HasRole("worker") {
		t.Errorf("the defaults do not run everything: %+v", c)
	}
	if got := c.BaseURL(); got != "http://127.0.0.1:8080" {
		t.Errorf("base URL is %s", got)
	}
}

func TestPrecedence(t *testing.T) {
	path := write(t, "listen = \"127.0.0.1:1\"\nsend_workers = 3\nlog_level = \"warn\"\nroles = [\"api\", \"worker\", \"realtime\"]\n")
	c, err := Load(Sources{
		File:    path,
		Environ: []string{"LINKTOR_LISTEN=127.0.0.1:2", "LINKTOR_SEND_WORKERS=4", "HOME=/root", "LINKTOR_LOG_LEVEL="},
		Flags:   map[string]string{"listen": "127.0.0.1:3"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:3" || c.SendWorkers != 4 || c.LogLevel != "warn" || c.ShutdownTimeout != 25*time.Second {
		t.Errorf("got %+v", c)
	}
}

func TestSecretFromFile(t *testing.T) {
	secret := strings.Repeat("s3cr3t-", 6)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, src := range []Sources{
		{File: write(t, ""), Environ: []string{"LINKTOR_SECRET_KEY_FILE=" + file}},
		{File: write(t, `secret_key_file = "`+file+`"`)},
	} {
		c, err := Load(src)
		if err != nil {
			t.Fatal(err)
		}
		if c.SecretKey.Reveal() != secret {
			t.Error("the secret was not read from its file")
		}
	}
}

func TestProblems(t *testing.T) {
	tests := []struct {
		name string
		src  Sources
		want string
	}{
		{"named file that is absent", Sources{File: "x"}, "no such file"},
		{"misspelt key", Sources{File: write(t, `databse_url = "postgres://h/d"`)}, "databse_url: there is no such setting; did you mean database_url?"},
		{"misspelt variable", Sources{Environ: []string{"LINKTOR_LISTN=:1"}}, "LINKTOR_LISTN: there is no such setting; did you mean LINKTOR_LISTEN?"},
		{"unlike anything", Sources{Environ: []string{"LINKTOR_BANANA=1"}}, "LINKTOR_BANANA: there is no such setting\n"},
		{"no file variant", Sources{Environ: []string{"LINKTOR_LISTEN_FILE=/x"}}, "LINKTOR_LISTEN_FILE: there is no such setting"},
		{"section", Sources{File: write(t, "[server]\nlisten = \":1\"")}, "no sections"},
		{"broken TOML", Sources{File: write(t, "listen = ")}, "linktor.toml:1:"},
		{"duration", Sources{Environ: []string{"LINKTOR_SHUTDOWN_TIMEOUT=25"}}, "LINKTOR_SHUTDOWN_TIMEOUT: must be a duration"},
		{"too small", Sources{Flags: map[string]string{"send_workers": "0"}}, "--send-workers: must be at least 1"},
		{"no time to stop", Sources{Environ: []string{"LINKTOR_DRAIN_TIME=10s", "LINKTOR_SHUTDOWN_TIMEOUT=19s"}}, "drain_time: must be at most half of shutdown_timeout, which is 19s"},
		{"too large", Sources{Environ: []string{"LINKTOR_SHUTDOWN_TIMEOUT=1h"}}, "must be at most 10m"},
		{"one of", Sources{Environ: []string{"LINKTOR_SIMULATOR=maybe"}}, "must be auto, on or off"},
		{"ranges", Sources{Environ: []string{"LINKTOR_ALLOW_PRIVATE_ADDRESSES=10.0.0.0/8,x"}}, "address ranges"},
		{"listen", Sources{Environ: []string{"LINKTOR_LISTEN=8080"}}, "listen: must be an address and a port"},
		{"database", Sources{Environ: []string{"LINKTOR_DATABASE_URL=mysql://h/d"}}, "must start with postgres:// or postgresql://"},
		{"redis", Sources{Environ: []string{"LINKTOR_REDIS_URL=redis://"}}, "redis_url: names no host"},
		{"origin", Sources{Environ: []string{"LINKTOR_ALLOWED_ORIGINS=https://a.example/path"}}, "with no path"},
		{"role", Sources{Environ: []string{"LINKTOR_ROLES=api,wroker"}}, "roles: must be made of api, worker or realtime"},
		{"split roles need servers", Sources{Environ: []string{"LINKTOR_ROLES=api"}}, "only with database_url and redis_url"},
		{"half of the bucket's keys", Sources{Environ: []string{"LINKTOR_MEDIA_SECRET_KEY=hunter2"}}, "media_access_key: goes together with media_secret_key"},
		{"short key", Sources{Environ: []string{"LINKTOR_SECRET_KEY=hunter2"}}, "openssl rand"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			_, err := Load(tt.src)
			if err == nil || !strings.Contains(err.Error()+"\n", tt.want) {
				t.Errorf("got %v; want it to contain %q", err, tt.want)
			}
		})
	}
}

func TestAcceptedURLs(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, env := range []string{
		"LINKTOR_REDIS_URL=rediss://u:p@redis.example:6380/2",
		"LINKTOR_REDIS_URL=redis-sentinel://:p@a:26379,b:26379/0?master=main",
		"LINKTOR_REDIS_URL=redis-cluster://a:6379,b:6379,c:6379",
		"LINKTOR_DATABASE_URL=postgres:///linktor?host=/var/run/postgresql",
		"LINKTOR_MEDIA_URL=s3://bucket/media?endpoint=minio:9000&tls=false",
		"LINKTOR_TRUSTED_PROXIES=10.0.0.1,fd00::/8",
	} {
		if _, err := Load(Sources{Environ: []string{env}}); err != nil {
			t.Errorf("%s: %v", env, err)
		}
	}
}

// No way of printing a configuration shows a secret.
func TestSecretsDoNotPrint(t *testing.T) {
	c := Config{SecretKey: "hunter2", DatabaseURL: "postgres://u:hunter2@h/d"}
	js, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "config", c, "key", c.SecretKey)
	for _, s := range []string{fmt.Sprintf("%v %+v %#v %s %q", c, c, c, c.SecretKey, c.SecretKey), string(js), logged.String()} {
		if strings.Contains(s, "hunter2") {
			t.Errorf("the secret is in %s", s)
		}
	}
}

// A value that cannot be parsed may be a secret in the wrong variable.
func TestErrorsDoNotQuoteValues(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, f := range Fields() {
		if _, err := Load(Sources{Environ: []string{f.Env() + "=hunter2://%zz"}}); err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", f.Env(), err)
		}
	}
}
