package dbtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/migrations"
)

// Run runs fn on each kind of database, as subtests "sqlite" and "postgres".
func Run(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, Postgres(t)) })
}

// SQLite returns a migrated database of the test's own.
func SQLite(tb testing.TB) *db.DB {
	tb.Helper()
	return open(tb, SQLitePath(tb))
}

// SQLitePath returns the path of a migrated SQLite file that nobody has open.
func SQLitePath(tb testing.TB) string {
	tb.Helper()
	data, err := sqliteTemplate()
	if err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(tb.TempDir(), "linktor.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// Postgres returns a migrated database of the test's own, dropped at its end. It
// skips the test where there is no server.
func Postgres(tb testing.TB) *db.DB {
	tb.Helper()
	return open(tb, PostgresURL(tb))
}

// PostgresURL returns the URL of a migrated database of the test's own.
func PostgresURL(tb testing.TB) string {
	tb.Helper()
	server := os.Getenv("LINKTOR_TEST_POSTGRES")
	if server == "" {
		if os.Getenv("LINKTOR_TEST_REQUIRE") != "" {
			tb.Fatal("LINKTOR_TEST_POSTGRES is not set: run the tests with make test")
		}
		tb.Skip("LINKTOR_TEST_POSTGRES is not set: run the tests with make test")
	}
	template, err := postgresTemplate(server)
	if err != nil {
		tb.Fatal(err)
	}
	name := "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	admin(tb, server, `CREATE DATABASE `+name+` TEMPLATE `+template)
	tb.Cleanup(func() { admin(tb, server, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`) })
	return withName(server, name)
}

// NeedRedisServer skips a test that starts Redis itself where it is not installed.
func NeedRedisServer(tb testing.TB) {
	tb.Helper()
	if _, err := exec.LookPath("redis-server"); err == nil {
		return
	}
	if os.Getenv("LINKTOR_TEST_REQUIRE") != "" {
		tb.Fatal("redis-server is not installed: run the tests with make test")
	}
	tb.Skip("redis-server is not installed: run the tests with make test")
}

func open(tb testing.TB, dsn string) *db.DB {
	tb.Helper()
	d, err := db.Open(context.Background(), dsn, 10)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { d.Close() })
	return d
}

var sqliteTemplate = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "linktor-template-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "t.db")
	d, err := db.Open(context.Background(), path, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Migrate(context.Background()); err != nil {
		return nil, err
	}
	if err := d.Close(); err != nil { // checkpoints the log into the file
		return nil, err
	}
	return os.ReadFile(path)
})

// postgresTemplate migrates a template database, once per process and schema.
// Processes that test at the same time take turns by an advisory lock.
var postgresTemplate = onceFor(func(server string) (template string, failed error) {
	ctx := context.Background()
	name := "linktor_template_" + schemaHash()
	d, err := db.Open(ctx, server, 1)
	if err != nil {
		return "", err
	}
	defer d.Close()
	const key = 8_112_904
	if _, err := d.Exec(ctx, `SELECT pg_advisory_lock($1)`, key); err != nil {
		return "", err
	}
	defer func() {
		_, err := d.Exec(ctx, `SELECT pg_advisory_unlock($1)`, key)
		failed = errors.Join(failed, err)
	}()
	var n int
	if err := d.GetContext(ctx, &n, `SELECT count(*) FROM pg_database WHERE datname = $1 AND datistemplate`, name); err != nil || n == 1 {
		return name, err
	}
	if _, err := d.Exec(ctx, `DROP DATABASE IF EXISTS `+name); err != nil {
		return "", err
	}
	if _, err := d.Exec(ctx, `CREATE DATABASE `+name); err != nil {
		return "", err
	}
	t, err := db.Open(ctx, withName(server, name), 2)
	if err != nil {
		return "", err
	}
	_, err = t.Migrate(ctx)
	t.Close()
	if err != nil {
		return "", err
	}
	_, err = d.Exec(ctx, `ALTER DATABASE `+name+` IS_TEMPLATE true`)
	return name, err
})

func onceFor(fn func(string) (string, error)) func(string) (string, error) {
	var mu sync.Mutex
	done := map[string]string{}
	return func(key string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if v, ok := done[key]; ok {
			return v, nil
		}
		v, err := fn(key)
		if err == nil {
			done[key] = v
		}
		return v, err
	}
}

func schemaHash() string {
	h := sha256.New()
	err := fs.WalkDir(migrations.Postgres, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := migrations.Postgres.ReadFile(path)
		fmt.Fprintf(h, "%s %d\n%s", path, len(data), data)
		return err
	})
	if err != nil {
		panic(err) // they are embedded
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

func admin(tb testing.TB, server, query string) {
	tb.Helper()
	d, err := db.Open(context.Background(), server, 1)
	if err != nil {
		tb.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Exec(context.Background(), query); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
}

func withName(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic("LINKTOR_TEST_POSTGRES is not a URL")
	}
	u.Path = "/" + name
	return u.String()
}
