package app_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/linktor/linktor/internal/bench/rig"
)

// buildDir is where binary builds, until the end of all tests.
var buildDir string

// binary is the server, built once for all tests that start real processes.
var binary = sync.OnceValues(func() (string, error) {
	return rig.Build(context.Background(), ".", buildDir)
})

func TestMain(m *testing.M) {
	var err error
	if buildDir, err = os.MkdirTemp("", "linktor-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(buildDir)
	os.Exit(code)
}

// newNode returns a server that is not started, with a data folder of its own.
func newNode(t *testing.T) rig.Node {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	addr, err := rig.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return rig.Node{Bin: bin, Dir: filepath.Join(t.TempDir(), "data"), Listen: addr}
}

// services returns the URLs of PostgreSQL and Redis for tests.
func services(t *testing.T) (postgres, redis string) {
	t.Helper()
	postgres, redis = os.Getenv("LINKTOR_TEST_POSTGRES"), os.Getenv("LINKTOR_TEST_REDIS")
	if postgres != "" && redis != "" {
		return postgres, redis
	}
	if os.Getenv("LINKTOR_TEST_REQUIRE") != "" {
		t.Fatal("LINKTOR_TEST_POSTGRES or LINKTOR_TEST_REDIS is not set: run the tests with make test")
	}
	t.Skip("LINKTOR_TEST_POSTGRES or LINKTOR_TEST_REDIS is not set: run the tests with make test")
	return "", ""
}

// newDatabase returns the URL of an empty database, dropped at the end.
func newDatabase(t *testing.T, server string) string {
	t.Helper()
	dsn, err := rig.NewDatabase(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rig.DropDatabase(context.Background(), server, dsn); err != nil {
			t.Error(err)
		}
	})
	return dsn
}

// Ensure that what was acknowledged before kill -9 is there after it, once.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("kills the server for several seconds")
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		kill(t, newNode(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		postgres, redis := services(t)
		node := newNode(t)
		node.Database, node.Redis = newDatabase(t, postgres), redis
		kill(t, node)
	})
}

func kill(t *testing.T, node rig.Node) {
	t.Helper()
	r, err := rig.Kill(t.Context(), node, 5)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", *r)
	if v := r.Verdict(); v != "ok" {
		t.Errorf("got %s: %+v", v, *r)
	}
	if r.AckedInbound < 100 || r.AckedSends < 20 {
		t.Errorf("only %d webhooks and %d sends were acknowledged: the test shows nothing", r.AckedInbound, r.AckedSends)
	}
}
