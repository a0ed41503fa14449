package app_test

import (
	"testing"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/db"
)

// While a newer program is rolled out, the others go on with its schema, and say that
// they are ready: otherwise a load balancer would leave all requests to the first of it.
func TestReadyOnNewerSchema(t *testing.T) {
	node := newNode(t)
	server, err := node.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	d, err := db.Open(t.Context(), node.DSN(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, $1)`, true); err != nil {
		t.Fatal(err)
	}
	status, body, err := rig.NewClient(node.Listen, "", 1).Do("GET", "/readyz", nil)
	if err != nil || status != 200 {
		t.Errorf("got %d %s, %v", status, body, err)
	}
}
