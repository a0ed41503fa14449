package simulator

import "sync"

// LedgerEntry counts the accepted sends of one reference, which is
// biz_opaque_callback_data on WhatsApp and refId on LINK.
type LedgerEntry struct {
	Reference string   `json:"reference"`
	Count     int      `json:"count"`
	IDs       []string `json:"ids"` // provider ids, the first few
}

// LedgerSummary compares what was accepted with what was asked for.
type LedgerSummary struct {
	Accepted         int64         `json:"accepted"`         // sends accepted since the start or the last reset
	References       int           `json:"references"`       // different references among them
	Duplicates       int           `json:"duplicates"`       // references accepted more than once
	WithoutReference int64         `json:"withoutReference"` // sends without one
	Entries          []LedgerEntry `json:"entries,omitempty"`
}

// idsKept is how many provider ids an entry lists.
const idsKept = 4

type ledger struct {
	limit int // references kept; negative: off

	mu       sync.Mutex
	entries  map[string]*LedgerEntry
	order    []string // references in order of arrival, a ring once full
	next     int
	accepted int64
	bare     int64
}

func newLedger(limit int) *ledger { return &ledger{limit: limit, entries: map[string]*LedgerEntry{}} }

func (l *ledger) add(ref, providerID string) {
	if l.limit < 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accepted++
	if ref == "" {
		l.bare++
		return
	}
	e := l.entries[ref]
	if e == nil {
		if len(l.order) < l.limit {
			l.order = append(l.order, ref)
		} else {
			delete(l.entries, l.order[l.next])
			l.order[l.next] = ref
			l.next = (l.next + 1) % l.limit
		}
		e = &LedgerEntry{Reference: ref}
		l.entries[ref] = e
	}
	if e.Count++; len(e.IDs) < idsKept {
		e.IDs = append(e.IDs, providerID)
	}
}

// Accepted returns how many sends with that reference were accepted.
func (s *Simulator) Accepted(reference string) int {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	if e := s.ledger.entries[reference]; e != nil {
		return e.Count
	}
	return 0
}

// Ledger sums up the accepted sends. Up to limit entries are listed, only those
// accepted more than once if duplicates.
func (s *Simulator) Ledger(limit int, duplicates bool) LedgerSummary {
	l := s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := LedgerSummary{Accepted: l.accepted, References: len(l.entries), WithoutReference: l.bare}
	for _, ref := range l.order {
		e := l.entries[ref]
		if e.Count > 1 {
			sum.Duplicates++
		}
		if len(sum.Entries) < limit && (!duplicates || e.Count > 1) {
			sum.Entries = append(sum.Entries, LedgerEntry{e.Reference, e.Count, append([]string(nil), e.IDs...)})
		}
	}
	return sum
}

// ResetLedger forgets every accepted send.
func (s *Simulator) ResetLedger() {
	l := s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries, l.order, l.next, l.accepted, l.bare = map[string]*LedgerEntry{}, nil, 0, 0, 0
}
