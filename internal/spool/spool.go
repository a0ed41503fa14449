package spool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/id"
)

// Sealer encrypts what is on disk.
type Sealer interface {
	Seal(plain []byte, aad string) ([]byte, error)
	Open(sealed []byte, aad string) ([]byte, error)
}

// Spool is a folder of waiting webhooks.
type Spool struct {
	dir     string
	seal    Sealer
	max     int64 // files; then Spool refuses
	waiting atomic.Int64
	held    *hold
	now     func() time.Time
}

// ErrWait means that a webhook cannot be applied yet although others can: its
// channel does not open.
var ErrWait = errors.New("spool: this webhook has to wait")

// maxFiles bounds the folder: 100,000 webhooks of a few kB each. Those whose channel
// does not open take nobody's place: there may be as many again of them.
const maxFiles = 100_000

const (
	suffix = ".webhook"
	broken = ".broken"
)

// New returns the spool in dir, which is made if absent.
func New(dir string, seal Sealer) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	s := &Spool{dir: dir, seal: seal, max: maxFiles, held: newHold(), now: time.Now}
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	s.waiting.Store(int64(len(names)))
	return s, nil
}

// Entry is a webhook as it waits: enough to parse it again.
type Entry struct {
	TenantID   string            `json:"tenantId"`
	ChannelID  string            `json:"channelId"`
	Headers    map[string]string `json:"headers"`
	Body       []byte            `json:"body"`
	ReceivedAt time.Time         `json:"receivedAt"`
}

// Spool writes w. When it returns nil, w survives a crash and a power cut.
func (s *Spool) Spool(w conversations.Webhook) error {
	if n := s.waiting.Load(); n >= 2*s.max || n-s.held.count() >= s.max {
		return errors.New("spool: full")
	}
	raw, err := json.Marshal(Entry{w.TenantID, w.ChannelID, w.Headers, w.Body, w.ReceivedAt})
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	name := id.New("") + suffix // sorts by time
	sealed, err := s.seal.Seal(raw, "spool|"+name)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if err := s.write(name, sealed); err != nil {
		return err
	}
	s.waiting.Add(1)
	return nil
}

// write makes the file whole or not at all.
func (s *Spool) write(name string, data []byte) (err error) {
	tmp := filepath.Join(s.dir, name+".tmp")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(tmp, filepath.Join(s.dir, name))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("spool: %w", err), os.Remove(tmp))
	}
	dir, err := os.Open(s.dir)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Waiting returns how many webhooks wait.
func (s *Spool) Waiting() int64 { return s.waiting.Load() }

func (s *Spool) names() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// Drain hands the waiting webhooks to apply, oldest first, and removes each that
// it took. It stops at the first error of apply, because the database is still away,
// except for ErrWait, which leaves the webhooks of one channel where they are for a
// minute, and is returned at the end where it is news. A file that cannot be read is set aside under another name, never removed.
func (s *Spool) Drain(ctx context.Context, apply func(context.Context, Entry) error) (n int, err error) {
	names, err := s.names()
	if err != nil {
		return 0, err
	}
	var waits error
	for _, name := range names {
		if s.held.holds(name, s.now()) {
			continue
		}
		path := filepath.Join(s.dir, name)
		e, err := s.read(path, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another drain took it
		}
		if err != nil {
			if err := os.Rename(path, path+broken); err != nil {
				return n, fmt.Errorf("spool: %w", err)
			}
			s.waiting.Add(-1)
			continue
		}
		if s.held.joins(name, e.ChannelID, s.now()) {
			continue
		}
		if err := apply(ctx, e); errors.Is(err, ErrWait) {
			if s.held.begin(name, e.ChannelID, s.now()) {
				waits = errors.Join(waits, err)
			}
			continue
		} else if err != nil {
			return n, err
		}
		s.held.end(name, e.ChannelID)
		if err := os.Remove(path); err == nil {
			s.waiting.Add(-1)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return n, fmt.Errorf("spool: %w", err)
		}
		n++
	}
	return n, waits
}

func (s *Spool) read(path, name string) (e Entry, err error) {
	sealed, err := os.ReadFile(path)
	if err != nil {
		return e, err
	}
	raw, err := s.seal.Open(sealed, "spool|"+name)
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(raw, &e)
}
