package world

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
)

// Call is a message that a server hands to the provider.
type Call struct {
	N         int // 1 for the first of the world
	NumberID  string
	MessageID string // the server's, from biz_opaque_callback_data
	To, Text  string
	Body      []byte
	At        time.Time // when it arrived
}

// Answer is what the provider does with a call. The zero value takes the message
// and says so.
type Answer struct {
	Refuse  bool          // do not take the message
	Latency time.Duration // between taking it and answering
	Cut     bool          // close the connection instead of answering
	Status  int           // 0 means 200
	Header  http.Header
	Body    string // empty means what the Cloud API answers when it takes a message
	// Write answers instead of all the above, for answers that are not plain HTTP.
	// It may hijack the connection. The message is taken unless Refuse says no.
	Write func(w http.ResponseWriter, r *http.Request)
}

// Plan decides what the provider does with each call. It is called by many
// goroutines at once.
type Plan func(Call) Answer

// Provider is a fake Graph API with a ledger of every message that it took.
type Provider struct {
	URL string

	world   *World
	server  *http.Server
	reports *reporter

	mu     sync.Mutex
	plan   Plan
	lines  map[string]*rig.Line
	calls  int
	taken  []rig.Accepted // in the order of their arrival
	counts map[string]int // taken, by message id
	refs   []string       // message ids of taken
}

func startProvider(w *World) (*Provider, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it returns at once
	if err != nil {
		return nil, err
	}
	p := &Provider{URL: "http://" + ln.Addr().String(), world: w, plan: w.Plan, lines: map[string]*rig.Line{}, counts: map[string]int{}}
	if p.plan == nil {
		p.plan = func(Call) Answer { return Answer{Latency: w.Duration(5*time.Millisecond, 150*time.Millisecond)} }
	}
	p.server = &http.Server{Handler: p, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), ReadHeaderTimeout: 10 * time.Second}
	p.reports = startReporter(w)
	go func() {
		_ = p.server.Serve(ln) // ends with stop
	}()
	return p, nil
}

func (p *Provider) stop() {
	p.reports.stop()
	_ = p.server.Close() // calls under way are cut off
}

// SetPlan replaces the plan.
func (p *Provider) SetPlan(plan Plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan = plan
}

func (p *Provider) know(l *rig.Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines[l.NumberID] = l
}

type sendCall struct {
	To       string `json:"to"`
	Status   string `json:"status"` // a read receipt, not a message
	Callback string `json:"biz_opaque_callback_data"`
	Text     struct {
		Body string `json:"body"`
	} `json:"text"`
}

// ServeHTTP answers POST /{version}/{number}/messages.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var in sendCall
	if err != nil || json.Unmarshal(body, &in) != nil || in.Status == "" && in.To == "" {
		http.Error(w, `{"error":{"code":100,"message":"bad body"}}`, http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if in.Status != "" {
		_, _ = io.WriteString(w, `{"success":true}`)
		return
	}
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	number := path[max(0, len(path)-2)]
	id, _, _ := strings.Cut(in.Callback, ".") // an attempt may follow
	call := Call{NumberID: number, MessageID: id, To: in.To, Text: in.Text.Body, Body: body, At: at}
	p.mu.Lock()
	p.calls++
	call.N = p.calls
	plan := p.plan
	p.mu.Unlock()
	p.answer(w, r, call, plan(call), in.Callback)
}

func (p *Provider) answer(w http.ResponseWriter, r *http.Request, call Call, a Answer, reference string) {
	taken := rig.Accepted{NumberID: call.NumberID, ProviderID: "wamid.OUT" + rand.Text(), Reference: reference, To: call.To, Text: call.Text, At: call.At}
	if !a.Refuse {
		p.take(call, taken)
	}
	if a.Write != nil {
		a.Write(w, r)
		return
	}
	rig.Pause(context.WithoutCancel(r.Context()), a.Latency)
	if a.Cut {
		panic(http.ErrAbortHandler) // net/http closes the connection without a word
	}
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	if a.Body == "" {
		a.Body = Taken(taken)
	}
	_, _ = io.WriteString(w, a.Body) // a client that is gone shows in its own ledger
}

// Taken is what the Cloud API answers when it has taken a message.
func Taken(a rig.Accepted) string {
	return fmt.Sprintf(`{"messaging_product":"whatsapp","contacts":[{"input":%q,"wa_id":%q}],"messages":[{"id":%q}]}`, a.To, strings.TrimPrefix(a.To, "+"), a.ProviderID)
}

// take writes the ledger and plans the reports.
func (p *Provider) take(call Call, a rig.Accepted) {
	p.mu.Lock()
	p.taken, p.refs = append(p.taken, a), append(p.refs, call.MessageID)
	p.counts[call.MessageID]++
	line := p.lines[a.NumberID]
	p.mu.Unlock()
	if line != nil {
		p.reports.plan(line, a)
	}
}

// Graph is the body of an error of the Graph API.
func Graph(code int, message string) string {
	return `{"error":{"message":` + strconv.Quote(message) + `,"type":"OAuthException","code":` + strconv.Itoa(code) + `,"fbtrace_id":"A` + rand.Text()[:10] + `"}}`
}

// Taken lists what the provider took, in the order of arrival, with the ids of the
// messages.
func (p *Provider) Taken() (list []rig.Accepted, ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]rig.Accepted(nil), p.taken...), append([]string(nil), p.refs...)
}

// Count is how many times the message was taken.
func (p *Provider) Count(messageID string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[messageID]
}

// Total is how many messages were taken, repeats included.
func (p *Provider) Total() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.taken)
}

// Calls is how many messages were offered, whether or not they were taken.
func (p *Provider) Calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}
