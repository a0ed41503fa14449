package account_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/dbtest"
)

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// tokenKey is the key that the store derives from its secret: the worst attacker
// has it and still must not get a token of another shape through.
func tokenKey() []byte {
	sum := sha256.Sum256(append([]byte("linktor account session token\x00"), secret...))
	return sum[:]
}

func signed(header, claims string, key []byte) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(b64(header) + "." + b64(claims)))
	return b64(header) + "." + b64(claims) + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// Ensure tokens of any other shape than ours are refused, with one answer.
// Source: RFC 8725, 2 (threats).
func TestTokenAttacks(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	now := h.now().Unix()
	claims := func(change ...string) string {
		c := fmt.Sprintf(`{"iss":"linktor","aud":"linktor-api","sub":%q,"sid":%q,"tid":%q,"iat":%d,"nbf":%d,"exp":%d}`,
			h.owner.UserID, h.owner.SessionID, h.tenant, now, now, now+600)
		for i := 0; i < len(change); i += 2 {
			if !strings.Contains(c, change[i]) {
				t.Fatalf("%s is not in %s", change[i], c)
			}
			c = strings.Replace(c, change[i], change[i+1], 1)
		}
		return c
	}
	const good = `{"alg":"HS256","typ":"at+jwt"}`
	h.must(t, signed(good, claims(), tokenKey())) // the corpus is about its differences only

	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	confused := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"iss": "linktor", "aud": "linktor-api", "sub": h.owner.UserID,
		"sid": h.owner.SessionID, "tid": h.tenant, "iat": now, "nbf": now, "exp": now + 600})
	confused.Header["typ"] = "at+jwt"
	rs256, err := confused.SignedString(rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(h.tokens.Access, ".")
	key := tokenKey()
	exp := func(d int64) []string {
		return []string{fmt.Sprintf(`"exp":%d`, now+600), fmt.Sprintf(`"exp":%d`, now+d)}
	}
	for name, token := range map[string]string{
		"empty":            "",
		"dots":             "..",
		"two parts":        parts[0] + "." + parts[1],
		"four parts":       h.tokens.Access + ".x",
		"no signature":     parts[0] + "." + parts[1] + ".",
		"other signature":  signed(good, claims(), []byte("another key of the right length..")),
		"raw secret":       signed(good, claims(), secret),
		"empty key":        signed(good, claims(), nil),
		"padded":           h.tokens.Access + "=",
		"spaces":           " " + h.tokens.Access,
		"none":             b64(`{"alg":"none","typ":"at+jwt"}`) + "." + b64(claims()) + ".",
		"None":             b64(`{"alg":"None","typ":"at+jwt"}`) + "." + b64(claims()) + ".",
		"nOnE signed":      signed(`{"alg":"nOnE","typ":"at+jwt"}`, claims(), key),
		"no alg":           signed(`{"typ":"at+jwt"}`, claims(), key),
		"HS384":            signed(`{"alg":"HS384","typ":"at+jwt"}`, claims(), key),
		"hs256":            signed(`{"alg":"hs256","typ":"at+jwt"}`, claims(), key),
		"RS256":            rs256,
		"RS256 named HS":   signed(`{"alg":"RS256","typ":"at+jwt"}`, claims(), key),
		"no typ":           signed(`{"alg":"HS256"}`, claims(), key),
		"typ JWT":          signed(`{"alg":"HS256","typ":"JWT"}`, claims(), key),
		"kid traversal":    signed(`{"alg":"HS256","typ":"at+jwt","kid":"../../dev/null"}`, claims(), key),
		"kid SQL":          signed(`{"alg":"HS256","typ":"at+jwt","kid":"' OR 1=1 --"}`, claims(), key),
		"jku":              signed(`{"alg":"HS256","typ":"at+jwt","jku":"https://example.com/keys"}`, claims(), key),
		"x5u":              signed(`{"alg":"HS256","typ":"at+jwt","x5u":"https://example.com/cert"}`, claims(), key),
		"jwk":              signed(`{"alg":"HS256","typ":"at+jwt","jwk":{"kty":"oct","k":"AA"}}`, claims(), key),
		"crit":             signed(`{"alg":"HS256","typ":"at+jwt","crit":["exp"]}`, claims(), key),
		"zip":              signed(`{"alg":"HS256","typ":"at+jwt","zip":"DEF"}`, claims(), key),
		"b64":              signed(`{"alg":"HS256","typ":"at+jwt","b64":false}`, claims(), key),
		"duplicate alg":    signed(`{"alg":"none","alg":"HS256","typ":"at+jwt"}`, claims(), key),
		"duplicate sub":    signed(good, claims(`{`, `{"sub":"user_other",`), key),
		"duplicate exp":    signed(good, claims(`{`, `{"exp":99999999999,`), key),
		"unknown claim":    signed(good, claims(`{`, `{"role":"owner",`), key),
		"wrong iss":        signed(good, claims(`"linktor"`, `"linktor2"`), key),
		"no iss":           signed(good, claims(`"iss":"linktor",`, ``), key),
		"wrong aud":        signed(good, claims(`"linktor-api"`, `"linktor-media"`), key),
		"aud list":         signed(good, claims(`"linktor-api"`, `["linktor-api","x"]`), key),
		"no aud":           signed(good, claims(`"aud":"linktor-api",`, ``), key),
		"no sub":           signed(good, claims(fmt.Sprintf(`"sub":%q,`, h.owner.UserID), ``), key),
		"no sid":           signed(good, claims(fmt.Sprintf(`"sid":%q,`, h.owner.SessionID), ``), key),
		"no tid":           signed(good, claims(fmt.Sprintf(`"tid":%q,`, h.tenant), ``), key),
		"other user":       signed(good, claims(h.owner.UserID, "user_other"), key),
		"other tenant":     signed(good, claims(h.tenant, "ten_other"), key),
		"other session":    signed(good, claims(h.owner.SessionID, "ses_other"), key),
		"expired":          signed(good, claims(exp(0)...), key),
		"long ago":         signed(good, claims(exp(-600)...), key),
		"too long a life":  signed(good, claims(exp(86400)...), key),
		"no exp":           signed(good, claims(fmt.Sprintf(`,"exp":%d`, now+600), ``), key),
		"exp text":         signed(good, claims(fmt.Sprintf(`"exp":%d`, now+600), `"exp":"9999999999"`), key),
		"exp huge":         signed(good, claims(fmt.Sprintf(`"exp":%d`, now+600), `"exp":1e300`), key),
		"not yet":          signed(good, claims(fmt.Sprintf(`"nbf":%d`, now), fmt.Sprintf(`"nbf":%d`, now+120)), key),
		"issued tomorrow":  signed(good, claims(fmt.Sprintf(`"iat":%d`, now), fmt.Sprintf(`"iat":%d`, now+86400)), key),
		"no iat":           signed(good, claims(fmt.Sprintf(`"iat":%d,`, now), ``), key),
		"oversize":         signed(good, claims(`{`, `{`+strings.Repeat(" ", 4096)), key),
		"bad UTF-8":        signed(good, claims(`"linktor"`, "\"linktor\xff\""), key),
		"claims list":      signed(good, `[]`, key),
		"claims null":      signed(good, `null`, key),
		"trailing":         signed(good, claims()+`{}`, key),
		"nested":           signed(`{"alg":"HS256","typ":"at+jwt","cty":"JWT"}`, h.tokens.Access, key),
		"refresh token":    h.tokens.Refresh,
		"five parts (JWE)": "a.b.c.d.e",
	} {
		p, err := h.Authenticate(t.Context(), token)
		if p != nil || err == nil || err.Error() != "The API key or session token is not valid." {
			t.Errorf("%s: %v, %v; want the one refusal", name, p, err)
		}
	}
}

func TestTokenLifetime(t *testing.T) {
	h := newHouse(t, dbtest.SQLite(t))
	h.add(10*time.Minute - time.Second)
	h.must(t, h.tokens.Access)
	h.add(time.Second)
	_, err := h.Authenticate(t.Context(), h.tokens.Access)
	wantCode(t, err, "credential_invalid")
}

func FuzzAuthenticate(f *testing.F) {
	d := dbtest.SQLite(f)
	s := account.NewStore(d, account.Options{JWTSecret: secret, Hashing: cheap})
	f.Add("lk_live_x")
	f.Add("a.b.c")
	f.Add(signed(`{"alg":"HS256","typ":"at+jwt"}`, `{"iss":"linktor"}`, nil))
	f.Fuzz(func(t *testing.T, credential string) {
		if p, err := s.Authenticate(t.Context(), credential); err == nil || p != nil {
			t.Errorf("%q is accepted", credential)
		}
	})
}
