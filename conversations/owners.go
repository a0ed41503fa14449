package conversations

import (
	"sync"

	"github.com/linktor/linktor/internal/db"
)

// ownersKept bounds each of the two generations of owners: some 10 MB in all.
const ownersKept = 20_000

// owners remembers which contact has an identity, so that people who write often
// are not looked up each time. An identity never moves to another contact, hence
// what was committed once stays true; saveThreads notices a contact that is gone.
type owners struct {
	mu         sync.Mutex
	young, old map[identityKey]string
}

func newOwners() *owners { return &owners{young: map[identityKey]string{}} }

func (o *owners) get(k identityKey) (contactID string, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if contactID, ok = o.young[k]; ok {
		return contactID, true
	}
	if contactID, ok = o.old[k]; ok {
		o.keep(k, contactID)
	}
	return contactID, ok
}

func (o *owners) put(k identityKey, contactID string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keep(k, contactID)
}

// keep adds to the young; a full generation grows old, and the old one is dropped.
func (o *owners) keep(k identityKey, contactID string) {
	if len(o.young) >= ownersKept {
		o.young, o.old = map[identityKey]string{}, o.young
	}
	o.young[k] = contactID
}

// forget drops everything.
func (o *owners) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.young, o.old = map[identityKey]string{}, nil
}

// learnOwner remembers that contactID has k, if and when tx commits.
func (s *Store) learnOwner(tx *db.Tx, k identityKey, contactID string) {
	tx.Then(func() { s.owners.put(k, contactID) })
}
