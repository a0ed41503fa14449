package app

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/linktor/linktor/internal/config"
	"github.com/linktor/linktor/internal/db"
)

// The personas write first on a fresh installation, and not again at each start.
func TestGreetsOnce(t *testing.T) {
	dir := t.TempDir()
	stop := embedded(t, dir, func(o *office) {
		o.eventually(2, `SELECT count(*) FROM messages WHERE direction = 'inbound'`)
	})
	stop()
	stop = embedded(t, dir, func(o *office) {
		// A greeting would have been sent off before the server was ready.
		for _, channel := range []string{"whatsapp", "link"} {
			status, _ := o.call(http.MethodPost, "/simulator/api/inbound", `{"channel":"`+channel+`","type":"text","text":"still there?"}`)
			if status != http.StatusOK {
				t.Fatalf("inbound: %d", status)
			}
			o.eventually(1, `SELECT count(*) FROM messages m JOIN channels c ON c.id = m.channel_id
				WHERE c.type = $1 AND m.content LIKE '%still there?%'`, channel)
		}
		o.eventually(4, `SELECT count(*) FROM messages WHERE direction = 'inbound'`)
	})
	stop()
	d, err := db.Open(t.Context(), filepath.Join(dir, "linktor.db"), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var got int // a greeting that was under way has come or will not come any more
	if err := d.Get(&got, `SELECT count(*) FROM messages WHERE direction = 'inbound'`); err != nil || got != 4 {
		t.Errorf("%d messages in all, %v; want 4", got, err)
	}
}

// embedded runs a server in this process on a data folder, calls fn, and returns
// what stops the server.
func embedded(t *testing.T, dir string, fn func(*office)) (stop func()) {
	t.Helper()
	cfg, err := config.Load(config.Sources{Environ: []string{"LINKTOR_LISTEN=" + freeAddress(t), "LINKTOR_DATA_DIR=" + dir}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan Info, 1), make(chan error, 1)
	go func() {
		done <- Run(ctx, cfg, slog.New(slog.DiscardHandler), "test", Hooks{Ready: func(i Info) { ready <- i }})
	}()
	o := &office{t: t}
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	select {
	case o.info = <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	if o.d, err = db.Open(t.Context(), cfg.Database(), 2); err != nil {
		t.Fatal(err)
	}
	defer o.d.Close()
	fn(o)
	return stop
}
