package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Hashing is the cost of a password hash. The zero value means 46 MiB, one pass,
// one lane: the first of the settings that OWASP lists as equal, and the one for
// few cores, because more lanes would only make logins wait for each other. It
// takes about 40 ms.
// Source: OWASP, Password Storage Cheat Sheet, "Argon2id".
type Hashing struct {
	KiB    uint32
	Passes uint32
	Lanes  uint8
}

func (h Hashing) orDefault() Hashing {
	if h.KiB == 0 {
		return Hashing{KiB: 46 << 10, Passes: 1, Lanes: 1}
	}
	return h
}

const saltBytes, hashBytes = 16, 32

// The largest costs that are accepted from a stored hash: a hash from elsewhere
// must not be able to take all the memory.
const maxKiB, maxPasses = 256 << 10, 16

// hash returns password as a PHC string: $argon2id$v=19$m=…,t=…,p=…$salt$hash.
func (h Hashing) hash(password string) string {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails: crypto/rand ends the program instead
	sum := argon2.IDKey([]byte(password), salt, h.Passes, h.KiB, h.Lanes, hashBytes)
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.KiB, h.Passes, h.Lanes,
		enc.EncodeToString(salt), enc.EncodeToString(sum))
}

// verify reports whether password is the one of the PHC string, and whether that
// was made with other costs than h.
func (h Hashing) verify(password, phc string) (ok, outdated bool) {
	var version int
	var old Hashing
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return false, false
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false, false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &old.KiB, &old.Passes, &old.Lanes); err != nil {
		return false, false
	}
	if old.KiB == 0 || old.KiB > maxKiB || old.Passes == 0 || old.Passes > maxPasses || old.Lanes == 0 {
		return false, false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, false
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) != hashBytes {
		return false, false
	}
	got := argon2.IDKey([]byte(password), salt, old.Passes, old.KiB, old.Lanes, hashBytes)
	return subtle.ConstantTimeCompare(got, want) == 1, old != h
}

// hashPassword and checkPassword take one of few slots, so that a flood of logins
// cannot take all the memory.
func (s *Store) hashPassword(ctx context.Context, password string) (string, error) {
	if err := s.acquireHashing(ctx); err != nil {
		return "", err
	}
	defer s.releaseHashing()
	return s.hashing.hash(password), nil
}

// checkPassword takes the same time for a user without a password, or none at all
// (an empty phc), as for a wrong password.
func (s *Store) checkPassword(ctx context.Context, password, phc string) (ok, outdated bool, err error) {
	if err := s.acquireHashing(ctx); err != nil {
		return false, false, err
	}
	defer s.releaseHashing()
	if phc == "" {
		s.hashing.hash(password) // costs what a comparison costs
		return false, false, nil
	}
	ok, outdated = s.hashing.verify(password, phc)
	return ok, outdated, nil
}

func (s *Store) acquireHashing(ctx context.Context) error {
	select {
	case s.hashSlots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) releaseHashing() { <-s.hashSlots }
