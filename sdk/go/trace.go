package linktor

import "time"

// Trace is the whole story of a message.
type Trace struct {
	Message Message     `json:"message"`
	Steps   []TraceStep `json:"steps"` // in the order of the server's clock
	Log     struct {
		Epoch     string `json:"epoch"`
		OldestSeq int64  `json:"oldestSeq"`
		Complete  bool   `json:"complete"` // false: older waits and events are missing
	} `json:"log"`
}

// TraceStep is one thing that happened. Kind names the member that is set: request,
// webhook, media, wait, attempt, status, event.
type TraceStep struct {
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"`
	Summary string    `json:"summary"` // a sentence for people

	Request *TraceRequest `json:"request"`
	Webhook *TraceWebhook `json:"webhook"`
	Media   *TraceMedia   `json:"media"`
	Wait    *Waiting      `json:"wait"`
	Attempt *Attempt      `json:"attempt"`
	Status  *StatusReport `json:"status"`
	Event   *TraceEvent   `json:"event"`
}

// TraceRequest is the API call that made the message.
type TraceRequest struct {
	RequestID      string     `json:"requestId"`
	Author         *Author    `json:"author"`
	IdempotencyKey string     `json:"idempotencyKey"` // while it is remembered
	Reference      string     `json:"reference"`
	SendAt         *time.Time `json:"sendAt"`
	ValidUntil     *time.Time `json:"validUntil"`
}

// TraceWebhook is a body of the provider that told of the message.
type TraceWebhook struct {
	JournalID  string        `json:"journalId"`
	State      string        `json:"state"`
	Deliveries int64         `json:"deliveries"` // how many times it came; it was applied once
	LastAt     time.Time     `json:"lastAt"`
	TookMs     float64       `json:"tookMs"`
	Produced   JournalEvents `json:"produced"`
}

// TraceMedia is the fetching of an inbound file.
type TraceMedia struct {
	ID       string `json:"id"`
	State    string `json:"state"`
	MimeType string `json:"mimeType"`
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256"`
	Error    string `json:"error"`
}

// TraceEvent is where a change stands in the log of events.
type TraceEvent struct {
	ID     string `json:"id"`
	Seq    int64  `json:"seq"`
	Type   string `json:"type"`
	Cursor string `json:"cursor"` // whoever is at this cursor has the event
}

// Exchange is one call to a provider: what was sent and what came back, without
// secrets.
type Exchange struct {
	Method   string            `json:"method"`
	URL      string            `json:"url"`
	Request  string            `json:"request"` // the body, or its beginning
	Status   int               `json:"status"`  // 0: there was no answer
	Header   map[string]string `json:"header"`
	Response string            `json:"response"` // the body, or its beginning
	Error    string            `json:"error"`
	TookMs   float64           `json:"tookMs"`
}
