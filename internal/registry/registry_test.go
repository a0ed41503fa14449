package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/registry"
	"github.com/linktor/linktor/internal/seal"
)

// post is an adapter for a made-up provider that signs nothing.
type post struct{ signed bool }

func (p post) Describe() channels.Description {
	d := channels.Description{Type: "post", Name: "Post", Throughput: 7, Settings: []channels.Setting{
		{Key: "number", Label: "Number", Kind: "text", Required: true},
		{Key: "token", Label: "Token", Kind: "secret", Required: true},
		{Key: "verifyToken", Label: "Verify token", Kind: "text", Generate: true},
		{Key: "mode", Label: "Mode", Kind: "choice", Choices: []string{"slow", "fast"}, Default: "slow"},
		{Key: "second", Label: "Second token", Kind: "secret"},
		{Key: "businessAccountId", Label: "Business account", Kind: "text"},
	}}
	if p.signed {
		d.Type, d.Webhook.Signed = "telegraph", true
		d.Settings[0].Unique = true
	}
	return d
}

func (p post) Open(settings json.RawMessage, _ channels.Env) (channels.Account, error) {
	var s map[string]string
	if err := json.Unmarshal(settings, &s); err != nil {
		return nil, err
	}
	if s["mode"] == "wrong" {
		inv := &channels.Invalid{}
		inv.Add("/mode", "invalid", "Mode is slow or fast.")
		return nil, inv
	}
	return account{s}, nil
}

type account struct{ settings map[string]string }

func (account) Verify(channels.Request) error          { return nil }
func (account) Parse([]byte) ([]channels.Event, error) { return nil, nil }
func (account) Check(channels.Outbound) error          { return nil }
func (account) Send(context.Context, channels.Outbound) (channels.Sent, error) {
	return channels.Sent{}, nil
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }

func newClock() *clock { return &clock{t: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)} }

func open(t *testing.T, d *db.DB, c *clock) *registry.Registry {
	t.Helper()
	for _, tenant := range []string{"ten_a", "ten_b"} {
		if _, err := d.Exec(t.Context(), `INSERT INTO tenants (id, name, created_at) VALUES ($1, $1, 0) ON CONFLICT DO NOTHING`, tenant); err != nil {
			t.Fatal(err)
		}
	}
	box, err := seal.New(strings.Repeat("6b", 32))
	if err != nil {
		t.Fatal(err)
	}
	return registry.New(d, box, []channels.Adapter{post{}, post{signed: true}}, channels.Env{HTTP: http.DefaultClient}, c.now, slog.New(slog.DiscardHandler))
}

func draft() registry.Draft {
	return registry.Draft{Type: "post", Name: "Shop", Settings: map[string]json.RawMessage{
		"number": json.RawMessage(`"12"`), "token": json.RawMessage(`"hush-hush"`),
	}}
}

func TestCreateSealsSecrets(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d, newClock())
		o, err := r.Create(t.Context(), "ten_a", draft())
		if err != nil {
			t.Fatal(err)
		}
		got := o.Account.(account).settings
		if got["number"] != "12" || got["token"] != "hush-hush" || len(got["verifyToken"]) < 40 {
			t.Errorf("the account was opened with %v", got)
		}
		if strings.Contains(string(o.Settings), "hush") || !slices.Equal(o.Secrets, []string{"token"}) {
			t.Errorf("settings %s, secrets %v", o.Settings, o.Secrets)
		}
		if o.Generated["verifyToken"] != got["verifyToken"] || len(o.WebhookToken) < 40 || o.OnUncertain != "auto" || o.Rate() != 7 {
			t.Errorf("channel %+v", o.Channel)
		}
		var settings string
		var secrets []byte
		if err := d.QueryRow(`SELECT settings, secrets FROM channels`).Scan(&settings, &secrets); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(settings+string(secrets), "hush") {
			t.Error("the secret is stored in clear text")
		}
		signed := draft()
		signed.Type = "telegraph"
		if o, err := r.Create(t.Context(), "ten_a", signed); err != nil || o.WebhookToken != "" {
			t.Errorf("a signed type: token %q, %v", o.WebhookToken, err)
		}
	})
}

func TestCreateInvalid(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d, newClock())
		set := func(key, value string) func(*registry.Draft) {
			return func(d *registry.Draft) { d.Settings[key] = json.RawMessage(value) }
		}
		tests := []struct {
			name string
			edit func(*registry.Draft)
			want []string
		}{
			{"no such type", func(d *registry.Draft) { d.Type = "fax" }, []string{"/type"}},
			{"no name", func(d *registry.Draft) { d.Name = "  " }, []string{"/name"}},
			{"long name", func(d *registry.Draft) { d.Name = strings.Repeat("ü", 101) }, []string{"/name"}},
			{"no settings", func(d *registry.Draft) { d.Settings = nil }, []string{"/settings/number", "/settings/token"}},
			{"empty secret", set("token", `""`), []string{"/settings/token"}},
			{"unknown setting", set("colour", `"red"`), []string{"/settings/colour"}},
			{"adapter refuses", set("mode", `"wrong"`), []string{"/settings/mode"}},
			{"policy", func(d *registry.Draft) { d.OnUncertain = "hope" }, []string{"/onUncertain"}},
			{"throughput", func(d *registry.Draft) { d.Throughput = -1 }, []string{"/throughputPerSecond"}},
			{"huge", set("number", `"`+strings.Repeat("x", 70000)+`"`), []string{"/settings"}},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				in := draft()
				tt.edit(&in)
				_, err := r.Create(t.Context(), "ten_a", in)
				f, ok := errors.AsType[*fault.Error](err)
				if !ok || f.Kind != fault.Invalid {
					t.Fatalf("got %v; want an invalid fault", err)
				}
				var got []string
				for _, p := range f.Problems {
					got = append(got, p.Pointer)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	})
}

func TestUpdateMergesSettings(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d, newClock())
		o, err := r.Create(t.Context(), "ten_a", draft())
		if err != nil {
			t.Fatal(err)
		}
		patch := func(settings string) (map[string]string, error) {
			var p registry.Patch
			if err := json.Unmarshal([]byte(settings), &p.Settings); err != nil {
				t.Fatal(err)
			}
			got, err := r.Update(t.Context(), "ten_a", o.ID, p)
			if err != nil {
				return nil, err
			}
			return got.Account.(account).settings, nil
		}
		want := map[string]string{"number": "13", "token": "hush-hush", "verifyToken": o.Generated["verifyToken"], "second": "two"}
		got, err := patch(`{"number":"13","token":{"set":true},"second":"two"}`)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		delete(want, "second")
		got, err = patch(`{"second":null}`)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("null removes: %v\n%s", err, diff)
		}
		if _, err = patch(`{"token":null}`); fault.KindOf(err) != fault.Invalid {
			t.Errorf("a required secret was removed: %v", err)
		}
		if _, err := r.Update(t.Context(), "ten_b", o.ID, registry.Patch{}); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another tenant: %v", err)
		}
	})
}

func TestLookupIsCachedAndFresh(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		r, other := open(t, d, c), open(t, d, c)
		o, err := r.Create(t.Context(), "ten_a", draft())
		if err != nil {
			t.Fatal(err)
		}
		first, err := r.Lookup(t.Context(), o.ID)
		if err != nil {
			t.Fatal(err)
		}
		name := "New name"
		if _, err := other.Update(t.Context(), "ten_a", o.ID, registry.Patch{Name: &name}); err != nil {
			t.Fatal(err)
		}
		if again, err := r.Lookup(t.Context(), o.ID); err != nil || again != first {
			t.Errorf("a fresh entry was not taken from the cache: %v", err)
		}
		c.add(time.Second)
		if again, err := r.Lookup(t.Context(), o.ID); err != nil || again.Name != name {
			t.Errorf("after a second: %v", err)
		}
		if err := other.Delete(t.Context(), "ten_a", o.ID); err != nil {
			t.Fatal(err)
		}
		c.add(time.Second)
		for range 2 {
			if _, err := r.Lookup(t.Context(), o.ID); fault.KindOf(err) != fault.NotFound {
				t.Errorf("deleted: %v", err)
			}
		}
		if _, err := r.Lookup(t.Context(), "ch_unknown"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("unknown: %v", err)
		}
	})
}

func TestLookupWithoutDatabase(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := newClock()
		r := open(t, d, c)
		o, err := r.Create(t.Context(), "ten_a", draft())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Lookup(t.Context(), o.ID); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		c.add(time.Hour)
		if got, err := r.Lookup(t.Context(), o.ID); err != nil || got.ID != o.ID {
			t.Errorf("a known channel was not found while the database is away: %v", err)
		}
		if _, err := r.Lookup(t.Context(), "ch_other"); err == nil || fault.KindOf(err) == fault.NotFound {
			t.Errorf("an unknown channel is taken for missing while the database is away: %v", err)
		}
	})
}

func TestChangesAreAnnounced(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		r := open(t, d, newClock())
		o, err := r.Create(ctx, "ten_a", draft())
		if err != nil {
			t.Fatal(err)
		}
		yes, no := true, false
		_, err1 := r.Update(ctx, "ten_a", o.ID, registry.Patch{Enabled: &no})
		_, err2 := r.Update(ctx, "ten_a", o.ID, registry.Patch{Enabled: &yes})
		err = errors.Join(err1, err2,
			r.Pause(ctx, "ten_a", o.ID, "The account is locked."), r.Pause(ctx, "ten_a", o.ID, "The account is locked."),
			r.Pause(ctx, "ten_a", o.ID, ""),
			r.SetHealth(ctx, "ten_a", o.ID, channels.Health{OK: true}), r.SetHealth(ctx, "ten_a", o.ID, channels.Health{OK: true}),
			r.Delete(ctx, "ten_a", o.ID))
		if err != nil {
			t.Fatal(err)
		}
		list, err := events.NewLog(d).Read(ctx, "ten_a", 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range list {
			var data struct{ Change string }
			if err := json.Unmarshal(e.Data, &data); err != nil || e.ChannelID != o.ID {
				t.Errorf("event %+v: %v", e, err)
			}
			if e.Type != "channel.status" {
				data.Change = e.Type
			}
			got = append(got, data.Change)
		}
		want := []string{"created", "disabled", "enabled", "paused", "channel.paused", "resumed", "channel.resumed", "health", "deleted"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if _, err := r.Show(ctx, "ten_a", o.ID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("deleted: %v", err)
		}
	})
}

func TestListIsTheTenants(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d, newClock())
		var ids []string
		for _, tenant := range []string{"ten_a", "ten_a", "ten_b", "ten_a"} {
			o, err := r.Create(t.Context(), tenant, draft())
			if err != nil {
				t.Fatal(err)
			}
			if tenant == "ten_a" {
				ids = append(ids, o.ID)
			}
		}
		list := func(f registry.Filter) (got []string) {
			t.Helper()
			cs, err := r.List(t.Context(), "ten_a", f)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cs {
				got = append(got, c.ID)
			}
			return got
		}
		for name, diff := range map[string]string{
			"all":    cmp.Diff(ids, list(registry.Filter{Limit: 10})),
			"page":   cmp.Diff(ids[1:2], list(registry.Filter{Limit: 1, After: ids[0]})),
			"scoped": cmp.Diff(ids[2:], list(registry.Filter{Limit: 10, IDs: []string{ids[2], "ch_x"}})),
			"type":   cmp.Diff([]string(nil), list(registry.Filter{Limit: 10, Type: "telegraph"})),
		} {
			if diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})
}

// A type may say which setting names the account: then one channel has it.
func TestOneChannelPerAccount(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r := open(t, d, newClock())
		create := func(tenant, number string) (*registry.Open, error) {
			set := draft()
			set.Type, set.Settings["number"] = "telegraph", json.RawMessage(number)
			return r.Create(t.Context(), tenant, set)
		}
		taken := func(what string, err error) {
			t.Helper()
			f, ok := errors.AsType[*fault.Error](err)
			if !ok || f.Kind != fault.Invalid || f.Problems[0].Pointer != "/settings/number" || f.Problems[0].Code != "taken" {
				t.Errorf("%s: %v; want the number to be taken", what, err)
			}
		}
		first, err := create("ten_a", `"12"`)
		if err != nil {
			t.Fatal(err)
		}
		_, err = create("ten_a", `" +12"`)
		taken("create", err)
		second, err := create("ten_a", `"13"`)
		if err != nil {
			t.Fatal(err)
		}
		number := func(n string) registry.Patch {
			return registry.Patch{Settings: map[string]json.RawMessage{"number": json.RawMessage(n)}}
		}
		_, err = r.Update(t.Context(), "ten_a", second.ID, number(`"12"`))
		taken("update", err)
		if _, err := r.Update(t.Context(), "ten_a", second.ID, number(`"13"`)); err != nil {
			t.Errorf("an update that keeps the number: %v", err)
		}
		if _, err := create("ten_b", `"12"`); err != nil {
			t.Errorf("another organisation: %v", err)
		}
		if err := r.Delete(t.Context(), "ten_a", first.ID); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		won := make(chan string, 4)
		for range cap(won) { // the number is free again: one gets it
			wg.Go(func() {
				if o, err := create("ten_a", `"12"`); err == nil {
					won <- o.ID
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Errorf("%d channels got the number; want 1", len(won))
		}
	})
}
