package conversations

import (
	"database/sql"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
)

// step is the outcome of a merge.
type step struct {
	Change
	from Status
	flag bool // deleted, tracking lost, accepted late: announced, but no change of status
}

func (m *sentMessage) merge(u *channels.StatusUpdate, at time.Time) step {
	s := step{Change: Change{To: m.status}, from: m.status}
	if m.earlier(u) && !m.refused() && (u.Status == channels.StatusSent || u.Status == channels.StatusFailed) {
		return s // evidence about an attempt that another one followed
	}
	m.adopt(u)
	s.Change = Advance(m.status, u.Status)
	if m.refused() && proves(u.Status) {
		s.flag = !m.late
		m.late, m.extra = true, m.extra || s.flag
	}
	set := func(col *sql.NullInt64) {
		if !col.Valid {
			*col, m.changed = db.NullMicros(at), true
		}
	}
	switch u.Status {
	case channels.StatusSent:
		set(&m.sentAt)
	case channels.StatusDelivered:
		set(&m.deliveredAt)
	case channels.StatusRead:
		set(&m.readAt)
	case channels.StatusDeleted:
		s.flag = !m.deletedAt.Valid
		set(&m.deletedAt)
	case channels.StatusTrackingLost:
		s.flag = !m.trackingLost
		m.trackingLost, m.changed = true, m.changed || s.flag
	}
	if s.Changed {
		m.status, m.changed = s.To, true
		if s.To == Failed {
			set(&m.failedAt)
		}
		if s.Correction {
			m.failedAt = sql.NullInt64{}
		}
		if s.from == Uncertain {
			m.errorText = "" // the outcome is known now
		}
	}
	return s
}

// adopt takes over ids that we did not have: a report can be the first news that
// the provider accepted a message.
func (m *sentMessage) adopt(u *channels.StatusUpdate) {
	if m.earlier(u) {
		return
	}
	if m.providerID == "" && u.ProviderID != "" {
		m.providerID, m.changed = u.ProviderID, true
	}
	if m.altID == "" && u.AltID != "" && u.AltID != m.providerID {
		m.altID, m.changed = u.AltID, true
	}
}
