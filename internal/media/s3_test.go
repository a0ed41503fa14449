package media

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

const (
	shelfKey    = "AKID"
	shelfSecret = "s3Cr3t+/very=secret"
	shelfRegion = "eu-west-1"
)

// shelf is the place of a bucket at a server that speaks S3, and that server.
func shelf(t *testing.T) (Place, *httptest.Server) {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("shelf"); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gate{gofakes3.New(backend, gofakes3.WithIntegrityCheck(true)).Server()})
	t.Cleanup(srv.Close)
	host := strings.TrimPrefix(srv.URL, "http://")
	return Place{URL: "s3://shelf/media?region=" + shelfRegion + "&tls=false&endpoint=" + host, AccessKey: shelfKey, SecretKey: shelfSecret}, srv
}

// gate lets through what is signed, and answers the rest as servers do: the library
// behind it believes everything and knows chunked bodies in part only. Source: Amazon
// S3 API, "Authenticating requests: AWS Signature Version 4" and "Signature
// calculations for the Authorization header: transferring payload in multiple chunks".
type gate struct{ next http.Handler }

// refusal is an answer to a request that is not let through.
type refusal struct {
	status        int
	code, message string
}

func (r *refusal) Error() string { return r.code + ": " + r.message }

func (g gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := admit(r); err != nil {
		no, ok := errors.AsType[*refusal](err)
		if !ok {
			no = &refusal{http.StatusBadRequest, "IncompleteBody", err.Error()}
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(no.status)
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message><RequestId>1</RequestId></Error>`, no.code, no.message)
		return
	}
	g.next.ServeHTTP(w, r)
}

var authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})$`)

// admit checks the signature and replaces the body by what it says.
func admit(r *http.Request) error {
	m := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
	switch {
	case m == nil:
		return &refusal{http.StatusForbidden, "AccessDenied", "Access Denied."}
	case m[1] != shelfKey: // Amazon answers 403, others 404
		return &refusal{http.StatusNotFound, "InvalidAccessKeyId", "No user exists with the provided access key ID."}
	case m[3] != shelfRegion:
		return &refusal{http.StatusBadRequest, "AuthorizationHeaderMalformed", "The region is wrong; expecting " + shelfRegion + "."}
	}
	day, scope := m[2], m[2]+"/"+m[3]+"/s3/aws4_request"
	key := []byte("AWS4" + shelfSecret)
	for _, part := range []string{day, shelfRegion, "s3", "aws4_request"} {
		key = sum(key, part)
	}
	s := &signer{key: key, date: r.Header.Get("X-Amz-Date"), scope: scope, last: m[5]}
	if sign := s.sign("AWS4-HMAC-SHA256", digest(canonical(r, m[4]))); sign != m[5] {
		return &refusal{http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method."}
	}
	plain, err := payload(r, s)
	if err != nil {
		return err
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(plain)), int64(len(plain))
	r.Header.Set("Content-Length", strconv.Itoa(len(plain)))
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	return nil
}

func canonical(r *http.Request, signed string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n%s\n", r.Method, r.URL.EscapedPath(), strings.ReplaceAll(r.URL.Query().Encode(), "+", "%20"))
	for name := range strings.SplitSeq(signed, ";") {
		value := r.Header.Get(name)
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = strconv.FormatInt(r.ContentLength, 10)
		}
		fmt.Fprintf(&b, "%s:%s\n", name, strings.TrimSpace(value))
	}
	fmt.Fprintf(&b, "\n%s\n%s", signed, r.Header.Get("X-Amz-Content-Sha256"))
	return b.String()
}

// signer makes the signatures of a request and of the chunks of its body, each of
// which covers the one before.
type signer struct {
	key               []byte
	date, scope, last string
}

func (s *signer) sign(algorithm string, rest ...string) string {
	return hex.EncodeToString(sum(s.key, strings.Join(append([]string{algorithm, s.date, s.scope}, rest...), "\n")))
}

func sum(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func digest(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}

// payload reads the body and checks it against what was signed.
func payload(r *http.Request, s *signer) ([]byte, error) {
	kind := r.Header.Get("X-Amz-Content-Sha256")
	if !strings.HasPrefix(kind, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD") {
		body, err := io.ReadAll(r.Body)
		if err == nil && kind != "UNSIGNED-PAYLOAD" && digest(string(body)) != kind {
			err = &refusal{http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed."}
		}
		return body, err
	}
	in, plain := bufio.NewReader(r.Body), new(bytes.Buffer)
	for n := int64(1); n > 0; {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, sign, _ := strings.Cut(strings.TrimSpace(line), ";chunk-signature=")
		if n, err = strconv.ParseInt(size, 16, 64); err != nil {
			return nil, err
		}
		chunk := make([]byte, n)
		if _, err := io.ReadFull(in, chunk); err != nil {
			return nil, err
		}
		if want := s.sign("AWS4-HMAC-SHA256-PAYLOAD", s.last, digest(""), digest(string(chunk))); sign != want {
			return nil, &refusal{http.StatusForbidden, "SignatureDoesNotMatch", "The signature of a chunk does not match."}
		}
		s.last = sign
		plain.Write(chunk)
		if n > 0 {
			_, _ = in.Discard(2)
		}
	}
	if want := r.Header.Get("X-Amz-Decoded-Content-Length"); want != strconv.Itoa(plain.Len()) {
		return nil, fmt.Errorf("the decoded length is not %s", want)
	}
	if strings.HasSuffix(kind, "-TRAILER") {
		return plain.Bytes(), trailer(in, s, r.Header.Get("X-Amz-Trailer"), plain.Bytes())
	}
	return plain.Bytes(), nil
}

// trailer checks the checksum that follows the chunks, and its signature.
func trailer(in io.Reader, s *signer, name string, plain []byte) error {
	rest, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	lines := strings.Fields(string(rest))
	value := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.Checksum(plain, crc32.MakeTable(crc32.Castagnoli))))
	if want := name + ":" + value; len(lines) != 2 || name != "x-amz-checksum-crc32c" || lines[0] != want {
		return &refusal{http.StatusBadRequest, "BadDigest", "The checksum does not match the body."}
	}
	if want := "x-amz-trailer-signature:" + s.sign("AWS4-HMAC-SHA256-TRAILER", s.last, digest(lines[0]+"\n")); lines[1] != want {
		return &refusal{http.StatusForbidden, "SignatureDoesNotMatch", "The signature of the trailer does not match."}
	}
	return nil
}

// at returns place with its URL changed.
func at(place Place, change func(u *url.URL, q url.Values)) Place {
	u, err := url.Parse(place.URL)
	if err != nil {
		panic(err) // ours
	}
	q := u.Query()
	change(u, q)
	u.RawQuery = q.Encode()
	place.URL = u.String()
	return place
}
