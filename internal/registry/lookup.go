package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/internal/fault"
)

const (
	// maxAge is how old a cached channel may be.
	maxAge = time.Second
	// refreshAge is when one caller, while the others go on, looks for a change.
	refreshAge = 500 * time.Millisecond
)

// entry is a cached channel. open is replaced, never changed.
type entry struct {
	open    atomic.Pointer[Open]
	checked atomic.Int64 // nanoseconds; when the database last confirmed open; negative: it must be asked
	mu      sync.Mutex   // held while asking the database
}

// Lookup returns an opened channel of any tenant by its id, at most a second old
// unless the database is away. Disabled channels are returned; deleted and unknown
// ones are missing.
func (r *Registry) Lookup(ctx context.Context, channelID string) (*Open, error) {
	v, ok := r.cache.Load(channelID)
	if !ok {
		return r.lookupFirst(ctx, channelID)
	}
	e := v.(*entry)
	age := time.Duration(r.now().UnixNano() - e.checked.Load())
	switch {
	case age < refreshAge:
		return e.open.Load(), nil
	case age < maxAge && !e.mu.TryLock():
		return e.open.Load(), nil
	case age >= maxAge:
		e.mu.Lock()
	}
	defer e.mu.Unlock()
	if time.Duration(r.now().UnixNano()-e.checked.Load()) < refreshAge { // another caller just did it
		return e.open.Load(), nil
	}
	return r.revalidate(ctx, channelID, e)
}

// lookupFirst loads a channel that is not cached. Unknown ids are not remembered,
// so that they cannot fill the memory.
func (r *Registry) lookupFirst(ctx context.Context, channelID string) (*Open, error) {
	started, forgets := r.now().UnixNano(), r.forgets.Load()
	o, err := r.load(ctx, channelID)
	if err != nil {
		return nil, err
	}
	e := &entry{}
	e.open.Store(o)
	e.checked.Store(started)
	if v, loaded := r.cache.LoadOrStore(channelID, e); loaded {
		return v.(*entry).open.Load(), nil
	}
	if r.forgets.Load() != forgets { // a change that found nothing to forget may be newer than o
		r.forget(channelID)
	}
	return o, nil
}

// revalidate asks for the channel's version and loads it again if that changed.
// The caller holds e.mu.
func (r *Registry) revalidate(ctx context.Context, channelID string, e *entry) (*Open, error) {
	started, was := r.now().UnixNano(), e.checked.Load()
	confirm := func() { e.checked.CompareAndSwap(was, started) } // unless it was forgotten meanwhile
	old := e.open.Load()
	var version int64
	var deleted bool
	err := r.db.QueryRowContext(ctx, `SELECT version, deleted_at IS NOT NULL FROM channels WHERE id = $1`, channelID).
		Scan(&version, &deleted)
	if err == nil && !deleted && version == old.Version {
		confirm()
		return old, nil
	}
	var fresh *Open
	if err == nil {
		fresh, err = r.load(ctx, channelID)
	}
	switch {
	case err == nil:
		e.open.Store(fresh)
		confirm()
		return fresh, nil
	case fault.KindOf(err) != fault.Internal: // deleted, or its settings no longer open
		r.cache.Delete(channelID)
		return nil, err
	case errors.Is(err, context.Canceled):
		return old, nil
	}
	r.log.WarnContext(ctx, "channel not refreshed: going on with what is known", "channelId", channelID, "err", err)
	confirm() // so that the callers do not queue behind a database that is away
	return old, nil
}

// Preload looks up every channel whose provider does not come again, so that its
// callbacks can be told from strangers' while the database is away.
func (r *Registry) Preload(ctx context.Context) error {
	var ids []string
	if err := r.db.SelectContext(ctx, &ids, `SELECT id FROM channels WHERE webhook_token <> '' AND deleted_at IS NULL`); err != nil {
		return fmt.Errorf("preload channels: %w", err)
	}
	for _, id := range ids {
		if _, err := r.Lookup(ctx, id); err != nil && fault.KindOf(err) != fault.NotFound {
			r.log.WarnContext(ctx, "channel cannot be opened", "channelId", id, "err", err)
		}
	}
	return nil
}

// remember keeps a channel that has just been stored, so that it is known even if
// the database goes away before its first webhook comes.
func (r *Registry) remember(o *Open) {
	e := &entry{}
	e.open.Store(o)
	e.checked.Store(r.now().UnixNano())
	r.cache.Store(o.ID, e)
}

// forget makes the next Lookup on this node ask the database, also if one is asking
// right now and may have seen the old state. What is known is kept for the case that
// the database is away.
func (r *Registry) forget(channelID string) {
	n := r.forgets.Add(1)
	if v, ok := r.cache.Load(channelID); ok {
		v.(*entry).checked.Store(-n) // another value each time: see revalidate
	}
}

// TypeOf returns the type of a channel, also of a deleted one; empty if there is
// no such channel. Types never change, so it asks the database once.
func (r *Registry) TypeOf(ctx context.Context, channelID string) (string, error) {
	if v, ok := r.typeOf.Load(channelID); ok {
		return v.(string), nil
	}
	var typ string
	err := r.db.GetContext(ctx, &typ, `SELECT type FROM channels WHERE id = $1`, channelID)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("type of channel %s: %w", channelID, err)
	}
	r.typeOf.Store(channelID, typ)
	return typ, nil
}
