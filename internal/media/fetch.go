package media

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/events"
	"github.com/linktor/linktor/internal/fault"
)

const (
	// fetchTimeout bounds one download: 100 MB at a slow 1 MB/s, with room.
	fetchTimeout = 3 * time.Minute
	// fetchLease is how long a claimed file is left alone by other nodes.
	fetchLease = fetchTimeout + time.Minute
	// fetchers is how many downloads run at a time in one FetchDue.
	fetchers = 4
	// storeWait is the delay after a try that failed at our own stores, which is no
	// reason to give the file up: the tries at the provider are not used up by it.
	storeWait = 30 * time.Second
)

// fetchWaits are the delays after each failed try. WhatsApp keeps inbound media
// for at least 7 days, so the last try is well within that.
var fetchWaits = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour,
}

// FetchDue downloads up to limit inbound files that are due, and returns how many
// it tried. Claims are leases in the database, so that many nodes can call it.
func (s *Store) FetchDue(ctx context.Context, limit int) (n int, err error) {
	claimed, err := s.claim(ctx, limit)
	if err != nil {
		return 0, fmt.Errorf("claim media: %w", err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	slots := make(chan struct{}, fetchers)
	for _, r := range claimed {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if err := s.fetchOne(ctx, r); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("fetch media %s: %w", r.ID, err))
			}
		})
	}
	wg.Wait()
	return len(claimed), errors.Join(errs...)
}

// claim takes files that are due: each try is counted before it is made.
func (s *Store) claim(ctx context.Context, limit int) (claimed []row, err error) {
	now := s.Now()
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		lock := ""
		if tx.Dialect == db.Postgres {
			lock = ` FOR UPDATE SKIP LOCKED`
		}
		return tx.SelectContext(ctx, &claimed, `
			UPDATE media SET due_at = $2, tries = tries + 1 WHERE id IN (
				SELECT id FROM media WHERE state = 'pending' AND due_at <= $1 ORDER BY due_at LIMIT $3`+lock+`)
			RETURNING `+columns, db.Micros(now), db.Micros(now.Add(fetchLease)), limit)
	})
	return claimed, err
}

// fetchOne downloads one file and records the outcome. The error it returns is
// about our own stores only: the provider's is part of the outcome.
func (s *Store) fetchOne(ctx context.Context, r row) error {
	m := r.media()
	err := s.download(ctx, r, &m)
	if ctx.Err() != nil {
		return ctx.Err() // stopping: the lease runs out and another node takes it
	}
	if err == nil {
		m.State = Ready
		return s.finish(ctx, m, "")
	}
	if fault.KindOf(err) == fault.Unavailable {
		_, later := s.DB.Exec(ctx, `UPDATE media SET due_at = $2, tries = tries - 1, error = $3 WHERE id = $1 AND state = 'pending'`,
			r.ID, db.Micros(s.Now().Add(storeWait)), "The file could not be stored. It will be tried again.")
		return errors.Join(err, later)
	}
	reason, final := diagnose(err)
	if !final && r.Tries <= len(fetchWaits) {
		due := s.Now().Add(fetchWaits[r.Tries-1])
		_, err := s.DB.Exec(ctx, `UPDATE media SET due_at = $2, error = $3 WHERE id = $1 AND state = 'pending'`, r.ID, db.Micros(due), reason)
		return err
	}
	m.State = Failed
	return s.finish(ctx, m, reason)
}

func (s *Store) download(ctx context.Context, r row, m *Media) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	o, err := s.Registry.Lookup(ctx, r.ChannelID)
	if err != nil {
		return err
	}
	fetcher, ok := o.Account.(channels.MediaFetcher)
	if !ok {
		return channels.ErrUnsupported
	}
	src, err := r.source()
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	body, info, err := fetcher.FetchMedia(ctx, src)
	if err != nil {
		return err
	}
	defer body.Close()
	if info.Size > s.MaxBytes {
		return fault.New(fault.TooLarge, "too_large", "The file is larger than %d bytes.", s.MaxBytes)
	}
	if m.Filename == "" {
		m.Filename = cleanName(info.Filename)
	}
	declared := m.MimeType
	if declared == "" {
		declared = info.MimeType
	}
	return s.keep(ctx, m, body, func(sniffed string) (string, error) {
		typ, err := agree(declared, sniffed)
		if err != nil {
			return octets, nil //nolint:nilerr // it is not ours to refuse: kept, and served as mere bytes
		}
		return typ, nil
	})
}

// diagnose says why a download failed, in a sentence, and whether that is final.
func diagnose(err error) (reason string, final bool) {
	if se, ok := errors.AsType[*channels.SendError](err); ok {
		reason = se.Title
		if se.Code != "" {
			reason += " (" + se.Code + ")"
		}
		return reason, se.Class.Final()
	}
	switch fault.KindOf(err) {
	case fault.TooLarge:
		return "The file is larger than the limit.", true
	case fault.NotFound:
		return "The channel was deleted.", true
	}
	switch {
	case errors.Is(err, channels.ErrUnsupported):
		return "This channel type cannot fetch media.", true
	case errors.Is(err, context.DeadlineExceeded):
		return "The download took too long.", false
	}
	return "The download failed.", false
}

// fileData is the data of media.ready and media.failed events.
type fileData struct {
	MediaID   string `json:"mediaId"`
	MessageID string `json:"messageId"`
	ChannelID string `json:"channelId"`
	State     State  `json:"state"`
	MimeType  string `json:"mimeType,omitempty"`
	Filename  string `json:"filename,omitempty"`
	Size      int64  `json:"size,omitempty"`
	SHA256    string `json:"sha256,omitempty"`
	Error     string `json:"error,omitempty"`
}

// finish records the end of a file's fetching and announces it, once.
func (s *Store) finish(ctx context.Context, m Media, reason string) error {
	return s.DB.InTx(ctx, func(tx *db.Tx) error {
		now := s.Now()
		res, err := tx.ExecContext(ctx, `
			UPDATE media SET state = $2, mime_type = $3, filename = $4, size = $5, sha256 = $6, storage_key = $7, error = $8, updated_at = $9
			WHERE id = $1 AND state = 'pending'`,
			m.ID, string(m.State), m.MimeType, m.Filename, m.Size, m.SHA256, storageKey(m), reason, db.Micros(now))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err // another node was faster
		}
		var conversation sql.NullString
		err = tx.GetContext(ctx, &conversation, `SELECT conversation_id FROM messages WHERE id = $1`, m.MessageID)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		typ := "media.ready"
		if m.State == Failed {
			typ = "media.failed"
		}
		e, err := events.New(m.TenantID, typ, m.ChannelID, conversation.String, now, fileData{
			MediaID: m.ID, MessageID: m.MessageID, ChannelID: m.ChannelID, State: m.State,
			MimeType: m.MimeType, Filename: m.Filename, Size: m.Size, SHA256: m.SHA256, Error: reason,
		})
		if err != nil {
			return err
		}
		return events.Append(ctx, tx, []events.Event{e})
	})
}

func storageKey(m Media) string {
	if m.State == Ready {
		return m.ID
	}
	return ""
}
