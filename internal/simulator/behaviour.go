package simulator

import "time"

// Status modes: what happens after a send was accepted.
const (
	StatusesNormal     = "normal"     // sent, delivered, read
	StatusesNone       = "none"       // nothing is ever reported
	StatusesDuplicated = "duplicated" // each twice
	StatusesReordered  = "reordered"  // read, delivered, sent
	StatusesLate       = "late"       // LateMS later than usual
	StatusesBefore     = "before"     // sent and delivered arrive before the send is answered
	StatusesSkipped    = "skipped"    // sent, read: delivered is left out
)

// Behaviour holds the switches of the simulated world. Times are milliseconds
// after the send was accepted unless said otherwise.
type Behaviour struct {
	Automatic   bool   `json:"automatic"`   // statuses come by themselves; false: only by hand
	Statuses    string `json:"statuses"`    // one of the status modes
	SentMS      int    `json:"sentMs"`      // default 150
	DeliveredMS int    `json:"deliveredMs"` // default 400
	ReadMS      int    `json:"readMs"`      // default 1500; -1: only when the phone is opened
	LateMS      int    `json:"lateMs"`      // default 20000

	Window    bool `json:"window"`    // refuse free messages outside 24 h with 131047; default on
	Throttle  bool `json:"throttle"`  // refuse more sends/s per number than perSecond with 130429
	PairLimit bool `json:"pairLimit"` // refuse more than 1 per 6 s (burst 45) to one customer with 131056
	PerSecond int  `json:"perSecond"` // sends/s of a number; 0: 80
	Tier      int  `json:"tier"`      // people whom templates reach in 24 h outside the window; 0: not counted
	TierLimit bool `json:"tierLimit"` // refuse more people than that with 130429

	Replies  bool `json:"replies"`  // customers answer the business; default on
	ReplyMS  int  `json:"replyMs"`  // default 2500
	ReviewMS int  `json:"reviewMs"` // template review, default 3000

	LatencyMS       int  `json:"latencyMs"`       // added to every answer of the providers' APIs
	Outage          bool `json:"outage"`          // every call is answered 503
	ManagementLimit bool `json:"managementLimit"` // template calls are refused with 80008
	BadSignature    bool `json:"badSignature"`    // webhooks carry a wrong signature, or wrong Basic credentials
	Copies          int  `json:"copies"`          // how often each webhook is posted; 0 and 1 mean once
}

// DefaultBehaviour is what a newcomer sees: ticks come by themselves, customers
// answer, the window is enforced.
func DefaultBehaviour() Behaviour {
	return Behaviour{
		Automatic: true, Statuses: StatusesNormal, SentMS: 150, DeliveredMS: 400, ReadMS: 1500, LateMS: 20_000,
		Window: true, Replies: true, ReplyMS: 2500, ReviewMS: 3000,
	}
}

// LoadBehaviour is for load runs: statuses at once and no customer talks back.
func LoadBehaviour() Behaviour {
	return Behaviour{Automatic: true, Statuses: StatusesNormal, SentMS: 20, DeliveredMS: 40, ReadMS: 60, LateMS: 20_000}
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// step is one status to report, after a delay counted from acceptance.
type step struct {
	after  time.Duration
	status string // sent, delivered, read, failed
	code   int    // failed: Meta's error code
	result int    // LINK only: the result code, where status does not decide it
	once   bool   // read: not again if the phone was opened meanwhile
}

// plan lays out the statuses of an accepted message. mode overrides the
// behaviour's if it is not empty.
func (b Behaviour) plan(mode string, fail, result int, kind string) []step {
	if mode == "" {
		mode = b.Statuses
	}
	sent := step{after: ms(b.SentMS), status: "sent"}
	switch {
	case mode == StatusesNone:
		return nil
	case fail != 0 || result != 0:
		return []step{{after: ms(b.SentMS), status: "failed", code: fail, result: result}}
	}
	steps := []step{sent, {after: ms(b.DeliveredMS), status: "delivered"}}
	if b.ReadMS >= 0 && kind != "" && kind != KindSilent {
		steps = append(steps, step{after: ms(b.ReadMS), status: "read", once: mode != StatusesDuplicated})
	}
	if kind == KindOffline {
		steps = steps[:1]
	}
	return arrange(steps, mode, b)
}

func arrange(steps []step, mode string, b Behaviour) []step {
	switch mode {
	case StatusesDuplicated:
		var twice []step
		for _, st := range steps {
			twice = append(twice, st, st)
		}
		return twice
	case StatusesReordered:
		var back []step
		for i := len(steps) - 1; i >= 0; i-- {
			st := steps[i]
			st.after = steps[len(steps)-1-i].after
			back = append(back, st)
		}
		return back
	case StatusesSkipped:
		if len(steps) > 2 {
			return []step{steps[0], steps[2]}
		}
	case StatusesLate:
		for i := range steps {
			steps[i].after += ms(b.LateMS)
		}
	case StatusesBefore:
		for i := range min(2, len(steps)) {
			steps[i].after = 0
		}
	}
	return steps
}
