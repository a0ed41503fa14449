package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/crash"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/limits"
	"github.com/linktor/linktor/internal/media"
	"github.com/linktor/linktor/internal/registry"
	"github.com/linktor/linktor/internal/spool"
	"github.com/linktor/linktor/internal/tasks"
)

// openWork makes what happens after the answer: delivery, media, chores.
func (s *server) openWork(ctx context.Context) error {
	s.ledger = limits.NewLedger(s.db, s.node, crash.Now)
	if err := s.ledger.Save(ctx); err != nil { // this node counts from now on
		return err
	}
	s.counter = limits.NewCounter(s.redis, s.ledger.Nodes, s.ledger, crash.Now)
	local := map[string]func(){}
	if s.cfg.HasRole("worker") {
		s.sender = tasks.NewSender(tasks.SenderOptions{
			Store: s.store, Channels: s.registry, Limits: s.counter, Prepare: s.prepare, Throughput: s.cfg.ChannelThroughput,
			Workers: s.cfg.SendWorkers, Log: s.log, OnAttempt: s.countAttempt, OnSwept: s.countSwept,
		})
		s.keeper = tasks.NewKeeper(s.media.FetchDue, append(s.ownChores(), s.chores()...), s.log)
		local[tasks.TypeSends], local[tasks.TypeMedia] = s.sender.Wake, s.keeper.WakeMedia
	} else {
		none := func(context.Context, int) (int, error) { return 0, nil } // files are fetched by the workers
		s.keeper = tasks.NewKeeper(none, s.ownChores(), s.log)
	}
	check := 100 * time.Millisecond
	if s.redis.InProcess {
		check = 0
	}
	s.bell = tasks.NewBell(s.redis, local, check, s.log)
	s.db.Listen(func(v any) {
		switch v.(type) {
		case conversations.SendsQueued:
			s.bell.Ring(tasks.TypeSends)
		case conversations.MediaPending:
			s.bell.Ring(tasks.TypeMedia)
		}
	})
	return nil
}

// prepare replaces our references in a message by the provider's.
func (s *server) prepare(ctx context.Context, tenantID string, ch *registry.Open, out *channels.Outbound) error {
	if r := out.Content.Reaction; r != nil {
		target, err := s.store.ReactionTarget(ctx, tenantID, r.MessageID)
		if err != nil || target == "" {
			return &channels.SendError{Class: channels.ClassRejected, Code: "unknown_message", Title: "The message to react to is not at the provider", Err: err}
		}
		r.MessageID = target
	}
	err := s.media.Prepare(ctx, tenantID, ch, out)
	if se, ok := errors.AsType[*channels.SendError](err); ok && se.Code == media.CodeUnreadable {
		s.log.Warn("the file of a message cannot be read; it is tried again", "channel", ch.ID, "err", se.Err)
	}
	return err
}

func (s *server) countAttempt(class string, took time.Duration) {
	s.metrics.SendAttempts.WithLabelValues(class).Inc()
	s.metrics.SendSeconds.Observe(took.Seconds())
}

func (s *server) countSwept(n conversations.Swept) {
	s.metrics.LeaseExpired.Add(float64(n.Interrupted))
	s.metrics.PossibleDuplicates.Add(float64(n.Resent))
}

// prune is how many rows a chore deletes at a time.
const prune = 1000

// rest is how many times as long as it took to delete that many a chore waits before it
// deletes more. The longer, the less ingest notices; but in the long run as much has to
// be deleted as comes in.
const rest = 2

// parkedFor is how long a status waits for its message. Source: Meta redelivers
// webhooks for up to 7 days; after that nothing will explain it.
const parkedFor = 7 * 24 * time.Hour

// changesFor is how long a change is remembered at least, so that it is not
// applied twice: well past the 7 days for which Meta delivers again.
const changesFor = 30 * 24 * time.Hour

// ownChores are those of every process: about its own disk and memory.
func (s *server) ownChores() []tasks.Chore {
	return []tasks.Chore{
		{Name: "read the database's clock", Every: 10 * time.Second, Do: s.db.SyncClock},
		{Name: "save the usage of keys", Every: limits.SaveEvery, Do: s.ledger.Save},
		{Name: "drain the spool", Every: 2 * time.Second, Do: s.drainSpool},
		{Name: "know the channels that spool", Every: time.Minute, Do: s.registry.Preload},
		{Name: "try where media is kept", Every: time.Minute, AtStart: true, Do: s.tryMedia()},
		{Name: "give back memory when idle", Every: 2 * time.Second, Do: new(idleMemory).giveBack},
	}
}

// mediaTrial bounds the trial of the place where media is kept.
const mediaTrial = 20 * time.Second

// tryMedia complains until media could be kept once. A server whose bucket is away
// starts nevertheless: everything but files works.
func (s *server) tryMedia() func(context.Context) error {
	works := false
	return func(ctx context.Context) error {
		if works {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, mediaTrial)
		defer cancel()
		err := media.Probe(ctx, s.media.Blobs)
		works = err == nil
		return err
	}
}

// chores are those of the workers: about the tables.
func (s *server) chores() []tasks.Chore {
	return []tasks.Chore{
		{Name: "wake snoozed conversations", Every: 10 * time.Second, Do: func(ctx context.Context) error {
			_, err := s.store.WakeSnoozed(ctx)
			return err
		}},
		{Name: "prune events", Every: time.Minute, Do: func(ctx context.Context) error {
			return untilFew(ctx, func() (int64, error) { return s.events.Prune(ctx, time.Now().Add(-s.cfg.EventRetention), prune) })
		}},
		{Name: "prune the journal", Every: time.Minute, Do: func(ctx context.Context) error {
			return untilFew(ctx, func() (int64, error) {
				return s.store.PruneJournal(ctx, time.Now().Add(-s.cfg.JournalRetention), prune)
			})
		}},
		{Name: "forget what was said to providers", Every: time.Minute, Do: func(ctx context.Context) error {
			return untilFew(ctx, func() (int64, error) {
				return s.store.PruneExchanges(ctx, time.Now().Add(-s.cfg.JournalRetention), prune)
			})
		}},
		{Name: "forget applied changes", Every: time.Hour, Do: func(ctx context.Context) error {
			before := time.Now().Add(-max(changesFor, 2*s.cfg.JournalRetention)) // whatever can be replayed is remembered
			return untilFew(ctx, func() (int64, error) { return s.store.PruneChanges(ctx, before, prune) })
		}},
		{Name: "prune idempotency keys", Every: 10 * time.Minute, Do: func(ctx context.Context) error {
			return s.deleteOld(ctx, `DELETE FROM idempotency_keys WHERE (tenant_id, key) IN
				(SELECT tenant_id, key FROM idempotency_keys WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, 0)
		}},
		{Name: "prune the usage of keys", Every: time.Hour, Do: s.ledger.Prune},
		{Name: "forget limits that hold nothing any more", Every: 10 * time.Minute, Do: func(ctx context.Context) error {
			if err := s.deleteOld(ctx, `DELETE FROM pairs WHERE (channel_id, contact_id) IN
				(SELECT channel_id, contact_id FROM pairs WHERE free_at < $1 ORDER BY free_at LIMIT $2)`, time.Hour); err != nil {
				return err
			}
			return s.deleteOld(ctx, `DELETE FROM holds WHERE (channel_id, kind, key) IN
				(SELECT channel_id, kind, key FROM holds WHERE until < $1 ORDER BY until LIMIT $2)`, time.Hour)
		}},
		{Name: "drop parked statuses", Every: time.Hour, Do: func(ctx context.Context) error {
			_, err := s.store.DropParked(ctx, time.Now().Add(-parkedFor))
			return err
		}},
	}
}

// untilFew calls fn until it deletes fewer than prune. It rests between two calls: nobody
// waits for this, and days of messages may be due at once, when less is to be kept than
// before.
func untilFew(ctx context.Context, fn func() (int64, error)) error {
	for {
		began := time.Now()
		if n, err := fn(); err != nil || n < prune {
			return err
		}
		if !tasks.Pause(ctx, rest*time.Since(began)) {
			return ctx.Err()
		}
	}
}

func (s *server) deleteOld(ctx context.Context, query string, age time.Duration) error {
	return untilFew(ctx, func() (int64, error) { return s.db.Exec(ctx, query, db.Micros(time.Now().Add(-age)), prune) })
}

// drainSpool applies webhooks that came while the database was away.
func (s *server) drainSpool(ctx context.Context) error {
	n, err := s.spool.Drain(ctx, s.applySpooled)
	if n > 0 {
		s.log.Info("applied webhooks that had waited on disk", "count", n)
	}
	if fault.KindOf(err) == fault.Unavailable {
		return nil // still away
	}
	return err
}

// applySpooled parses a waiting webhook again and ingests it. One whose channel is
// gone has nowhere to go.
func (s *server) applySpooled(ctx context.Context, e spool.Entry) error {
	ch, err := s.registry.Lookup(ctx, e.ChannelID)
	if fault.KindOf(err) == fault.NotFound {
		s.log.Warn("a spooled webhook's channel is gone", "channel", e.ChannelID)
		return nil
	}
	if k := fault.KindOf(err); k == fault.Invalid || k == fault.Conflict { // its settings no longer open, or its adapter is gone
		return fmt.Errorf("%w: %w", spool.ErrWait, err)
	}
	if err != nil {
		return err
	}
	w := conversations.Webhook{TenantID: e.TenantID, ChannelID: ch.ID, ChannelType: ch.Type, Identity: ch.Description.Identity,
		Window: ch.Description.Window.Duration(), Headers: e.Headers, Body: e.Body, ReceivedAt: e.ReceivedAt}
	if w.Events, err = ch.Parse(e.Body); err != nil {
		w.ParseErr = err.Error()
	}
	_, err = ingester{s}.Ingest(ctx, w)
	return err
}
