package seal_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/linktor/linktor/internal/seal"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

var secret = bytes.Repeat([]byte{7, 11, 13, 17}, 8)

func newBox(tb testing.TB, key string) *seal.Box {
	tb.Helper()
	b, err := seal.New(key)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestSealOpen(t *testing.T) {
	b := newBox(t, base64.StdEncoding.EncodeToString(secret))
	for _, plain := range []string{"", "x", strings.Repeat("long ", 1000)} {
		one, err := b.Seal([]byte(plain), "row 1")
		if err != nil {
			t.Fatal(err)
		}
		two, _ := b.Seal([]byte(plain), "row 1")
		if bytes.Equal(one, two) {
			t.Error("the same text sealed twice looks the same")
		}
		got, err := b.Open(one, "row 1")
		if err != nil || string(got) != plain {
			t.Errorf("opened %q, %v; want %q", got, err, plain)
		}
	}
}

// Ensure nothing opens but the whole value, under its key, for its row.
func TestOpenRefuses(t *testing.T) {
	b := newBox(t, base64.StdEncoding.EncodeToString(secret))
	other := newBox(t, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32)))
	good, err := b.Seal([]byte("token"), "ten_a|channels|secrets|ch_a")
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1
	foreign, err := other.Seal([]byte("token"), "ten_a|channels|secrets|ch_a")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		sealed []byte
		aad    string
	}{
		"moved to another row":    {good, "ten_a|channels|secrets|ch_b"},
		"moved to another tenant": {good, "ten_b|channels|secrets|ch_a"},
		"no row":                  {good, ""},
		"changed":                 {flipped, "ten_a|channels|secrets|ch_a"},
		"cut":                     {good[:len(good)-1], "ten_a|channels|secrets|ch_a"},
		"empty":                   {nil, "ten_a|channels|secrets|ch_a"},
		"another key":             {foreign, "ten_a|channels|secrets|ch_a"},
	} {
		if plain, err := b.Open(c.sealed, c.aad); !errors.Is(err, seal.ErrOpen) || plain != nil {
			t.Errorf("%s: %q, %v; want ErrOpen", name, plain, err)
		}
	}
}

// Ensure every way to write one secret gives the same box.
func TestNewForms(t *testing.T) {
	first := newBox(t, base64.StdEncoding.EncodeToString(secret))
	sealed, err := first.Seal([]byte("x"), "a")
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]string{
		"standard":     base64.StdEncoding.EncodeToString(secret),
		"unpadded":     base64.RawStdEncoding.EncodeToString(secret),
		"url":          base64.RawURLEncoding.EncodeToString(secret),
		"hex":          hex.EncodeToString(secret),
		"with newline": base64.StdEncoding.EncodeToString(secret) + "\n",
	} {
		b := newBox(t, key)
		if _, err := b.Open(sealed, "a"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(b.Sub("p"), first.Sub("p")) {
			t.Errorf("%s: another derived key", name)
		}
	}
}

func TestNewKeyset(t *testing.T) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	var text, binary bytes.Buffer
	if err := errors.Join(insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&text)),
		insecurecleartextkeyset.Write(h, keyset.NewBinaryWriter(&binary))); err != nil {
		t.Fatal(err)
	}
	sealed, err := newBox(t, text.String()).Seal([]byte("x"), "a")
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range [][]byte{text.Bytes(), binary.Bytes()} {
		if _, err := newBox(t, base64.StdEncoding.EncodeToString(raw)).Open(sealed, "a"); err != nil {
			t.Error(err)
		}
	}
}

// Ensure a bad key is refused without being quoted.
func TestNewRefuses(t *testing.T) {
	for _, key := range []string{"", "hunter2hunter2", "{", `{"hunter2":1}`, base64.StdEncoding.EncodeToString([]byte("hunter2")),
		base64.StdEncoding.EncodeToString([]byte(`{"hunter2`)), strings.Repeat("hunter2!", 8)} {
		b, err := seal.New(key)
		if err == nil || b != nil {
			t.Errorf("%q makes a box", key)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error quotes the key: %v", err)
		}
	}
}

func TestSub(t *testing.T) {
	b := newBox(t, base64.StdEncoding.EncodeToString(secret))
	one, two := b.Sub("session tokens"), b.Sub("media links")
	if len(one) != 32 || bytes.Equal(one, two) || bytes.Equal(one, secret) {
		t.Errorf("derived keys %d bytes, equal %v", len(one), bytes.Equal(one, two))
	}
}

func TestBoxDoesNotPrint(t *testing.T) {
	b := newBox(t, base64.StdEncoding.EncodeToString(secret))
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "box", b)
	got := fmt.Sprintf("%v %+v %#v %s %s", b, b, b, b, log.String())
	for _, leak := range []string{"7 11 13", "0x7, 0xb", base64.StdEncoding.EncodeToString(secret)} {
		if strings.Contains(got, leak) {
			t.Errorf("printed %s", got)
		}
	}
}

func TestOpenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "secret.key")
	b, err := seal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v; want 0600", info.Mode(), err)
	}
	sealed, err := b.Seal([]byte("x"), "a")
	if err != nil {
		t.Fatal(err)
	}
	again, err := seal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Open(sealed, "a"); err != nil {
		t.Error("the second start has another key")
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.Open(path); err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %04o: %v; want an error with the fix", mode, err)
		}
	}
	if _, err := seal.Open(filepath.Dir(path)); err == nil {
		t.Error("a folder is taken for a key file")
	}
}

// Ensure nodes that start together on one folder end with one key.
func TestOpenFileRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret.key")
	subs := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range subs {
		wg.Go(func() {
			b, err := seal.Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			subs[i] = b.Sub("x")
		})
	}
	wg.Wait()
	for _, s := range subs[1:] {
		if !bytes.Equal(s, subs[0]) {
			t.Fatal("two keys")
		}
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Ensure the newest key seals, older ones open, and derived keys stay.
func TestRotate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret.key")
	before, err := seal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	old, err := before.Seal([]byte("old"), "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := seal.Rotate(path); err != nil {
		t.Fatal(err)
	}
	after, err := seal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := after.Open(old, "a"); err != nil || string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
	fresh, err := after.Seal([]byte("new"), "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := before.Open(fresh, "a"); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("the old key still seals: %v", err)
	}
	if !bytes.Equal(before.Sub("x"), after.Sub("x")) {
		t.Error("derived keys changed")
	}
}

func TestRotateRefusesBareSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret.key")
	if err := os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(secret)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := seal.Rotate(path); err == nil {
		t.Error("rotated")
	}
}

func BenchmarkSeal1K(b *testing.B) {
	box := newBox(b, base64.StdEncoding.EncodeToString(secret))
	body := make([]byte, 1024)
	b.SetBytes(1024)
	for b.Loop() {
		if _, err := box.Seal(body, "ten_a|webhook_journal|body|jrn_a"); err != nil {
			b.Fatal(err)
		}
	}
}
