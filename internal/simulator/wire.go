package simulator

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"strconv"
)

// Directions inside a wamid.
const (
	wamidInbound  = 0x12
	wamidOutbound = 0x11
)

// newWamid makes a message id of the observed shape: base64 of the customer's
// phone number, the direction and a random part. Real ones carry the phone
// number too, so they are personal data.
func newWamid(address string, direction byte) string {
	b := make([]byte, 0, 64)
	b = append(b, 0x1c, 0x18, byte(min(len(address), 255)))
	b = append(b, address[:min(len(address), 255)]...)
	b = append(b, 0x15, 0x02, 0x00, direction, 0x18, 0x14)
	var raw [10]byte
	for i := range raw {
		raw[i] = byte(rand.Uint32()) //nolint:gosec // must be unique, not secret
	}
	b = hex.AppendEncode(b, raw[:])
	return "wamid." + base64.StdEncoding.EncodeToString(append(b, 0))
}

// randomDigits is a decimal id of n digits that does not begin with 0.
func randomDigits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + rand.IntN(10)) //nolint:gosec // must be unique, not secret
	}
	b[0] = byte('1' + rand.IntN(9)) //nolint:gosec // as above
	return string(b)
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// linkMessageID is 22 characters of base62, as in LINK's examples.
func linkMessageID() string {
	b := make([]byte, 22)
	for i := range b {
		b[i] = base62[rand.IntN(len(base62))] //nolint:gosec // must be unique, not secret
	}
	return string(b)
}

// stableID is a decimal id that depends on its parts only, so that templates
// keep theirs across restarts.
func stableID(parts ...string) string {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p + "\x00")) // a hash never fails
	}
	return strconv.FormatUint(1_000_000_000_000_000+h.Sum64()%8_000_000_000_000_000, 10)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller that left is no fault of ours
}
