package media

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// newBucket is the place of a bucket at a server that speaks S3.
func newBucket(t *testing.T) Place {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("shelf"); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(plainBodies(gofakes3.New(backend, gofakes3.WithIntegrityCheck(true)).Server()))
	t.Cleanup(srv.Close)
	host := strings.TrimPrefix(srv.URL, "http://")
	return Place{URL: "s3://shelf/media?region=eu-west-1&tls=false&endpoint=" + host, AccessKey: "AKID", SecretKey: "secret"}
}

// plainBodies undoes the encoding aws-chunked, which the server knows in part only:
// size;chunk-signature=...\r\n data \r\n ... 0\r\n trailers. Source: Amazon S3 API,
// "Signature calculations: chunked uploads".
func plainBodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Decoded-Content-Length") == "" {
			next.ServeHTTP(w, r)
			return
		}
		in := bufio.NewReader(r.Body)
		var plain bytes.Buffer
		for n := int64(1); n > 0; {
			line, err := in.ReadString('\n')
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
			if n, err = strconv.ParseInt(size, 16, 64); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			if _, err := io.CopyN(&plain, in, n); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			if n > 0 {
				_, _ = in.Discard(2)
			}
		}
		if want := r.Header.Get("X-Amz-Decoded-Content-Length"); want != strconv.Itoa(plain.Len()) {
			http.Error(w, "the decoded length is not "+want, http.StatusBadRequest)
			return
		}
		r.Body, r.ContentLength = io.NopCloser(&plain), int64(plain.Len())
		r.Header.Set("Content-Length", strconv.Itoa(plain.Len()))
		r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		next.ServeHTTP(w, r)
	})
}

func TestBlobs(t *testing.T) {
	for name, place := range map[string]Place{"folder": {URL: t.TempDir()}, "bucket": newBucket(t)} {
		t.Run(name, func(t *testing.T) {
			b, err := OpenBlobs(place)
			if err != nil {
				t.Fatal(err)
			}
			testBlobs(t, b, 10_000)
			if name == "bucket" {
				testBlobs(t, b, 2*partSize+10_000) // in several parts
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
	if err := b.Put(ctx, "med_cd", io.MultiReader(bytes.NewReader(data), brokenReader{})); err == nil {
		t.Error("a broken source was stored")
	}
	if _, err := b.Get(ctx, "med_cd", 0, -1); !errors.Is(err, ErrNoBlob) {
		t.Errorf("after a broken source: %v; want ErrNoBlob", err)
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

// A file in a bucket is served like one in a folder: by a signed address, in ranges.
func TestStoreInBucket(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		blobs, err := OpenBlobs(newBucket(t))
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
	})
}
