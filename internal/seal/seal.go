package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/xaesgcm"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ErrOpen means that a value was sealed with a key that is not in the keyset, for
// another row, or has been changed. Which of them is not to be found out.
var ErrOpen = errors.New("seal: the value does not open: it was sealed with another key, for another row, or was changed")

// KeySize is the size of a bare secret given to New, and of what Sub returns.
const KeySize = 32

// Box seals and opens. It may be used by many goroutines, and prints nothing of
// its keys.
type Box struct {
	aead tink.AEAD
	root []byte // the oldest key, from which Sub derives
}

// New returns a Box for a key given as text: a Tink keyset in JSON, the base64 of
// a Tink keyset, or the base64 or hex of 32 random bytes (openssl rand -base64 32).
func New(key string) (*Box, error) {
	key = strings.TrimSpace(key)
	if strings.HasPrefix(key, "{") {
		return fromReader(keyset.NewJSONReader(strings.NewReader(key)))
	}
	raw, ok := decode(key)
	switch {
	case !ok:
		return nil, errors.New("seal: the key is neither base64 nor a Tink keyset: make one with: openssl rand -base64 32")
	case len(raw) == KeySize:
		return fromSecret(raw)
	case bytes.HasPrefix(raw, []byte("{")):
		return fromReader(keyset.NewJSONReader(bytes.NewReader(raw)))
	}
	b, err := fromReader(keyset.NewBinaryReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, fmt.Errorf("seal: the key decodes to %d bytes, which is neither 32 nor a Tink keyset: make one with: openssl rand -base64 32", len(raw))
	}
	return b, nil
}

// String says what b is without its keys.
func (b *Box) String() string { return "[sealed box]" }

// GoString keeps %#v from printing keys.
func (b *Box) GoString() string { return b.String() }

// LogValue keeps slog from printing keys.
func (b *Box) LogValue() slog.Value { return slog.StringValue(b.String()) }

// Seal encrypts plain for the row that aad names. It costs about a microsecond
// and adds 45 bytes.
func (b *Box) Seal(plain []byte, aad string) ([]byte, error) {
	sealed, err := b.aead.Encrypt(plain, []byte(aad))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return sealed, nil
}

// Open decrypts what Seal returned for the same aad; else it returns ErrOpen.
func (b *Box) Open(sealed []byte, aad string) ([]byte, error) {
	plain, err := b.aead.Decrypt(sealed, []byte(aad))
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

// Sub derives a key of 32 bytes for one purpose, such as "session tokens". It
// stays the same when the keyset is rotated, until its oldest key is removed.
// Source: RFC 5869 with SHA-256.
func (b *Box) Sub(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, b.root, nil, "linktor sub "+purpose, KeySize)
	if err != nil { // only a length beyond 255 hashes fails
		panic("seal: " + err.Error())
	}
	return key
}

// decode reads base64 in any of its four forms, or 64 hex digits.
func decode(s string) (raw []byte, ok bool) {
	if raw, err := hex.DecodeString(s); err == nil && len(raw) == KeySize {
		return raw, true
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if raw, err := e.DecodeString(s); err == nil && len(raw) > 0 {
			return raw, true
		}
	}
	return nil, false
}

// fromSecret makes a keyset of one key, always the same for the same secret.
func fromSecret(secret []byte) (*Box, error) {
	derived, err := hkdf.Key(sha256.New, secret, nil, "linktor keyset", KeySize+4)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	params, err := parameters()
	if err != nil {
		return nil, err
	}
	id := binary.BigEndian.Uint32(derived[KeySize:]) | 1 // Tink refuses the id 0
	key, err := xaesgcm.NewKey(secretdata.NewBytesFromData(derived[:KeySize], insecuresecretdataaccess.Token{}), id, params)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	m := keyset.NewManager()
	if _, err := m.AddKey(key); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if err := m.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	h, err := m.Handle()
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return fromHandle(h)
}

// saltSize is the part of XAES-256-GCM's nonce that selects the derived key; with
// 12 bytes the nonce has 192 bits.
const saltSize = 12

func parameters() (*xaesgcm.Parameters, error) {
	p, err := xaesgcm.NewParameters(xaesgcm.VariantTink, saltSize)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return p, nil
}

func fromReader(r keyset.Reader) (*Box, error) {
	h, err := insecurecleartextkeyset.Read(r)
	if err != nil {
		return nil, errors.New("seal: the key is not a Tink keyset") // err could quote it
	}
	return fromHandle(h)
}

// fromHandle takes any keyset whose keys have bytes (AES-GCM, XAES-GCM, ChaCha).
func fromHandle(h *keyset.Handle) (*Box, error) {
	oldest, err := h.Entry(0)
	if err != nil {
		return nil, fmt.Errorf("seal: the keyset is empty: %w", err)
	}
	k, ok := oldest.Key().(interface{ KeyBytes() secretdata.Bytes })
	if !ok {
		return nil, errors.New("seal: the keyset's first key is not an AEAD key, such as XAES-256-GCM or AES-256-GCM")
	}
	root := k.KeyBytes().Data(insecuresecretdataaccess.Token{})
	if len(root) < KeySize {
		return nil, errors.New("seal: the keyset's first key has less than 256 bits")
	}
	a, err := aead.New(h)
	if err != nil {
		return nil, fmt.Errorf("seal: the keyset cannot encrypt: %w", err)
	}
	return &Box{aead: a, root: root}, nil
}
