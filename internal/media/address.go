package media

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"time"
)

// SignedURL returns an address of the file that works for ttl without a
// credential.
func (s *Store) SignedURL(mediaID string, ttl time.Duration) string {
	exp := strconv.FormatInt(s.Now().Add(ttl).Unix(), 10)
	return s.PublicURL + "/media/" + mediaID + "?exp=" + exp + "&sig=" + s.sign(mediaID, exp)
}

// CheckURL reports whether the address was made by SignedURL and still works.
func (s *Store) CheckURL(mediaID, exp, sig string) bool {
	if !hmac.Equal([]byte(s.sign(mediaID, exp)), []byte(sig)) {
		return false
	}
	until, err := strconv.ParseInt(exp, 10, 64)
	return err == nil && s.Now().Unix() < until
}

func (s *Store) sign(mediaID, exp string) string {
	h := hmac.New(sha256.New, s.Key)
	h.Write([]byte("media\n" + mediaID + "\n" + exp))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
