package media

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/fault"
)

func TestBlobs(t *testing.T) {
	bucket, _ := shelf(t)
	for name, place := range map[string]Place{"folder": {URL: t.TempDir()}, "bucket": bucket} {
		t.Run(name, func(t *testing.T) {
			b, err := OpenBlobs(place)
			if err != nil {
				t.Fatal(err)
			}
			if err := Probe(t.Context(), b); err != nil {
				t.Error(err)
			}
			for _, size := range []int64{10, 10_000, partSize - 1, partSize, partSize + 1, 2*partSize + 10_000} {
				testBlobs(t, b, size)
			}
		})
	}
}

func testBlobs(t *testing.T, b Blobs, size int64) {
	ctx := t.Context()
	data := bytes.Repeat([]byte("0123456789"), int(size/10)+1)[:size]
	if err := b.Put(ctx, "med_ab", bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ offset, size, from, to int64 }{
		{0, -1, 0, size}, {size - 10, -1, size - 10, size}, {5, 3, 5, 8}, {0, 1, 0, 1}, {size / 2, size / 4, size / 2, size/2 + size/4},
	} {
		r, err := b.Get(ctx, "med_ab", tt.offset, tt.size)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || !bytes.Equal(got, data[tt.from:tt.to]) {
			t.Errorf("Get(%d, %d): %d bytes, %v", tt.offset, tt.size, len(got), err)
		}
	}
	// io.ErrUnexpectedEOF is what the body of a request or of an answer ends with when
	// it stops too early.
	for _, reason := range []error{errors.New("connection reset"), io.ErrUnexpectedEOF} {
		if err := b.Put(ctx, "med_cd", io.MultiReader(bytes.NewReader(data), brokenReader{reason})); !errors.Is(err, reason) {
			t.Errorf("a source that broke off after %d bytes with %v: %v", size, reason, err)
		}
		if _, err := b.Get(ctx, "med_cd", 0, -1); !errors.Is(err, ErrNoBlob) {
			t.Errorf("after that source: %v; want ErrNoBlob", err)
		}
	}
	for range 2 {
		if err := b.Delete(ctx, "med_ab"); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.Get(ctx, "med_ab", 0, -1); !errors.Is(err, ErrNoBlob) {
		t.Errorf("after Delete: %v", err)
	}
}

// What a bucket cannot do just now is never taken for a file that is gone: messages
// would be given up for it.
func TestBucketRefuses(t *testing.T) {
	place, _ := shelf(t)
	good, err := OpenBlobs(place)
	if err != nil {
		t.Fatal(err)
	}
	if err := good.Put(t.Context(), "med_ab", strings.NewReader("abc")); err != nil {
		t.Fatal(err)
	}
	rude := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(rude.Close)
	tests := []struct {
		name, want string
		place      Place
	}{
		{"wrong secret", "SignatureDoesNotMatch", Place{place.URL, shelfKey, "hunter2"}},
		{"unknown key", "InvalidAccessKeyId", Place{place.URL, "NOBODY", shelfSecret}},
		{"no such bucket", "NoSuchBucket", at(place, func(u *url.URL, _ url.Values) { u.Host = "elsewhere" })},
		{"another region", "expecting eu-west-1", at(place, func(_ *url.URL, q url.Values) { q.Set("region", "us-west-2") })},
		{"a server without TLS", "HTTPS client", at(place, func(_ *url.URL, q url.Values) { q.Del("tls") })},
		{"a server that hangs up", "Connection closed", at(place, func(_ *url.URL, q url.Values) { q.Set("endpoint", strings.TrimPrefix(rude.URL, "http://")) })},
		{"a server that is away", "refused", at(place, func(_ *url.URL, q url.Values) { q.Set("endpoint", "127.0.0.1:1") })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, err := OpenBlobs(tt.place)
			if err != nil {
				t.Fatal(err)
			}
			_, got := b.Get(t.Context(), "med_ab", 0, -1)
			for what, err := range map[string]error{"get": got, "put": b.Put(t.Context(), "med_cd", strings.NewReader("abc")), "delete": b.Delete(t.Context(), "med_ab")} {
				if err == nil || errors.Is(err, ErrNoBlob) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: %v; want %s", what, err, tt.want)
				} else if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), shelfSecret) {
					t.Errorf("%s tells the secret: %v", what, err)
				}
			}
		})
	}
}

func TestOpenBlobsRefuses(t *testing.T) {
	for place, want := range map[string]string{
		"s3://":                                  "s3://bucket/prefix",
		"s3://key:secret@shelf":                  "without credentials",
		"s3://shelf?endpint=minio:9000":          "parameter endpint",
		"s3://shelf?endpoint=http://minio:9000":  "host:port",
		"s3://shelf?endpoint=minio:9000&tls=off": "true or false",
	} {
		if _, err := OpenBlobs(Place{URL: place}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", place, err, want)
		}
	}
}

// A file in a bucket is served like one in a folder: by a signed address, in ranges.
func TestStoreInBucket(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		place, srv := shelf(t)
		blobs, err := OpenBlobs(place)
		if err != nil {
			t.Fatal(err)
		}
		s := NewStore(Options{DB: d, Blobs: blobs, Key: make([]byte, 32), PublicURL: "https://linktor.example.com"})
		m, err := s.Create(t.Context(), "ten_1", Upload{Filename: "a.txt", MimeType: "text/plain", Body: strings.NewReader("0123456789")})
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(s.SignedURL(m.ID, 60e9))
		if err != nil || !s.CheckURL(m.ID, u.Query().Get("exp"), u.Query().Get("sig")) {
			t.Fatalf("address %v, %v", u, err)
		}
		f, err := s.Find(t.Context(), m.ID)
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Open(t.Context(), 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if got, err := io.ReadAll(r); err != nil || string(got) != "234" {
			t.Errorf("got %q, %v", got, err)
		}
		srv.Close()
		if _, err := f.Open(t.Context(), 2, 3); fault.KindOf(err) != fault.Unavailable || fault.CodeOf(err) != CodeUnreadable {
			t.Errorf("while the bucket is away: %v", err)
		}
	})
}
