package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// Open returns the Box of the key file at path, which it makes on the first
// start, readable by its owner only. A file that others may read is refused.
func Open(path string) (*Box, error) {
	data, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = create(path); err == nil {
			data, err = readPrivate(path)
		}
	}
	if err != nil {
		return nil, err
	}
	b, err := New(string(data))
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return b, nil
}

// Rotate adds a new key to the key file at path and makes it the one that seals.
// The older ones still open. Servers use it from their next start.
func Rotate(path string) error {
	data, err := readPrivate(path)
	if err != nil {
		return err
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(data)))
	if err != nil {
		return fmt.Errorf("seal: key file %s holds no Tink keyset in JSON: only such a file can be rotated", path)
	}
	data, err = addKey(keyset.NewManagerFromHandle(h))
	if err != nil {
		return err
	}
	tmp, err := writeTemp(path, data)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		os.Remove(tmp)
		return fmt.Errorf("seal: replace the key file: %w", err)
	}
	return syncDir(path)
}

func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("seal: key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("seal: key file %s is not a regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("seal: key file %s may be read by others (mode %04o): run: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("seal: key file: %w", err)
	}
	return data, nil
}

// create makes the key file unless another process makes it first: whoever links
// first wins, and nobody ever sees half a file.
func create(path string) error {
	data, err := addKey(keyset.NewManager())
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("seal: make the folder of the key file: %w", err)
	}
	tmp, err := writeTemp(path, data)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	if err := os.Link(tmp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("seal: make the key file: %w", err)
	}
	return syncDir(path)
}

// addKey adds a random key, makes it primary and returns the keyset as JSON.
func addKey(m *keyset.Manager) ([]byte, error) {
	params, err := parameters()
	if err != nil {
		return nil, err
	}
	id, err := m.AddNewKeyFromParameters(params)
	if err != nil {
		return nil, fmt.Errorf("seal: make a key: %w", err)
	}
	if err := m.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("seal: make a key: %w", err)
	}
	h, err := m.Handle()
	if err != nil {
		return nil, fmt.Errorf("seal: make a key: %w", err)
	}
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&buf)); err != nil {
		return nil, fmt.Errorf("seal: make a key: %w", err)
	}
	return append(bytes.TrimSpace(buf.Bytes()), '\n'), nil
}

// writeTemp writes data, synced, to a new file of mode 0600 beside path.
func writeTemp(path string, data []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*")
	if err != nil {
		return "", fmt.Errorf("seal: write the key file: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(f.Name())
		return "", fmt.Errorf("seal: write the key file: %w", err)
	}
	return f.Name(), nil
}

// syncDir makes the name of the file at path survive a power cut: without its
// key, everything that was sealed would be lost.
func syncDir(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("seal: sync the folder of the key file: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("seal: sync the folder of the key file: %w", err)
	}
	return nil
}
