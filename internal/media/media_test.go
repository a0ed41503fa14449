package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
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
	"github.com/linktor/linktor/internal/id"
	"github.com/linktor/linktor/internal/registry"
)

var png = []byte("\x89PNG\r\n\x1a\n" + strings.Repeat("pixels", 100))

// provider is a channel's account whose provider keeps files.
type provider struct {
	channels.Account
	mu      sync.Mutex
	files   map[string][]byte // by provider id
	err     error
	broken  error // what files end with in place of their end
	uploads int
	expires time.Time
}

func (p *provider) Lookup(_ context.Context, id string) (*registry.Open, error) {
	if id == "ch_gone" {
		return nil, fault.Missing("channel")
	}
	return &registry.Open{Account: p}, nil
}

func (p *provider) FetchMedia(_ context.Context, m channels.Media) (io.ReadCloser, channels.MediaInfo, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return nil, channels.MediaInfo{}, p.err
	}
	body := io.Reader(bytes.NewReader(p.files[m.ProviderID]))
	if p.broken != nil {
		body = io.MultiReader(body, brokenReader{p.broken})
	}
	return io.NopCloser(body), channels.MediaInfo{MimeType: "image/png", Size: -1, Filename: "../cat.png"}, nil
}

func (p *provider) UploadMedia(_ context.Context, info channels.MediaInfo, r io.Reader) (string, time.Time, error) {
	data, err := io.ReadAll(r)
	if p.err != nil {
		return "", time.Time{}, p.err
	}
	p.uploads++
	return fmt.Sprintf("up-%d-%s-%d", p.uploads, info.MimeType, len(data)), p.expires, err
}

type bench struct {
	*Store
	p   *provider
	now time.Time
}

func newBench(t *testing.T, d *db.DB) *bench {
	t.Helper()
	b := &bench{p: &provider{files: map[string][]byte{}}, now: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
	blobs, err := OpenBlobs(Place{URL: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	b.Store = NewStore(Options{DB: d, Blobs: blobs, Registry: b.p, Key: []byte("0123456789abcdef0123456789abcdef"),
		PublicURL: "https://linktor.test", Now: func() time.Time { return b.now }, MaxBytes: 10_000})
	return b
}

func (b *bench) read(t *testing.T, mediaID string) []byte {
	t.Helper()
	f, err := b.Find(t.Context(), mediaID)
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Open(t.Context(), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestCreate(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		m, err := b.Create(t.Context(), "ten_a", Upload{Filename: `C:\pictures\cat.png`, MimeType: "image/png", Body: bytes.NewReader(png)})
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(png)
		want := Media{ID: m.ID, TenantID: "ten_a", State: Ready, MimeType: "image/png", Filename: "cat.png", Size: int64(len(png)),
			SHA256: hex.EncodeToString(sum[:]), CreatedAt: b.now, UpdatedAt: b.now}
		got, err := b.Get(t.Context(), "ten_a", m.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if !bytes.Equal(b.read(t, m.ID), png) {
			t.Error("the bytes differ")
		}
		if _, err := b.Get(t.Context(), "ten_b", m.ID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another tenant: %v", err)
		}
	})
}

func TestCreateRefuses(t *testing.T) {
	b := newBench(t, dbtest.SQLite(t))
	tests := []struct {
		name, mime string
		body       io.Reader
		want       fault.Kind
	}{
		{"too large", "", bytes.NewReader(make([]byte, 10_001)), fault.TooLarge},
		{"empty", "", strings.NewReader(""), fault.Invalid},
		{"a page that says it is a picture", "image/png", strings.NewReader("<html><script>alert(1)</script>"), fault.Invalid},
		{"text that says it is a picture", "image/jpeg", strings.NewReader("hello"), fault.Invalid},
		{"PNG that says it is JPEG", "image/jpeg", bytes.NewReader(png), fault.Invalid},
		{"a broken connection", "", io.MultiReader(strings.NewReader("abc"), brokenReader{errors.New("connection reset")}), fault.Malformed},
		{"a body that stops too early", "", io.MultiReader(strings.NewReader("abc"), brokenReader{io.ErrUnexpectedEOF}), fault.Malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := b.Create(t.Context(), "ten_a", Upload{MimeType: tt.mime, Body: tt.body}); fault.KindOf(err) != tt.want {
				t.Errorf("got %v; want %s", err, tt.want)
			}
		})
	}
	left := 0
	root := b.Blobs.(dir).root
	_ = filepath.WalkDir(root, func(_ string, e os.DirEntry, _ error) error {
		if e != nil && !e.IsDir() {
			left++
		}
		return nil
	})
	if left != 0 {
		t.Errorf("%d files of refused uploads are left", left)
	}
}

type brokenReader struct{ err error }

func (b brokenReader) Read([]byte) (int, error) { return 0, b.err }

func TestAgree(t *testing.T) {
	tests := []struct{ declared, sniffed, want string }{
		{"", "image/png", "image/png"},
		{"", "text/html; charset=utf-8", octets},
		{"image/jpg", "image/jpeg", "image/jpeg"},
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/zip", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"text/csv", "text/plain; charset=utf-8", "text/csv"},
		{"audio/ogg; codecs=opus", "application/ogg", "audio/ogg"},
		{"audio/mp4", "video/mp4", "audio/mp4"},
		{"audio/amr", octets, "audio/amr"},
		{"application/xml", "text/xml; charset=utf-8", "application/xml"},
		{"application/pdf", "image/png", ""},
		{"video/mp4", "application/pdf", ""},
		{"image/webp", octets, ""},
	}
	for _, tt := range tests {
		got, err := agree(tt.declared, tt.sniffed)
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("agree(%q, %q) = %q, %v; want %q", tt.declared, tt.sniffed, got, err, tt.want)
		}
	}
}

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"cat.png": "cat.png", "../../etc/passwd": "passwd", `..\x.txt`: "x.txt", "a\r\nb.txt": "ab.txt", "..": "", "": "",
		"cod\u202egnp.exe": "codgnp.exe", strings.Repeat("é", 150) + ".pdf": strings.Repeat("é", 98) + ".pdf",
	} {
		if got := cleanName(in); got != want {
			t.Errorf("cleanName(%q) = %q; want %q", in, got, want)
		}
	}
}

func TestSignedURL(t *testing.T) {
	b := newBench(t, dbtest.SQLite(t))
	u, err := url.Parse(b.SignedURL("med_1", time.Minute))
	if err != nil || u.Host != "linktor.test" || u.Path != "/media/med_1" {
		t.Fatalf("%v, %v", u, err)
	}
	exp, sig := u.Query().Get("exp"), u.Query().Get("sig")
	tests := []struct {
		name, id, exp, sig string
		wait               time.Duration
		want               bool
	}{
		{"as signed", "med_1", exp, sig, 0, true},
		{"another file", "med_2", exp, sig, 0, false},
		{"another end", "med_1", exp + "0", sig, 0, false},
		{"no signature", "med_1", exp, "", 0, false},
		{"too late", "med_1", exp, sig, time.Minute, false},
	}
	for _, tt := range tests {
		b.now = b.now.Add(tt.wait)
		if got := b.CheckURL(tt.id, tt.exp, tt.sig); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// pending adds an inbound file as ingest does.
func (b *bench) pending(t *testing.T, channelID, providerID string) string {
	t.Helper()
	mediaID := id.New(id.Media)
	source, err := json.Marshal(channels.Media{ProviderID: providerID, MimeType: "image/png"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.DB.Exec(t.Context(), `INSERT INTO media (id, tenant_id, channel_id, message_id, state, source, mime_type, due_at, created_at, updated_at)
		VALUES ($1, 'ten_a', $2, 'msg_1', 'pending', $3, 'image/png', $4, $4, $4)`, mediaID, channelID, string(source), db.Micros(b.now))
	if err != nil {
		t.Fatal(err)
	}
	return mediaID
}

func TestFetchDue(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.p.files["w1"], b.p.files["big"], b.p.files["liar"] = png, make([]byte, 10_001), []byte("<html>")
		good, big, gone, liar := b.pending(t, "ch_1", "w1"), b.pending(t, "ch_1", "big"), b.pending(t, "ch_gone", "w1"), b.pending(t, "ch_1", "liar")
		if n, err := b.FetchDue(t.Context(), 10); err != nil || n != 4 {
			t.Fatalf("%d, %v", n, err)
		}
		if n, err := b.FetchDue(t.Context(), 10); err != nil || n != 0 {
			t.Errorf("again: %d, %v", n, err)
		}
		if !bytes.Equal(b.read(t, good), png) {
			t.Error("the bytes differ")
		}
		for mediaID, want := range map[string]Media{
			good: {State: Ready, MimeType: "image/png", Filename: "cat.png"},
			big:  {State: Failed, Error: "The file is larger than the limit."},
			gone: {State: Failed, Error: "The channel was deleted."},
			liar: {State: Ready, MimeType: octets, Filename: "cat.png"},
		} {
			m, err := b.Get(t.Context(), "ten_a", mediaID)
			if err != nil || m.State != want.State || m.Error != want.Error || (m.State == Ready && (m.MimeType != want.MimeType || m.Filename != want.Filename)) {
				t.Errorf("got %+v, %v; want %+v", m, err, want)
			}
		}
		list, err := events.NewLog(d).Read(t.Context(), "ten_a", 0, 10)
		if err != nil || len(list) != 4 {
			t.Errorf("%d events, %v", len(list), err)
		}
	})
}

func TestFetchRetries(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.p.files["w1"] = png
		b.p.err = &channels.SendError{Class: channels.ClassTransient, Code: "503", Title: "Provider away"}
		mediaID := b.pending(t, "ch_1", "w1")
		tries := 0
		for range 20 {
			n, err := b.FetchDue(t.Context(), 10)
			if err != nil {
				t.Fatal(err)
			}
			tries += n
			b.now = b.now.Add(25 * time.Hour)
		}
		if m, _ := b.Get(t.Context(), "ten_a", mediaID); m.State != Failed || m.Error != "Provider away (503)" || tries != len(fetchWaits)+1 {
			t.Errorf("after %d tries: %+v", tries, m)
		}
		second := b.pending(t, "ch_1", "w1")
		if _, err := b.FetchDue(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
		b.p.err = nil
		b.now = b.now.Add(fetchWaits[0])
		if n, err := b.FetchDue(t.Context(), 10); n != 1 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		if m, _ := b.Get(t.Context(), "ten_a", second); m.State != Ready || m.Error != "" {
			t.Errorf("after the provider is back: %+v", m)
		}
	})
}

// awayBlobs is a place of files that is away for a while.
type awayBlobs struct {
	Blobs
	err error
}

func (a *awayBlobs) Put(ctx context.Context, key string, r io.Reader) error {
	if a.err != nil {
		return a.err
	}
	return a.Blobs.Put(ctx, key, r)
}

func (a *awayBlobs) Get(ctx context.Context, key string, offset, size int64) (io.ReadCloser, error) {
	if a.err != nil {
		return nil, a.err
	}
	return a.Blobs.Get(ctx, key, offset, size)
}

// Files and messages wait for a store that is away, however long, and nobody is told
// that they are lost.
func TestStoreAway(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		store := &awayBlobs{Blobs: b.Blobs}
		b.Blobs = store
		m, err := b.Create(t.Context(), "ten_a", Upload{MimeType: "image/png", Body: bytes.NewReader(png)})
		if err != nil {
			t.Fatal(err)
		}
		b.p.files["w1"] = png
		mediaID := b.pending(t, "ch_1", "w1")
		store.err = errors.New("media: put: the bucket is away")
		for range 2 * len(fetchWaits) {
			if n, err := b.FetchDue(t.Context(), 10); n != 1 || !errors.Is(err, store.err) {
				t.Fatalf("%d, %v; want the reason for the log", n, err)
			}
			b.now = b.now.Add(storeWait)
		}
		if got, err := b.Get(t.Context(), "ten_a", mediaID); err != nil || got.State != Pending {
			t.Errorf("while it is away: %+v, %v", got, err)
		}
		if _, err := b.Create(t.Context(), "ten_a", Upload{MimeType: "image/png", Body: bytes.NewReader(png)}); fault.CodeOf(err) != CodeUnreadable {
			t.Errorf("an upload: %v", err)
		}
		ch := &registry.Open{Channel: registry.Channel{ID: "ch_1"}, Account: b.p}
		out := channels.Outbound{Content: channels.Content{Type: "image", Image: &channels.Media{MediaID: m.ID}}}
		err = b.Prepare(t.Context(), "ten_a", ch, &out)
		if se, ok := errors.AsType[*channels.SendError](err); !ok || se.Class != channels.ClassNotSent || se.Code != CodeUnreadable {
			t.Errorf("a message: %v; want one that is tried again", err)
		}
		store.err = nil
		if _, err := b.FetchDue(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
		if got, err := b.Get(t.Context(), "ten_a", mediaID); err != nil || got.State != Ready || got.Error != "" {
			t.Errorf("once it is back: %+v, %v", got, err)
		}
		if err := b.Prepare(t.Context(), "ten_a", ch, &out); err != nil || out.Content.Image.ProviderID == "" {
			t.Errorf("a message once it is back: %v", err)
		}
	})
}

// A download that breaks off is tried again; what came of it is not kept as the file.
func TestFetchBreaksOff(t *testing.T) {
	b := newBench(t, dbtest.SQLite(t))
	b.p.files["w1"], b.p.broken = png, io.ErrUnexpectedEOF
	mediaID := b.pending(t, "ch_1", "w1")
	for _, want := range []State{Pending, Ready} {
		if _, err := b.FetchDue(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
		if got, err := b.Get(t.Context(), "ten_a", mediaID); err != nil || got.State != want {
			t.Errorf("%+v, %v; want %s", got, err, want)
		}
		b.p.broken = nil
		b.now = b.now.Add(fetchWaits[0])
	}
	if !bytes.Equal(b.read(t, mediaID), png) {
		t.Error("the bytes differ")
	}
}

func TestPrepare(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		m, err := b.Create(t.Context(), "ten_a", Upload{Filename: "cat.png", MimeType: "image/png", Body: bytes.NewReader(png)})
		if err != nil {
			t.Fatal(err)
		}
		ch := &registry.Open{Channel: registry.Channel{ID: "ch_1"}, Account: b.p}
		send := func() channels.Media {
			t.Helper()
			out := channels.Outbound{Content: channels.Content{Type: "image", Image: &channels.Media{MediaID: m.ID, Caption: "cat"}}}
			if err := b.Prepare(t.Context(), "ten_a", ch, &out); err != nil {
				t.Fatal(err)
			}
			return *out.Content.Image
		}
		first, second := send(), send()
		if first.ProviderID != "up-1-image/png-608" || second.ProviderID != first.ProviderID || first.MediaID != "" || first.Filename != "cat.png" {
			t.Errorf("first %+v, second %+v", first, second)
		}
		b.now = b.now.Add(uploadTTL)
		if third := send(); third.ProviderID != "up-2-image/png-608" {
			t.Errorf("after the copy expired: %+v", third)
		}
		b.now = b.now.Add(uploadTTL)
		b.p.err = channels.ErrUnsupported
		if got := send(); !strings.HasPrefix(got.URL, "https://linktor.test/media/"+m.ID+"?exp=") || got.ProviderID != "" {
			t.Errorf("a channel without uploads: %+v", got)
		}
		other := channels.Outbound{Content: channels.Content{Type: "image", Image: &channels.Media{MediaID: m.ID}}}
		err = b.Prepare(t.Context(), "ten_b", ch, &other)
		if se, ok := errors.AsType[*channels.SendError](err); !ok || se.Code != "media_unavailable" || !se.Class.Final() {
			t.Errorf("another tenant's file: %v", err)
		}
		b.p.err = &channels.SendError{Class: channels.ClassUncertain, Code: "timeout"}
		again := channels.Outbound{Content: channels.Content{Type: "image", Image: &channels.Media{MediaID: m.ID}}}
		err = b.Prepare(t.Context(), "ten_a", ch, &again)
		if se, ok := errors.AsType[*channels.SendError](err); !ok || se.Class != channels.ClassTransient {
			t.Errorf("an upload with an unknown outcome: %v", err)
		}
	})
}

func TestWalk(t *testing.T) {
	c := channels.Content{Type: "template", Template: &channels.TemplateUse{Components: []channels.TemplateComponent{
		{Type: "header", Parameters: []channels.TemplateParameter{{Type: "text"}, {Type: "image", Image: &channels.Media{}}}},
		{Type: "carousel", Cards: []channels.TemplateCard{{Components: []channels.TemplateComponent{
			{Type: "header", Parameters: []channels.TemplateParameter{{Type: "video", Video: &channels.Media{}}}},
		}}}},
	}}}
	var got []string
	err := Walk(&c, func(at string, _ *channels.Media) error { got = append(got, at); return nil })
	want := []string{"/template/components/0/parameters/1/image", "/template/components/1/cards/0/components/0/parameters/0/video"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	c = channels.Content{Type: "interactive", Interactive: &channels.Interactive{Header: &channels.Header{Type: "image", Image: &channels.Media{}}}}
	boom := errors.New("boom")
	if err := Walk(&c, func(at string, _ *channels.Media) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
}
