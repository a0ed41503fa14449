package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// canary stands for a secret: no message repeats a value.
const canary = "canary-7f3a91"

// FuzzFile reads any text as the settings' file. Whatever is wrong is told with the
// place and without the value; what is right is right the second time as well.
func FuzzFile(f *testing.F) {
	for _, s := range []string{
		"", "listen = \"127.0.0.1:1\"\n", "roles = [\"api\", \"worker\"]\nsend_workers = 4\n", "secret_key = \"" + canary + "\"", "listen = " + canary,
		"[server]\nlisten = 1", "listen = [[1]]", "send_workers = 1e9", "send_workers = 0x10", "shutdown_timeout = 5s", "shutdown_timeout = \"-5s\"",
		"send_workers = 99999999999999999999", "send_workers = nan", "listen = \"a\"\nlisten = \"b\"", "lsten = \"" + canary + "\"", "\ufefflisten = \"a\"", "listen = \"\\u0000\"",
		"listen = '''" + canary, "log_level = \"" + canary + "\"", "trusted_proxies = [\"" + canary + "\"]", "a.b.c = 1", "listen = 1979-05-27T07:32:00Z",
	} {
		f.Add(s)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "file") {
			t.Skip("it may name any file of this machine")
		}
		path := filepath.Join(dir, "linktor.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(Sources{File: path})
		if err != nil {
			if c != nil || strings.Contains(err.Error(), canary) && !strings.Contains(keys(text), canary) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		again, err := Load(Sources{File: path})
		if err != nil || again.Listen != c.Listen || again.Embedded() != c.Embedded() {
			t.Errorf("%q is read differently the second time: %v", text, err)
		}
		if c.SendWorkers < 1 || c.ShutdownTimeout <= 0 {
			t.Errorf("%q is taken: %+v", text, c)
		}
	})
}

// keys is what stands before the signs of equality: names may be repeated.
func keys(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(line, "=")
		b.WriteString(name)
	}
	return b.String()
}

// FuzzEnviron reads any variable.
func FuzzEnviron(f *testing.F) {
	for _, s := range []string{"LINKTOR_LISTEN=127.0.0.1:1", "LINKTOR_LISTN=" + canary, "LINKTOR_=1", "LINKTOR_SEND_WORKERS=" + canary, "LINKTOR_ROLES=,,api,", "LINKTOR_SECRET_KEY=" + canary, "=", "LINKTOR_LISTEN"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, variable string) {
		name, _, _ := strings.Cut(variable, "=")
		if strings.Contains(strings.ToLower(variable), "file") || strings.HasPrefix(name, "LINKTOR_CONFIG") {
			t.Skip("it may name any file of this machine")
		}
		_, err := Load(Sources{File: os.DevNull, Environ: []string{variable}})
		if err != nil && strings.Contains(err.Error(), canary) && !strings.Contains(name, canary) {
			t.Errorf("%q: %v", variable, err)
		}
	})
}
