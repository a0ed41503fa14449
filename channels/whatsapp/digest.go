package whatsapp

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
)

// errDigest ends the reading of a file that is not the one announced.
var errDigest = errors.New("whatsapp: the media's SHA-256 differs from the announced one")

// verified checks the digest while r is read. A digest that is neither base64 nor
// hex of 32 bytes, as in some test payloads, is ignored.
func verified(r io.ReadCloser, digest string) io.ReadCloser {
	want := decodeDigest(digest)
	if want == nil {
		return r
	}
	return &verifier{ReadCloser: r, sum: sha256.New(), want: want}
}

// decodeDigest reads base64, as webhooks write it, and hex, as the lookup does.
func decodeDigest(s string) []byte {
	if b, err := hex.DecodeString(s); err == nil && len(b) == sha256.Size {
		return b
	}
	if b, err := base64.StdEncoding.DecodeString(s); err == nil && len(b) == sha256.Size {
		return b
	}
	return nil
}

type verifier struct {
	io.ReadCloser
	sum  hash.Hash
	want []byte
}

func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	v.sum.Write(p[:n])
	if err == io.EOF && !bytes.Equal(v.sum.Sum(nil), v.want) {
		return n, errDigest
	}
	return n, err
}
