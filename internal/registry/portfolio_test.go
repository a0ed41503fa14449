package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/registry"
)

// Who shares a messaging tier follows the table of tiers and the business account,
// unless an operator has named a portfolio.
func TestPortfolio(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d, newClock())
		dr := draft()
		dr.Settings["businessAccountId"] = json.RawMessage(`"waba_1"`)
		o, err := r.Create(t.Context(), "ten_a", dr)
		if err != nil || o.Portfolio != "waba_1" {
			t.Fatalf("created: portfolio %q, %v", o.Portfolio, err)
		}
		account := func(id string) map[string]json.RawMessage {
			return map[string]json.RawMessage{"businessAccountId": json.RawMessage(`"` + id + `"`)}
		}
		name, number, shop, none := "portfolio", "number", " shop ", ""
		for _, step := range []struct {
			what  string
			patch registry.Patch
			want  string
		}{
			{"another account", registry.Patch{Settings: account("waba_2")}, "waba_2"},
			{"each number by itself", registry.Patch{TierPreset: &number}, ""},
			{"no portfolio, said once more", registry.Patch{Portfolio: &none}, ""},
			{"an account by itself", registry.Patch{Settings: account("waba_3")}, ""},
			{"shared again", registry.Patch{TierPreset: &name}, "waba_3"},
			{"a portfolio of its own", registry.Patch{Portfolio: &shop}, "shop"},
			{"a named one stays", registry.Patch{Settings: account("waba_4")}, "shop"},
			{"alone by choice", registry.Patch{Portfolio: &none}, ""},
			{"which stays too", registry.Patch{Settings: account("waba_5")}, ""},
		} {
			o, err := r.Update(t.Context(), "ten_a", o.ID, step.patch)
			if err != nil {
				t.Fatalf("%s: %v", step.what, err)
			}
			var stored string
			if err := d.Get(&stored, `SELECT portfolio FROM channels`); err != nil || stored != step.want || o.Portfolio != step.want {
				t.Errorf("%s: portfolio %q, stored %q, %v; want %q", step.what, o.Portfolio, stored, err, step.want)
			}
		}
		if _, err := r.Update(t.Context(), "ten_a", o.ID, registry.Patch{TierPreset: &number, Portfolio: &shop}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("a portfolio where nobody shares: %v", err)
		}
	})
}

// What belongs to a channel changes with it, or nothing does.
func TestUpdateAlso(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d, newClock())
		o, err := r.Create(t.Context(), "ten_a", draft())
		if err != nil {
			t.Fatal(err)
		}
		name, refusal := "Renamed", errors.New("no")
		also := func(end error) func(context.Context, *db.Tx, registry.Channel) error {
			return func(ctx context.Context, tx *db.Tx, c registry.Channel) error {
				if c.Name != name || c.ID != o.ID {
					t.Errorf("told of %+v", c)
				}
				_, err := tx.ExecContext(ctx, `UPDATE tenants SET name = 'changed' WHERE id = $1`, c.TenantID)
				return errors.Join(err, end)
			}
		}
		names := func() (got string) {
			if err := d.Get(&got, `SELECT c.name || '/' || t.name FROM channels c JOIN tenants t ON t.id = c.tenant_id`); err != nil {
				t.Fatal(err)
			}
			return got
		}
		if _, err := r.Update(t.Context(), "ten_a", o.ID, registry.Patch{Name: &name, Also: also(refusal)}); !errors.Is(err, refusal) || names() != "Shop/ten_a" {
			t.Errorf("refused: %v, stored %s", err, names())
		}
		if _, err := r.Update(t.Context(), "ten_a", o.ID, registry.Patch{Name: &name, Also: also(nil)}); err != nil || names() != "Renamed/changed" {
			t.Errorf("%v, stored %s", err, names())
		}
	})
}
