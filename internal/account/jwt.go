package account

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
)

const (
	tokenIssuer   = "linktor"
	tokenAudience = "linktor-api"
	tokenType     = "at+jwt" // RFC 9068, 2.1: no other kind of token can stand in for it
	accessTTL     = 10 * time.Minute
	clockSkew     = 30 * time.Second // between nodes
	maxTokenSize  = 2048             // bytes; ours have about 400
)

var errToken = errors.New("account: not a valid token")

// tokenHeader and tokenClaims are all that a token of ours has. Anything else in
// one (kid, jku, jwk, x5u, crit, zip, …) makes it somebody else's.
type tokenHeader struct {
	Alg string `json:"alg"`
	Typ string `json:"typ"`
}

type tokenClaims struct {
	Iss string `json:"iss"`
	Aud string `json:"aud"`
	Sub string `json:"sub"` // user
	Sid string `json:"sid"` // session
	Tid string `json:"tid"` // tenant
	Iat int64  `json:"iat"`
	Nbf int64  `json:"nbf"`
	Exp int64  `json:"exp"`
}

func (s *Store) signToken(tenantID, userID, sessionID string, now time.Time) (token string, expires time.Time, err error) {
	expires = now.Add(accessTTL)
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": tokenIssuer, "aud": tokenAudience, "sub": userID, "sid": sessionID, "tid": tenantID,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": expires.Unix(),
	})
	t.Header["typ"] = tokenType
	token, err = t.SignedString(s.tokenKey)
	return token, expires, err
}

// parseToken checks everything about a token that needs no database.
// Source: RFC 8725 (JWT best current practices), 3.1 to 3.11.
func (s *Store) parseToken(token string) (*tokenClaims, error) {
	if len(token) > maxTokenSize {
		return nil, errToken
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithStrictDecoding(),
		jwt.WithIssuer(tokenIssuer), jwt.WithAudience(tokenAudience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		jwt.WithLeeway(clockSkew), jwt.WithTimeFunc(s.now))
	t, err := parser.Parse(token, func(*jwt.Token) (any, error) { return s.tokenKey, nil })
	if err != nil || !t.Valid {
		return nil, errToken
	}
	// The library lets the last of two equal names win and ignores names that it
	// does not know; so both parts are read again, strictly.
	parts := strings.Split(token, ".")
	var h tokenHeader
	var c tokenClaims
	if decodePart(parts[0], &h) != nil || decodePart(parts[1], &c) != nil {
		return nil, errToken
	}
	if h.Typ != tokenType || c.Sub == "" || c.Sid == "" || c.Tid == "" || c.Nbf == 0 || c.Iat == 0 {
		return nil, errToken
	}
	// We never issue a longer one; and a token beyond its lifetime plus skew has
	// no leeway left.
	if c.Exp-c.Iat > int64(accessTTL.Seconds()) || !s.now().Before(time.Unix(c.Exp, 0)) {
		return nil, errToken
	}
	return &c, nil
}

func decodePart(part string, into any) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into, json.RejectUnknownMembers(true)) // also rejects duplicate names
}

// subkey separates the uses of the one secret that Options gives.
func subkey(secret []byte, purpose string) []byte {
	sum := sha256.Sum256(append([]byte("linktor account "+purpose+"\x00"), secret...))
	return sum[:]
}
