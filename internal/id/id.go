package id

import (
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Prefixes of our resources.
const (
	Tenant       = "ten"
	User         = "user"
	Session      = "ses"
	Key          = "key"
	Channel      = "ch"
	Template     = "tmpl"
	Contact      = "cont"
	Conversation = "conv"
	Message      = "msg"
	Event        = "evt"
	Journal      = "jrn"
	Media        = "med"
	Request      = "req"
	Node         = "node"
)

// alphabet is Crockford's base32 in lower case.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// ErrInvalid is returned by Parse.
var ErrInvalid = errors.New("id: not a valid id")

// New returns a fresh id.
func New(prefix string) string {
	return FromUUID(prefix, uuid.Must(uuid.NewV7()))
}

// FromUUID writes u as an id; UUID is its inverse.
func FromUUID(prefix string, u uuid.UUID) string {
	b := make([]byte, 0, len(prefix)+27)
	if prefix != "" {
		b = append(append(b, prefix...), '_')
	}
	return string(appendBase32(b, u))
}

// Floor returns the lowest id that a prefix can have had at a time: ids made before
// it sort below.
func Floor(prefix string, at time.Time) string {
	var u uuid.UUID
	ms := uint64(at.UnixMilli())
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	return FromUUID(prefix, u)
}

// Time returns when an id with the given prefix was made, to the millisecond.
func Time(prefix, s string) (time.Time, error) {
	u, err := UUID(prefix, s)
	if err != nil {
		return time.Time{}, err
	}
	var ms int64
	for _, b := range u[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms), nil
}

// UUID returns the 128 bits of an id with the given prefix.
func UUID(prefix, s string) (uuid.UUID, error) {
	rest := s
	if prefix != "" {
		var ok bool
		if rest, ok = strings.CutPrefix(s, prefix+"_"); !ok {
			return uuid.UUID{}, ErrInvalid
		}
	}
	return parseBase32(rest)
}

// Valid reports whether s is an id with the given prefix.
func Valid(prefix, s string) bool {
	_, err := UUID(prefix, s)
	return err == nil
}

// appendBase32 writes the 128 bits of u, left-padded with two zero bits, as 26
// characters of five bits, most significant first.
func appendBase32(b []byte, u uuid.UUID) []byte {
	var acc uint32
	bits := 2 // the padding
	for _, x := range u {
		acc = acc<<8 | uint32(x)
		bits += 8
		for bits >= 5 {
			bits -= 5
			b = append(b, alphabet[acc>>bits&31])
		}
	}
	return b
}

func parseBase32(s string) (u uuid.UUID, err error) {
	if len(s) != 26 || s[0] > '7' {
		return u, ErrInvalid
	}
	var acc uint32
	bits, n := -2, 0
	for i := range len(s) {
		v := strings.IndexByte(alphabet, s[i])
		if v < 0 {
			return uuid.UUID{}, ErrInvalid
		}
		acc = acc<<5 | uint32(v)
		if bits += 5; bits >= 8 {
			bits -= 8
			u[n] = byte(acc >> bits)
			n++
		}
	}
	return u, nil
}
