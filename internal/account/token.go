package account

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"hash/crc32"
	"strings"
)

// base62 keeps tokens free of characters that end a double-click selection.
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// secretSize is the number of base62 characters that hold 256 bits.
const secretSize = 43

// random returns n random base62 characters.
func random(n int) string {
	out := make([]byte, 0, n)
	var buf [64]byte
	for len(out) < n {
		_, _ = rand.Read(buf[:]) // never fails: crypto/rand ends the program instead
		for _, b := range buf {
			// 248 is the largest multiple of 62 in a byte: more would favour some characters.
			if b < 248 && len(out) < n {
				out = append(out, base62[b%62])
			}
		}
	}
	return string(out)
}

// hashToken is what the database keeps of a random secret.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// An API key reads lk_live_<8 id><43 secret><6 checksum>. The checksum tells a
// mistyped or cut key from a wrong one without the database, and lets scanners of
// public code find real keys only.
const (
	livePrefix = "lk_live_"
	testPrefix = "lk_test_"

	keyIDSize    = 8
	checksumSize = 6
	keySize      = len(livePrefix) + keyIDSize + secretSize + checksumSize
)

// newKeySecret returns a key and the part of it that may be shown later.
func newKeySecret(test bool) (key, prefix string) {
	kind := livePrefix
	if test {
		kind = testPrefix
	}
	body := kind + random(keyIDSize+secretSize)
	return body + checksum(body), body[:len(kind)+keyIDSize]
}

// checksum is the CRC-32 (IEEE) of s in base62.
func checksum(s string) string {
	n := crc32.ChecksumIEEE([]byte(s))
	out := make([]byte, checksumSize)
	for i := range out {
		out[checksumSize-1-i] = base62[n%62]
		n /= 62
	}
	return string(out)
}

// IsKey reports whether a credential claims to be an API key.
func IsKey(credential string) bool { return strings.HasPrefix(credential, "lk_") }

func wellFormedKey(s string) bool {
	if len(s) != keySize || (!strings.HasPrefix(s, livePrefix) && !strings.HasPrefix(s, testPrefix)) {
		return false
	}
	return checksum(s[:keySize-checksumSize]) == s[keySize-checksumSize:]
}

// A refresh token reads lr_<session id>.<secret>.<tag>. The tag proves that we
// issued it for that session, so that one which is no longer current is known to
// be an old one, however old, without a list of them.
const refreshPrefix = "lr_"

const tagBytes = 16 // of the HMAC that are kept

func (s *Store) newRefreshToken(sessionID string) string {
	body := refreshPrefix + sessionID + "." + random(secretSize)
	return body + "." + s.refreshTag(body)
}

// refreshSession returns the session of a refresh token that we issued.
func (s *Store) refreshSession(token string) (sessionID string, ok bool) {
	if len(token) > 200 {
		return "", false
	}
	i := strings.LastIndexByte(token, '.')
	if i < 0 || !strings.HasPrefix(token, refreshPrefix) {
		return "", false
	}
	body, tag := token[:i], token[i+1:]
	if !hmac.Equal([]byte(tag), []byte(s.refreshTag(body))) {
		return "", false
	}
	sessionID, _, ok = strings.Cut(strings.TrimPrefix(body, refreshPrefix), ".")
	return sessionID, ok
}

func (s *Store) refreshTag(body string) string {
	m := hmac.New(sha256.New, s.refreshKey)
	m.Write([]byte(body))
	return hex.EncodeToString(m.Sum(nil))[:2*tagBytes]
}
