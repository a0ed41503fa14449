package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/media"
)

// upload posts a form with one file.
func (l *lab) upload(field, name, mime string, data []byte, header ...string) answer {
	l.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreatePart(map[string][]string{
		"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename=%q`, field, name)}, "Content-Type": {mime}})
	if err != nil {
		l.t.Fatal(err)
	}
	_, _ = part.Write(data) // to memory
	_ = w.Close()
	return call(l.t, l.Server, "POST", "/api/v1/media", body.String(), append([]string{"X-API-Key", "ten_a/*", "Content-Type", w.FormDataContentType()}, header...)...)
}

func TestMedia(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := newLab(t, d)
		data := append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte("pixel"), 40_000)...)
		up := l.upload("file", `ca"t ü.png`, "image/png", data)
		var m mediaBody
		if err := json.Unmarshal([]byte(up.body), &m); err != nil || up.status != 201 || m.Size != int64(len(data)) || m.MimeType != "image/png" {
			t.Fatalf("upload: %v %v", up, err)
		}
		u, err := url.Parse(m.URL)
		if err != nil {
			t.Fatal(err)
		}
		get := func(path string, header ...string) answer { return call(t, l.Server, "GET", path, "", header...) }
		got := get(u.RequestURI())
		if got.status != 200 || got.body != string(data) {
			t.Fatalf("download: %d, %d bytes", got.status, len(got.body))
		}
		for name, want := range map[string]string{
			"Content-Type": "image/png", "Content-Disposition": `attachment; filename="ca_t _.png"; filename*=UTF-8''ca%22t%20%C3%BC.png`,
			"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'",
		} {
			if got.header.Get(name) != want {
				t.Errorf("%s = %q; want %q", name, got.header.Get(name), want)
			}
		}
		part := get(u.RequestURI(), "Range", "bytes=1-3")
		if part.status != 206 || part.body != "PNG" || part.header.Get("Content-Range") != fmt.Sprintf("bytes 1-3/%d", len(data)) {
			t.Errorf("range: %v", part)
		}
		if tail := get(u.RequestURI(), "Range", "bytes=-5"); tail.body != "pixel" {
			t.Errorf("tail: %v", tail)
		}
		if beyond := get(u.RequestURI(), "Range", "bytes=999999-"); beyond.status != 416 || beyond.header.Get("Cache-Control") != "" {
			t.Errorf("beyond: %v", beyond)
		}
		if same := get(u.RequestURI(), "If-None-Match", got.header.Get("ETag")); same.status != 304 || same.body != "" {
			t.Errorf("not modified: %v", same)
		}
		head := call(t, l.Server, "HEAD", u.RequestURI(), "", "Range", "bytes=1-3")
		if head.status != 200 || head.body != "" || head.header.Get("Content-Length") != strconv.Itoa(len(data)) || head.header.Get("ETag") != got.header.Get("ETag") {
			t.Errorf("head: %v", head)
		}
		if forged := get("/media/" + m.ID + "?exp=9999999999&sig=x"); forged.status != 403 {
			t.Errorf("forged: %v", forged)
		}
		l.do(200, "GET", "/api/v1/media/"+m.ID, "")
		l.do(404, "GET", "/api/v1/media/"+m.ID, "", "X-API-Key", "ten_b/*")
		l.receive("p1", "hello")
		sent := l.do(202, "POST", "/api/v1/messages", `{"channelId":"`+l.wire.ID+`","to":"+5511999999999","content":{"type":"image","image":{"mediaId":"`+m.ID+`"}}}`)
		if at(sent, "content", "image", "mimeType") != "image/png" || !strings.HasPrefix(at(sent, "content", "image", "url").(string), "https://linktor.test/media/") {
			t.Errorf("sent %v", sent)
		}
	})
}

func TestUploadRefusals(t *testing.T) {
	l := newLab(t, dbtest.SQLite(t))
	if got := l.upload("file", "a.png", "image/png", []byte("<html>")); got.status != 422 || !strings.Contains(got.body, "mime_mismatch") {
		t.Errorf("mismatch: %v", got)
	}
	if got := l.upload("picture", "a.txt", "text/plain", []byte("x")); got.status != 422 || !strings.Contains(got.body, "/file") {
		t.Errorf("no part named file: %v", got)
	}
	if got := l.upload("file", "a.bin", "", make([]byte, 300_001)); got.status != 413 {
		t.Errorf("too large: %v", got)
	}
	if got := call(t, l.Server, "POST", "/api/v1/media", `{}`, "X-API-Key", "ten_a/*"); got.status != 415 {
		t.Errorf("JSON: %v", got)
	}
}

// A body over its limit is refused before it is read: the client gets its answer
// while it still holds nearly all of the body.
func TestOversizedIsNotRead(t *testing.T) {
	l := newLab(t, dbtest.SQLite(t))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = l.App().Listener(ln) }() // ends with Shutdown
	defer func() { _ = l.App().Shutdown() }()
	for _, path := range []string{"/webhooks/wire/" + l.wire.ID, "/api/v1/contacts"} {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: ten_a/*\r\nX-Signature: hush\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, 1<<30)
		if _, err := conn.Write(make([]byte, 2<<20)); err != nil && path != "/webhooks/wire/"+l.wire.ID {
			t.Logf("the server hung up while we wrote: %v", err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if resp.StatusCode != 413 || !resp.Close {
			t.Errorf("%s: %d, close %v; want 413 and the connection closed", path, resp.StatusCode, resp.Close)
		}
		resp.Body.Close()
		conn.Close()
	}
}

// A repeat of an upload with the same key answers with the first file.
func TestUploadOnce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := newLab(t, d)
		big := bytes.Repeat([]byte("a line of text\n"), 10_000)
		up := func(key string, data []byte) (m mediaBody, got answer) {
			got = l.upload("file", "a.txt", "text/plain", data, "Idempotency-Key", key)
			_ = json.Unmarshal([]byte(got.body), &m) // a refusal has no id
			return m, got
		}
		first, got := up("k1", big)
		if got.status != 201 || got.header.Get("Idempotent-Replayed") != "" {
			t.Fatalf("first: %v", got)
		}
		second, got := up("k1", big)
		if got.status != 201 || second.ID != first.ID || second.URL == "" || got.header.Get("Idempotent-Replayed") != "true" || got.header.Get("Location") != "/api/v1/media/"+first.ID {
			t.Errorf("repeat: %v; want %s", got, first.ID)
		}
		for name, data := range map[string][]byte{"longer": append(big, 'x'), "shorter": big[:100], "other": append(append([]byte{}, big[:len(big)-1]...), 'x')} {
			if _, got := up("k1", data); got.status != 422 || !strings.Contains(got.body, "idempotency_mismatch") {
				t.Errorf("%s file: %v", name, got)
			}
		}
		if _, got := up("k2", nil); got.status != 422 {
			t.Errorf("empty: %v", got)
		}
		if m, got := up("k2", big); got.status != 201 || m.ID == first.ID {
			t.Errorf("a key whose request was refused: %v", got)
		}
		if got := call(t, l.Server, "POST", "/api/v1/contacts", `{"identities":[{"channelType":"wire","value":"+5511999999999"}]}`, "X-API-Key", "ten_a/*", "Idempotency-Key", "k1"); got.status != 422 {
			t.Errorf("the key with another route: %v", got)
		}
		if _, got := up(strings.Repeat("k", 256), big); got.status != 400 {
			t.Errorf("a long key: %v", got)
		}
		var n int
		if err := d.Get(&n, `SELECT count(*) FROM media`); err != nil || n != 2 {
			t.Errorf("%d files, %v; want 2", n, err)
		}
	})
}

// A key belongs to an upload for as long as that may take; one that is taken over
// is not the first upload's any more.
func TestUploadHoldsItsKey(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		l := newLab(t, d)
		now := time.Now()
		l.Now = func() time.Time { return now }
		up := func() answer {
			return l.upload("file", "a.txt", "text/plain", []byte("a text"), "Idempotency-Key", "k1")
		}
		slow := claim{tenant: "ten_a", key: "k1", print: "POST /api/v1/media"}
		if old, err := l.claimKey(t.Context(), &slow, 2*uploadTimeout); err != nil || old != nil {
			t.Fatal(old, err)
		}
		now = now.Add(2 * takeover)
		if got := up(); got.status != 409 || !strings.Contains(got.body, "idempotency_in_progress") {
			t.Errorf("while the first is under way: %v", got)
		}
		now = now.Add(2 * uploadTimeout)
		first := up()
		if first.status != 201 {
			t.Fatalf("after the first was given up: %v", first)
		}
		if err := l.forgetKey(t.Context(), slow); err != nil {
			t.Fatal(err)
		}
		if err := l.keepAnswer(t.Context(), slow, 201, kept{"text/plain", []byte("med_other")}); err != nil {
			t.Fatal(err)
		}
		if again := up(); again.status != 201 || again.header.Get("Location") != first.header.Get("Location") {
			t.Errorf("repeat: %v; want %s", again, first.header.Get("Location"))
		}
		if _, err := d.Exec(t.Context(), `DELETE FROM media`); err != nil {
			t.Fatal(err)
		}
		if gone := up(); gone.status != 422 || !strings.Contains(gone.body, "idempotency_mismatch") || !strings.Contains(gone.body, "deleted") {
			t.Errorf("after the file was deleted: %v", gone)
		}
		late := claim{tenant: "ten_a", key: "k2", print: "POST /api/v1/media"}
		if _, err := l.claimKey(t.Context(), &late, 2*uploadTimeout); err != nil {
			t.Fatal(err)
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.forgetKey(over, late); err != nil {
			t.Errorf("a request whose time is up keeps its key: %v", err)
		}
	})
}

// deadBlobs answers no request for bytes.
type deadBlobs struct{ media.Blobs }

func (deadBlobs) Get(ctx context.Context, _ string, _, _ int64) (io.ReadCloser, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A place of files that is away or does not answer holds no request for longer than
// its deadline, and no answer about it may be cached in the file's stead.
func TestMediaAway(t *testing.T) {
	l := newLab(t, dbtest.SQLite(t))
	var m mediaBody
	up := l.upload("file", "a.txt", "text/plain", []byte("hello"))
	if err := json.Unmarshal([]byte(up.body), &m); err != nil {
		t.Fatal(err)
	}
	l.Media.Blobs = deadBlobs{l.Media.Blobs}
	f, err := l.Media.Find(t.Context(), m.ID)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := openStream(ctx, f, 0, 5); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("after the deadline: %v", err)
	}
	l.Media.Blobs = awayBlobs{l.Media.Blobs}
	u, err := url.Parse(m.URL)
	if err != nil {
		t.Fatal(err)
	}
	got := call(t, l.Server, "GET", u.RequestURI(), "")
	if got.status != 503 || !strings.Contains(got.body, "media_storage_unavailable") || strings.Contains(got.body, "hunter2") ||
		got.header.Get("Cache-Control") != "" || got.header.Get("ETag") != "" || got.header.Get("Retry-After") == "" {
		t.Errorf("while it is away: %v", got)
	}
}

// awayBlobs is a place that cannot be reached.
type awayBlobs struct{ media.Blobs }

func (awayBlobs) Get(context.Context, string, int64, int64) (io.ReadCloser, error) {
	return nil, errors.New("dial tcp hunter2: connection refused")
}
