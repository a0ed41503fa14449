package world

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Audit is what the four ledgers say together.
type Audit struct {
	AckedInbound, AckedSends int // what clients were told
	Inbound, Outbound        int // messages in the database
	Taken                    int // different messages that the provider took
	Seen                     Sightings

	LostInbound int // acknowledged, and not in the database
	LostSends   int // acknowledged, and neither at the provider, nor open, nor failed with a word
	LostReports int // of the provider, acknowledged, and not in the history of their message
	LostEvents  int // stored, and not in the event log; or in the log, and not seen by a socket that should have

	DuplicatedInbound int // stored or announced twice
	DuplicatedSends   int // at the provider twice, or stored twice for one key
	Marked            int // of those at the provider twice: marked possibleDuplicate
	Reordered         int // messages that reached the provider before one that was asked for earlier

	EventGaps    int      // numbers missing in the event log
	Open         int      // still to be sent
	OpenAs       []string // how many of these in which state, and what they wait for
	OpenAttempts int      // attempts without an outcome
	OpenReports  int      // of the provider: not acknowledged yet, or their message is not found yet
	Unsent       int      // failed, expired or rejected messages
	GivenUp      int      // requests that were given up before they were acknowledged
	Died         []string // servers that ended by themselves
	Unrecovered  []string // faults after which nothing was acknowledged
	Rejected     []string
	Broken       string // what an integrity check found
}

// Audit compares the ledgers. fleet may be nil.
func (w *World) Audit(ctx context.Context, fleet *Fleet) (*Audit, error) {
	a := &Audit{}
	if fleet != nil {
		head, err := w.Head(ctx)
		if err != nil {
			return nil, err
		}
		a.Seen = fleet.Look(head)
	}
	for _, step := range []func(context.Context, *Audit) error{w.auditInbound, w.auditSends, w.auditReports, w.auditEvents, w.auditFile} {
		if err := step(ctx, a); err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
	}
	w.auditOrder(a)
	for _, n := range w.Nodes {
		if how := n.Died(); how != "" {
			a.Died = append(a.Died, how)
		}
	}
	_, a.Unrecovered = w.Recovery()
	a.LostEvents += a.Seen.Missing
	return a, nil
}

func (w *World) auditInbound(ctx context.Context, a *Audit) error {
	var stored []struct {
		ID string `db:"provider_message_id"`
		N  int    `db:"n"`
	}
	err := w.DB.SelectContext(ctx, &stored, `SELECT provider_message_id, count(*) AS n FROM messages WHERE direction = 'inbound' GROUP BY provider_message_id`)
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, s := range stored {
		have[s.ID] = true
		a.Inbound += s.N
		a.DuplicatedInbound += s.N - 1
	}
	w.Ledger.mu.Lock()
	a.AckedInbound = len(w.Ledger.inbound)
	for id := range w.Ledger.inbound {
		if !have[id] {
			a.LostInbound++
		}
	}
	w.Ledger.mu.Unlock()
	var announced int
	if err := w.DB.GetContext(ctx, &announced, `SELECT count(*) FROM events WHERE type = 'message.received'`); err != nil {
		return err
	}
	a.DuplicatedInbound += max(0, announced-a.Inbound)
	a.LostEvents += max(0, a.Inbound-announced)
	return nil
}

// storedSend is an outbound message in the database.
type storedSend struct {
	ID        string `db:"id"`
	Status    string `db:"status"`
	Open      bool   `db:"open"`
	Duplicate bool   `db:"possible_duplicate"`
}

func (w *World) auditSends(ctx context.Context, a *Audit) error {
	var stored []storedSend
	err := w.DB.SelectContext(ctx, &stored, `SELECT m.id, m.status, s.message_id IS NOT NULL AS open, m.possible_duplicate
		FROM messages m LEFT JOIN sends s ON s.message_id = m.id WHERE m.direction = 'outbound'`)
	if err != nil {
		return err
	}
	a.Outbound = len(stored)
	acked, found := w.Ledger.Sends(), 0
	for _, s := range stored {
		_, told := acked[s.ID]
		if told {
			found++
		}
		a.count(s, told, w.Provider.Count(s.ID))
	}
	a.AckedSends = len(acked)
	a.LostSends += len(acked) - found
	w.Ledger.mu.Lock()
	a.DuplicatedSends += max(0, len(stored)-w.Ledger.keys)
	for _, answer := range w.Ledger.rejected {
		a.Rejected = append(a.Rejected, answer)
	}
	a.GivenUp = w.Ledger.given
	w.Ledger.mu.Unlock()
	const open = `SELECT state || ' ' || wait_reason || ': ' || count(*) FROM sends GROUP BY state, wait_reason ORDER BY 1`
	if err := w.DB.SelectContext(ctx, &a.OpenAs, open); err != nil {
		return err
	}
	return w.DB.GetContext(ctx, &a.OpenAttempts, `SELECT count(*) FROM attempts WHERE outcome = 'open'`)
}

// count adds one stored message that the provider took n times.
func (a *Audit) count(s storedSend, acked bool, n int) {
	if s.Open {
		a.Open++
	}
	ended := slices.Contains([]string{"failed", "expired", "rejected", "cancelled"}, s.Status)
	if ended {
		a.Unsent++
	}
	if n > 0 {
		a.Taken++
	}
	switch {
	case n == 0 && acked && !s.Open && !ended:
		a.LostSends++
	case n > 1:
		a.DuplicatedSends++
		if s.Duplicate {
			a.Marked++
		}
	}
}

// auditReports looks for what the provider was told is known.
func (w *World) auditReports(ctx context.Context, a *Audit) error {
	var stored []struct {
		ID     string `db:"message_id"`
		Status string `db:"status"`
	}
	if err := w.DB.SelectContext(ctx, &stored, `SELECT DISTINCT message_id, status FROM message_statuses`); err != nil {
		return err
	}
	have := map[reported]bool{}
	for _, s := range stored {
		have[reported{s.ID, s.Status}] = true
	}
	w.Ledger.mu.Lock()
	for r := range w.Ledger.reports {
		if !have[r] {
			a.LostReports++
		}
	}
	w.Ledger.mu.Unlock()
	err := w.DB.GetContext(ctx, &a.OpenReports, `SELECT count(*) FROM parked_statuses`)
	a.LostReports -= min(a.LostReports, a.OpenReports) // those are not lost: they look for their message
	if w.Provider.reports != nil {
		a.OpenReports += int(w.Provider.reports.open.Load())
	}
	return err
}

// auditEvents counts the numbers that are missing in the log.
func (w *World) auditEvents(ctx context.Context, a *Audit) error {
	var log struct {
		Count int64 `db:"n"`
		Last  int64 `db:"last"`
		Head  int64 `db:"head"`
	}
	err := w.DB.GetContext(ctx, &log, `SELECT count(*) AS n, COALESCE(max(seq), 0) AS last, COALESCE((SELECT max(seq) FROM event_heads), 0) AS head FROM events`)
	a.EventGaps = int(max(log.Last, log.Head) - log.Count)
	return err
}

// auditFile asks the database whether it is whole.
func (w *World) auditFile(ctx context.Context, a *Audit) error {
	if w.Mode != SQLite {
		return nil
	}
	var answers []string
	if err := w.DB.SelectContext(ctx, &answers, `PRAGMA integrity_check`); err != nil {
		return err
	}
	if said := strings.Join(answers, "; "); said != "ok" {
		a.Broken = said
	}
	return nil
}

// auditOrder counts, lane by lane, the messages whose first arrival at the provider
// was before that of one that was asked for earlier.
func (w *World) auditOrder(a *Audit) {
	sends := w.Ledger.Sends()
	taken, ids := w.Provider.Taken()
	last, seen := map[string]int{}, map[string]bool{}
	for i := range taken {
		s, acked := sends[ids[i]]
		if !acked || s.N < 0 || seen[ids[i]] {
			continue
		}
		seen[ids[i]] = true
		lane := s.ChannelID + s.To
		if n, ok := last[lane]; ok && s.N < n {
			a.Reordered++
		}
		last[lane] = max(last[lane], s.N)
	}
}
