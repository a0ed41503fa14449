package conversations

import "github.com/linktor/linktor/channels"

// Status of a message. Inbound messages are Received.
type Status string

const (
	Received  Status = "received"
	Scheduled Status = "scheduled"
	Queued    Status = "queued"
	Sending   Status = "sending"   // claimed; a call to the provider may be under way
	Uncertain Status = "uncertain" // a call was made and its outcome is unknown
	Sent      Status = "sent"      // the provider accepted it
	Delivered Status = "delivered"
	Read      Status = "read"
	Failed    Status = "failed"
	Rejected  Status = "rejected" // refused by us before submission: its window had closed when it was due, a limit
	Expired   Status = "expired"  // its validity ended first
	Cancelled Status = "cancelled"
)

// rank orders the progress of a message; terminal failures rank highest.
var rank = map[Status]int{
	Scheduled: 0, Queued: 10, Sending: 20, Uncertain: 25, Sent: 30, Delivered: 40, Read: 50,
	Failed: 60, Rejected: 60, Expired: 60, Cancelled: 60,
}

// Final reports whether nothing more is expected to happen to a message in s. A
// late proof of delivery still corrects Failed.
func (s Status) Final() bool { return rank[s] >= rank[Read] }

// common reports whether most messages are or end in s: no index finds them.
func (s Status) common() bool { return s == Received || rank[s] >= rank[Sent] && rank[s] <= rank[Read] }

// Change is the outcome of Advance.
type Change struct {
	To         Status
	Changed    bool
	Correction bool // a delivery that came after a failure: the failure was wrong
}

// Advance returns what a message in state from becomes when its provider reports
// update. Progress only moves forward, whatever the order of the reports:
//
//   - sent, delivered and read merge by rank;
//   - failed is accepted up to sent; after a delivery it is evidence, not a state;
//   - delivered and read after failed win, because a device has it;
//   - expired, cancelled and rejected are ours and final.
func Advance(from Status, update channels.Status) Change {
	stay := Change{To: from}
	switch from {
	case Expired, Cancelled, Rejected, Received:
		return stay
	}
	var to Status
	switch update {
	case channels.StatusSent:
		to = Sent
	case channels.StatusDelivered:
		to = Delivered
	case channels.StatusRead:
		to = Read
	case channels.StatusFailed:
		if rank[from] > rank[Sent] {
			return stay
		}
		return Change{To: Failed, Changed: true}
	default:
		return stay
	}
	if from == Failed {
		if to == Sent {
			return stay
		}
		return Change{To: to, Changed: true, Correction: true}
	}
	if rank[to] <= rank[from] {
		return stay
	}
	return Change{To: to, Changed: true}
}
