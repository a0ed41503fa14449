package media

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrNoBlob means that the bytes of a file are gone.
var ErrNoBlob = errors.New("media: no such blob")

// Blobs keeps bytes by key. Keys are lower-case letters, digits and '_'.
type Blobs interface {
	// Put stores all of r. When it returns nil the bytes survive a crash; when it
	// fails, nothing is left under key.
	Put(ctx context.Context, key string, r io.Reader) error
	// Get opens size bytes from offset; size -1 means to the end.
	Get(ctx context.Context, key string, offset, size int64) (io.ReadCloser, error)
	// Delete removes a blob; one that is gone is no error.
	Delete(ctx context.Context, key string) error
}

// Probe stores a small blob, reads it and deletes it: what goes wrong with it goes
// wrong with files.
func Probe(ctx context.Context, b Blobs) error {
	key, want := "probe_"+strings.ToLower(rand.Text()), []byte("Linktor was here.")
	if err := b.Put(ctx, key, bytes.NewReader(want)); err != nil {
		return err
	}
	got, err := read(ctx, b, key)
	if err == nil && !bytes.Equal(got, want) {
		err = errors.New("media: what was stored comes back changed")
	}
	return errors.Join(err, b.Delete(ctx, key))
}

func read(ctx context.Context, b Blobs, key string) ([]byte, error) {
	r, err := b.Get(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// dir keeps blobs as files below a folder, spread over 1,024 subfolders.
type dir struct{ root string }

// newDir returns Blobs in a folder, which is made if absent.
func newDir(root string) (Blobs, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("media: make the folder: %w", err)
	}
	return dir{root}, nil
}

// path puts the random end of the key first: its beginning is a clock.
func (d dir) path(key string) string {
	return filepath.Join(d.root, key[max(len(key)-2, 0):], key)
}

func (d dir) Put(_ context.Context, key string, r io.Reader) (err error) {
	path := d.path(key)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("media: put: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return fmt.Errorf("media: put: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = io.Copy(f, r); err != nil {
		return fmt.Errorf("media: put: %w", err)
	}
	if err = errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("media: put: %w", err)
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("media: put: %w", err)
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("media: put: %w", err)
	}
	defer folder.Close()
	return folder.Sync() // the name, not only the bytes
}

func (d dir) Get(_ context.Context, key string, offset, size int64) (io.ReadCloser, error) {
	f, err := os.Open(d.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoBlob
	}
	if err != nil {
		return nil, fmt.Errorf("media: get: %w", err)
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		f.Close()
		return nil, fmt.Errorf("media: get: %w", err)
	}
	if size < 0 {
		return f, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(f, size), f}, nil
}

func (d dir) Delete(_ context.Context, key string) error {
	if err := os.Remove(d.path(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("media: delete: %w", err)
	}
	return nil
}
