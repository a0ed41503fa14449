package registry_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/registry"
	"github.com/linktor/linktor/internal/seal"
)

// slowPost is a post whose accounts take their time: meanwhile does what happens
// while the first of them is opened.
type slowPost struct {
	post
	meanwhile func()
}

func (p *slowPost) Open(settings json.RawMessage, env channels.Env) (channels.Account, error) {
	if do := p.meanwhile; do != nil {
		p.meanwhile = nil
		do()
	}
	return p.post.Open(settings, env)
}

// A change is seen by the next lookup also if another one was under way and had read
// the channel as it was before.
func TestChangeDuringALookup(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		o, err := open(t, d, c).Create(t.Context(), "ten_a", draft())
		if err != nil {
			t.Fatal(err)
		}
		box, err := seal.New(strings.Repeat("6b", 32))
		if err != nil {
			t.Fatal(err)
		}
		p := &slowPost{}
		r := registry.New(d, box, []channels.Adapter{p}, channels.Env{}, c.now, slog.New(slog.DiscardHandler))
		for _, name := range []string{"first lookup", "a later one", "one after that"} {
			p.meanwhile = func() {
				if _, err := r.Update(t.Context(), "ten_a", o.ID, registry.Patch{Name: &name}); err != nil {
					t.Error(err)
				}
			}
			if _, err := r.Lookup(t.Context(), o.ID); err != nil {
				t.Fatal(err)
			}
			if p.meanwhile != nil {
				t.Fatalf("%s: the channel was not opened again", name)
			}
			got, err := r.Lookup(t.Context(), o.ID)
			if err != nil || got.Name != name {
				t.Errorf("%s: the channel is %q, %v", name, got.Name, err)
			}
			if _, err := d.Exec(t.Context(), `UPDATE channels SET version = version + 1`); err != nil { // another node changes it
				t.Fatal(err)
			}
			c.add(10 * time.Second)
		}
	})
}
