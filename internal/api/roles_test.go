package api

import (
	"context"
	"strings"
	"testing"

	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/events"
)

// A process answers what its roles are for, and says so where it does not.
func TestRoles(t *testing.T) {
	d := dbtest.SQLite(t)
	for _, tt := range []struct {
		roles []string
		path  string
		want  int
	}{
		{[]string{"worker"}, "/healthz", 200},
		{[]string{"worker"}, "/readyz", 200},
		{[]string{"worker"}, "/api/v1/events", 503},
		{[]string{"worker"}, "/webhooks/whatsapp/ch_1", 503},
		{[]string{"worker"}, "/docs", 503},
		{[]string{"worker"}, "/api/v1/realtime", 503},
		{[]string{"worker"}, "/api/v1/events/stream/", 503},
		{[]string{"realtime"}, "/api/v1/events", 503},
		{[]string{"realtime"}, "/api/v1/realtime", 404}, // this server has no hub
		{[]string{"api", "worker"}, "/api/v1/events", 200},
		{[]string{"api", "worker"}, "/api/v1/realtime", 503},
		{nil, "/api/v1/events", 200},
	} {
		s := New(Deps{DB: d, Auth: credentials{}, Log: quiet(), Roles: tt.roles,
			Checks:    []Check{{Name: "database", Test: func(context.Context) error { return nil }}},
			Resources: Resources{Realtime: Realtime{Events: EventSource(events.NewLog(d))}}})
		got := call(t, s, "GET", tt.path, "", "X-API-Key", "ten_a/events:view")
		if got.status != tt.want || tt.want == 503 && !strings.Contains(got.body, `"code":"role_missing"`) {
			t.Errorf("%v %s: %v; want %d", tt.roles, tt.path, got, tt.want)
		}
	}
}
