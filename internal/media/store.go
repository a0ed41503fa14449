package media

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/id"
	"github.com/linktor/linktor/internal/registry"
)

// State of a file.
type State string

const (
	Pending State = "pending" // announced by a provider, not fetched yet
	Ready   State = "ready"
	Failed  State = "failed" // could not be fetched; Error says why
)

// Media is a file.
type Media struct {
	ID, TenantID string
	ChannelID    string // of inbound files
	MessageID    string // of inbound files
	State        State
	MimeType     string
	Filename     string
	Size         int64  // bytes
	SHA256       string // hex; empty until Ready
	Error        string // of Failed: a sentence
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Registry finds channels; registry.Registry is one.
type Registry interface {
	Lookup(ctx context.Context, channelID string) (*registry.Open, error)
}

// DefaultMaxBytes is the size limit of a file: the largest that WhatsApp carries
// (documents of 100 MB).
const DefaultMaxBytes = 100 << 20

// Options of a Store.
type Options struct {
	DB        *db.DB
	Blobs     Blobs
	Registry  Registry
	Key       []byte // signs addresses; the same on every node
	PublicURL string // addresses start with it
	Now       func() time.Time
	MaxBytes  int64 // 0 means DefaultMaxBytes
}

// Store keeps files. It is safe for use by many goroutines.
type Store struct {
	Options
}

// NewStore returns a store.
func NewStore(o Options) *Store {
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Store{o}
}

// Upload is a file from an API caller.
type Upload struct {
	Filename, MimeType string
	Body               io.Reader
}

// Create stores an upload. The row is written after the bytes, so that a row
// always has them; bytes without a row, from a crash in between, are harmless.
func (s *Store) Create(ctx context.Context, tenantID string, u Upload) (Media, error) {
	now := s.Now()
	m := Media{ID: id.New(id.Media), TenantID: tenantID, State: Ready, Filename: cleanName(u.Filename), CreatedAt: now, UpdatedAt: now}
	typeOf := func(sniffed string) (string, error) { return agree(u.MimeType, sniffed) }
	if err := s.keep(ctx, &m, u.Body, typeOf); err != nil {
		if errors.Is(err, errSource) {
			err = &fault.Error{Kind: fault.Malformed, Code: "body_incomplete", Message: "The body ended before its length was reached.", Err: err}
		}
		return Media{}, err
	}
	if m.Size == 0 {
		return Media{}, errors.Join(fault.Field("/file", "required", "The file is empty."), s.Blobs.Delete(ctx, m.ID))
	}
	_, err := s.DB.Exec(ctx, `
		INSERT INTO media (id, tenant_id, state, mime_type, filename, size, sha256, storage_key, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $1, $8, $8)`,
		m.ID, tenantID, string(Ready), m.MimeType, m.Filename, m.Size, m.SHA256, db.Micros(now))
	if err != nil {
		return Media{}, fmt.Errorf("store media: %w", errors.Join(err, s.Blobs.Delete(context.WithoutCancel(ctx), m.ID)))
	}
	return m, nil
}

// keep stores the bytes under m's id and sets what they say about m. typeOf
// decides the type from what the first bytes show.
func (s *Store) keep(ctx context.Context, m *Media, body io.Reader, typeOf func(sniffed string) (string, error)) error {
	meter, err := newMeter(body, s.MaxBytes)
	if err != nil {
		return fmt.Errorf("%w: %w", errSource, err)
	}
	if m.MimeType, err = typeOf(meter.sniffed); err != nil {
		return err
	}
	if err := s.Blobs.Put(ctx, m.ID, meter); err != nil {
		switch {
		case meter.over:
			return fault.New(fault.TooLarge, "too_large", "The file is larger than %d bytes.", s.MaxBytes)
		case meter.broken != nil:
			return fmt.Errorf("%w: %w", errSource, meter.broken)
		}
		return away(err)
	}
	m.Size, m.SHA256 = meter.size, meter.sum()
	return nil
}

// errSource means that a file could not be read from where it comes from.
var errSource = errors.New("media: the source broke off")

// away is the fault of a folder or bucket that does not do what it should. What it
// said is for the log: the caller can only try again.
func away(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Code: CodeUnreadable, RetryAfter: 5 * time.Second, Err: err,
		Message: "The place where files are kept is not available. Try again."}
}

type row struct {
	ID         string `db:"id"`
	TenantID   string `db:"tenant_id"`
	ChannelID  string `db:"channel_id"`
	MessageID  string `db:"message_id"`
	State      string `db:"state"`
	Source     string `db:"source"`
	MimeType   string `db:"mime_type"`
	Filename   string `db:"filename"`
	Size       int64  `db:"size"`
	SHA256     string `db:"sha256"`
	StorageKey string `db:"storage_key"`
	Tries      int    `db:"tries"`
	Error      string `db:"error"`
	CreatedAt  int64  `db:"created_at"`
	UpdatedAt  int64  `db:"updated_at"`
}

const columns = `id, tenant_id, channel_id, message_id, state, source, mime_type, filename, size, sha256, storage_key,
	tries, error, created_at, updated_at`

func (r row) media() Media {
	return Media{
		ID: r.ID, TenantID: r.TenantID, ChannelID: r.ChannelID, MessageID: r.MessageID, State: State(r.State),
		MimeType: r.MimeType, Filename: r.Filename, Size: r.Size, SHA256: r.SHA256, Error: r.Error,
		CreatedAt: db.Time(r.CreatedAt), UpdatedAt: db.Time(r.UpdatedAt),
	}
}

func (r row) source() (m channels.Media, err error) {
	err = json.Unmarshal([]byte(r.Source), &m)
	return m, err
}

// Get returns a file of the tenant.
func (s *Store) Get(ctx context.Context, tenantID, mediaID string) (Media, error) {
	r, err := s.one(ctx, `SELECT `+columns+` FROM media WHERE tenant_id = $1 AND id = $2`, tenantID, mediaID)
	return r.media(), err
}

func (s *Store) one(ctx context.Context, query string, args ...any) (r row, err error) {
	err = s.DB.GetContext(ctx, &r, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return row{}, fault.Missing("media")
	}
	if err != nil {
		return row{}, fmt.Errorf("read media: %w", err)
	}
	return r, nil
}

// File is what a signed address leads to.
type File struct {
	Media
	blobs Blobs
}

// Find returns the file of a signed address; the caller has checked the signature
// with CheckURL, which is why no tenant is named.
func (s *Store) Find(ctx context.Context, mediaID string) (*File, error) {
	r, err := s.one(ctx, `SELECT `+columns+` FROM media WHERE id = $1`, mediaID)
	if err != nil {
		return nil, err
	}
	if State(r.State) != Ready {
		return nil, fault.New(fault.Conflict, "media_not_ready", "The file has not been fetched from the provider.")
	}
	return &File{r.media(), s.Blobs}, nil
}

// Open returns size bytes from offset; size -1 means to the end.
func (f *File) Open(ctx context.Context, offset, size int64) (io.ReadCloser, error) {
	body, err := f.blobs.Get(ctx, f.ID, offset, size)
	if err != nil && !errors.Is(err, ErrNoBlob) {
		err = away(err)
	}
	return body, err
}
