package templates

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/registry"
)

// press is a channel's account whose provider keeps templates.
type press struct {
	channels.Account
	list   []channels.Template
	noList bool
	err    error
	edited *channels.Template
}

func (p *press) ListTemplates(context.Context) ([]channels.Template, error) {
	if p.noList {
		return nil, channels.ErrUnsupported
	}
	return p.list, p.err
}

func (p *press) GetTemplate(_ context.Context, providerID string) (channels.Template, error) {
	for _, t := range p.list {
		if t.ProviderID == providerID {
			return t, nil
		}
	}
	return channels.Template{}, errors.New("no such template")
}

func (p *press) CreateTemplate(_ context.Context, t channels.Template) (channels.Template, error) {
	return channels.Template{ProviderID: "p-new", Status: "PENDING", Category: "MARKETING"}, p.err
}

func (p *press) EditTemplate(_ context.Context, t channels.Template) error {
	p.edited = &t
	return p.err
}

func (p *press) DeleteTemplate(context.Context, channels.Template) error { return p.err }

func newStore(t *testing.T, d *db.DB) (*Store, *press, *registry.Open) {
	t.Helper()
	for _, q := range []string{
		`INSERT INTO tenants (id, name, created_at) VALUES ('ten_a', 'a', 0)`,
		`INSERT INTO channels (id, tenant_id, type, name, settings, secrets, created_at, updated_at) VALUES ('ch_1', 'ten_a', 'post', 'c', '{}', '', 0, 0)`,
	} {
		if _, err := d.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	p := &press{}
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	return NewStore(d, func() time.Time { return now }), p, &registry.Open{Channel: registry.Channel{ID: "ch_1", TenantID: "ten_a", Type: "post"}, Account: p}
}

func tmpl(name, status, components string) channels.Template {
	return channels.Template{ProviderID: "p-" + name, Name: name, Language: "en", Category: "UTILITY", Status: status,
		TTLSeconds: 600, Components: json.RawMessage(components)}
}

func TestSync(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		s, p, o := newStore(t, d)
		sync := func(want Synced) {
			t.Helper()
			got, err := s.Sync(t.Context(), o)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		}
		p.list = []channels.Template{tmpl("a", "PENDING", "[]"), tmpl("b", "APPROVED", "[]")}
		sync(Synced{Added: 2, Total: 2})
		sync(Synced{Total: 2})
		p.list = []channels.Template{tmpl("a", "APPROVED", "[]"), tmpl("c", "APPROVED", "[]")}
		sync(Synced{Added: 1, Changed: 1, Removed: 1, Total: 2})
		list, err := s.List(t.Context(), "ten_a", "ch_1", Filter{Limit: 10})
		if err != nil || len(list) != 2 || list[0].Name != "a" || list[0].Status != "APPROVED" || list[0].SyncedAt.IsZero() {
			t.Errorf("%+v, %v", list, err)
		}
		if other, err := s.List(t.Context(), "ten_b", "ch_1", Filter{Limit: 10}); err != nil || len(other) != 0 {
			t.Errorf("another tenant: %+v, %v", other, err)
		}
		log, err := events.NewLog(d).Read(t.Context(), "ten_a", 0, 10)
		if err != nil || len(log) != 1 || !strings.Contains(string(log[0].Data), `"status":"APPROVED"`) {
			t.Errorf("%d events, %v; want one of the change of a's status", len(log), err)
		}
		p.err = errors.New("provider away")
		if _, err := s.Sync(t.Context(), o); err == nil {
			t.Error("the provider's failure was swallowed")
		}
		if list, _ := s.List(t.Context(), "ten_a", "ch_1", Filter{Limit: 10}); len(list) != 2 {
			t.Error("the provider's failure removed templates")
		}
	})
}

func TestSyncWithoutList(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		s, p, o := newStore(t, d)
		p.noList = true
		made, err := s.Create(t.Context(), o, channels.Template{Name: "n", Language: "en", Category: "UTILITY", Components: json.RawMessage(`[]`)})
		if err != nil || made.Status != "PENDING" || made.Category != "MARKETING" || made.ProviderID != "p-new" {
			t.Fatalf("%+v, %v", made, err)
		}
		p.list = []channels.Template{{ProviderID: "p-new", Name: "n", Language: "en", Status: "APPROVED"}}
		if got, err := s.Sync(t.Context(), o); err != nil || got.Changed != 1 || got.Removed != 0 {
			t.Errorf("%+v, %v", got, err)
		}
		if _, _, err := s.Check(t.Context(), "ten_a", "ch_1", &channels.TemplateUse{Name: "elsewhere", Language: channels.Language{Code: "en"}}); err != nil {
			t.Errorf("a template that may exist was refused: %v", err)
		}
	})
}

// A pause that was only supposed ends by itself, and by any news of the provider.
func TestSupposedPause(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		s, p, o := newStore(t, d)
		use := &channels.TemplateUse{Name: "plain", Language: channels.Language{Code: "en"}}
		sync := func(status string) {
			t.Helper()
			p.list = []channels.Template{tmpl("plain", status, plain)}
			if _, err := s.Sync(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		suppose := func(until int64) {
			t.Helper()
			if _, err := d.Exec(t.Context(), `UPDATE templates SET status = 'PAUSED', paused_until = $1`, until); err != nil {
				t.Fatal(err)
			}
		}
		check := func(what string, refused bool) {
			t.Helper()
			if _, _, err := s.Check(t.Context(), "ten_a", "ch_1", use); (err != nil) != refused {
				t.Errorf("%s: %v", what, err)
			}
		}
		sync("APPROVED")
		suppose(db.Micros(time.Now().Add(time.Hour)))
		check("paused for an hour", true)
		suppose(1)
		check("after the pause", false)
		sync("APPROVED")
		sync("PAUSED")
		check("paused by the provider", true)
	})
}

func TestCreateEditDelete(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		s, p, o := newStore(t, d)
		in := channels.Template{Name: "n", Language: "en", Category: "UTILITY", Components: json.RawMessage(`[{"type":"BODY","text":"Hi"}]`)}
		made, err := s.Create(ctx, o, in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Create(ctx, o, in); fault.KindOf(err) != fault.Conflict {
			t.Errorf("a second one: %v", err)
		}
		ttl := 900
		edited, err := s.Edit(ctx, o, made.ID, nil, &ttl, json.RawMessage(`[{"type":"BODY","text":"Hello"}]`))
		if err != nil || edited.TTLSeconds != 900 || p.edited.Category != "MARKETING" || edited.ID != made.ID || !strings.Contains(string(edited.Components), "Hello") {
			t.Errorf("%+v, %v", edited, err)
		}
		p.err = &channels.SendError{Class: channels.ClassTransient, Title: "away"}
		if err := s.Delete(ctx, o, made.ID); err == nil {
			t.Error("deleted although the provider refused")
		}
		p.err = nil
		if err := s.Delete(ctx, o, made.ID); err != nil {
			t.Error(err)
		}
		if _, err := s.Get(ctx, "ten_a", "ch_1", made.ID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("deleted: %v", err)
		}
	})
}

const (
	order = `[{"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"Hi {{1}}, order {{2}} for {{1}}"},{"type":"FOOTER","text":"Bye"},
		{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Stop"},{"type":"URL","url":"https://shop.example/{{1}}"},{"type":"URL","url":"https://shop.example"}]}]`
	wordy    = `[{"type":"HEADER","format":"TEXT","text":"For {{who}}"},{"type":"BODY","text":"{{first}} and {{second}}"}]`
	plain    = `[{"type":"BODY","text":"No parameters"}]`
	carousel = `[{"type":"BODY","text":"Look"},{"type":"CAROUSEL","cards":[{"components":[{"type":"HEADER","format":"IMAGE"}]},{"components":[{"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"{{1}}"}]}]}]`
	code     = `[{"type":"BODY","text":"*{{1}}* is your code"},{"type":"BUTTONS","buttons":[{"type":"OTP"}]}]`
	offer    = `[{"type":"BODY","text":"Sale"},{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"has_expiration":true}}]`
	strange  = `{"layout":"unknown"}`
)

func TestCheck(t *testing.T) {
	s, p, o := newStore(t, dbtest.SQLite(t))
	p.list = []channels.Template{
		tmpl("order", "APPROVED", order), tmpl("wordy", "APPROVED", wordy), tmpl("plain", "APPROVED", plain), tmpl("paused", "PAUSED", plain),
		tmpl("carousel", "APPROVED", carousel), tmpl("code", "APPROVED", code), tmpl("offer", "APPROVED", offer), tmpl("strange", "APPROVED", strange),
	}
	if _, err := s.Sync(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	const (
		image = `{"type":"header","parameters":[{"type":"image","image":{"url":"https://x.example/a.png"}}]}`
		two   = `{"type":"body","parameters":[{"type":"text","text":"Ada"},{"type":"currency","currency":{"code":"EUR","amount_1000":1,"fallback_value":"1"}}]}`
		link  = `{"type":"button","sub_type":"url","index":"1","parameters":[{"type":"text","text":"x"}]}`
	)
	tests := []struct{ name, template, components, want string }{
		{"complete", "order", `[` + image + `,` + two + `,` + link + `]`, ""},
		{"nothing given", "order", `[]`, "/components required, /components required, /components required"},
		{"too few", "order", `[` + image + `,{"type":"body","parameters":[{"type":"text","text":"a"}]},` + link + `]`, "/components/1/parameters too_few"},
		{"too many", "plain", `[` + two + `]`, "/components/0/parameters too_many"},
		{"empty parameter", "order", `[` + image + `,{"type":"body","parameters":[{"type":"text","text":"a"},{"type":"text"}]},` + link + `]`, "/components/1/parameters/1/text required"},
		{"wrong header", "order", `[{"type":"header","parameters":[{"type":"video","video":{"url":"u"}}]},` + two + `,` + link + `]`, "/components/0/parameters/0/type invalid"},
		{"header without file", "order", `[{"type":"header","parameters":[{"type":"image","image":{}}]},` + two + `,` + link + `]`, "/components/0/parameters/0/image required"},
		{"no header in template", "plain", `[` + image + `]`, "/components/0 not_allowed"},
		{"button out of range", "order", `[` + image + `,` + two + `,` + link + `,{"type":"button","sub_type":"url","index":7}]`, "/components/3/index invalid"},
		{"button of another kind", "order", `[` + image + `,` + two + `,` + link + `,{"type":"button","sub_type":"url","index":0,"parameters":[{"type":"text","text":"x"}]}]`, "/components/3/sub_type invalid"},
		{"button without value", "order", `[` + image + `,` + two + `,{"type":"button","sub_type":"url","index":1}]`, "/components/2/parameters invalid"},
		{"named", "wordy", `[{"type":"header","parameters":[{"type":"text","parameter_name":"who","text":"x"}]},{"type":"body","parameters":[{"type":"text","parameter_name":"second","text":"x"},{"type":"text","parameter_name":"first","text":"y"}]}]`, ""},
		{"wrong name", "wordy", `[{"type":"header","parameters":[{"type":"text","parameter_name":"who","text":"x"}]},{"type":"body","parameters":[{"type":"text","parameter_name":"third","text":"x"},{"type":"text","parameter_name":"first","text":"y"}]}]`, "/components/1/parameters/0/parameter_name invalid"},
		{"same name twice", "wordy", `[{"type":"header","parameters":[{"type":"text","parameter_name":"who","text":"x"}]},{"type":"body","parameters":[{"type":"text","parameter_name":"first","text":"x"},{"type":"text","parameter_name":"first","text":"y"}]}]`, "/components/1/parameters invalid"},
		{"cards", "carousel", `[{"type":"carousel","cards":[{"card_index":1,"components":[` + image + `,{"type":"body","parameters":[{"type":"text","text":"x"}]}]},{"card_index":0,"components":[` + image + `]}]}]`, ""},
		{"card without parameter", "carousel", `[{"type":"carousel","cards":[{"card_index":1,"components":[` + image + `]},{"card_index":0,"components":[` + image + `]}]}]`, "/components/0/cards/0/components required"},
		{"a card too few", "carousel", `[{"type":"carousel","cards":[{"card_index":0,"components":[` + image + `]}]}]`, "/components/0/cards invalid"},
		{"code", "code", `[{"type":"body","parameters":[{"type":"text","text":"123"}]},{"type":"button","sub_type":"url","index":0,"parameters":[{"type":"text","text":"123"}]}]`, ""},
		{"code without button", "code", `[{"type":"body","parameters":[{"type":"text","text":"123"}]}]`, "/components required"},
		{"offer", "offer", `[]`, "/components required"},
		{"a definition we cannot read", "strange", `[` + two + `]`, ""},
		{"paused", "paused", `[]`, "/name not_allowed"},
		{"unknown", "nothing", `[]`, "/name not_found"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			use := channels.TemplateUse{Name: tt.template, Language: channels.Language{Code: "en"}}
			if err := json.Unmarshal([]byte(tt.components), &use.Components); err != nil {
				t.Fatal(err)
			}
			category, ttl, err := s.Check(t.Context(), "ten_a", "ch_1", &use)
			var got []string
			if f, ok := errors.AsType[*fault.Error](err); ok {
				for _, p := range f.Problems {
					got = append(got, strings.TrimPrefix(p.Pointer, at)+" "+p.Code)
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, ", ")); diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
			if err == nil && (category != "UTILITY" || ttl != 10*time.Minute) {
				t.Errorf("category %q, ttl %v", category, ttl)
			}
		})
	}
}

func TestCheckLanguage(t *testing.T) {
	s, p, o := newStore(t, dbtest.SQLite(t))
	p.list = []channels.Template{tmpl("plain", "APPROVED", plain)}
	if _, err := s.Sync(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Check(t.Context(), "ten_a", "ch_1", &channels.TemplateUse{Name: "plain", Language: channels.Language{Code: "de"}})
	if f, ok := errors.AsType[*fault.Error](err); !ok || f.Problems[0].Pointer != at+"/language/code" {
		t.Errorf("another language: %v", err)
	}
}
