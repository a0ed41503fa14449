package media

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestBlobs(t *testing.T) {
	srv := httptest.NewServer(&fakeS3{objects: map[string][]byte{}, parts: map[string][]byte{}})
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	places := map[string]Place{
		"folder": {URL: t.TempDir()},
		"bucket": {URL: "s3://shelf/media?region=eu-west-1&tls=false&endpoint=" + host, AccessKey: "AKID", SecretKey: "secret"},
	}
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			b, err := OpenBlobs(place)
			if err != nil {
				t.Fatal(err)
			}
			testBlobs(t, b)
		})
	}
}

func testBlobs(t *testing.T, b Blobs) {
	ctx := t.Context()
	data := bytes.Repeat([]byte("0123456789"), 1000)
	if err := b.Put(ctx, "med_ab", bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ offset, size, from, to int64 }{
		{0, -1, 0, 10000}, {9990, -1, 9990, 10000}, {5, 3, 5, 8}, {0, 1, 0, 1},
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
	if err := b.Put(ctx, "med_cd", io.MultiReader(strings.NewReader("half"), brokenReader{})); err == nil {
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

// fakeS3 is as much of S3 as the bucket uses: multipart uploads of one part,
// ranged reads and deletes. It does not check signatures.
type fakeS3 struct {
	mu             sync.Mutex
	objects, parts map[string][]byte
}

func (f *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q, key := r.URL.Query(), r.URL.Path
	switch {
	case r.Header.Get("Authorization") == "":
		w.WriteHeader(http.StatusForbidden)
	case r.Method == http.MethodPost && q.Has("uploads"):
		fmt.Fprintf(w, `<InitiateMultipartUploadResult><Bucket>shelf</Bucket><Key>k</Key><UploadId>u1</UploadId></InitiateMultipartUploadResult>`)
	case r.Method == http.MethodPost && q.Has("uploadId"):
		f.objects[key] = f.parts[key]
		fmt.Fprintf(w, `<CompleteMultipartUploadResult><Bucket>shelf</Bucket><Key>k</Key><ETag>"e"</ETag></CompleteMultipartUploadResult>`)
	case r.Method == http.MethodPut:
		data, _ := io.ReadAll(r.Body)
		if r.Header.Get("X-Amz-Decoded-Content-Length") != "" {
			data = dechunk(data)
		}
		sum := md5.Sum(data)
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
		if q.Has("uploadId") {
			f.parts[key] = data
		} else {
			f.objects[key] = data
		}
	case r.Method == http.MethodDelete:
		if !q.Has("uploadId") {
			delete(f.objects, key)
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		data, ok := f.objects[key]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `<Error><Code>NoSuchKey</Code></Error>`)
			return
		}
		w.Header().Set("ETag", `"e"`)
		http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader(data))
	}
}

// dechunk undoes the aws-chunked encoding: size;extension\r\n data \r\n ...
func dechunk(b []byte) (out []byte) {
	for {
		head, rest, _ := bytes.Cut(b, []byte("\r\n"))
		var n int
		if _, err := fmt.Sscanf(string(head), "%x", &n); err != nil || n == 0 {
			return out
		}
		out, b = append(out, rest[:n]...), rest[n+2:]
	}
}
