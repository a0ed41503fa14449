package world

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
)

// Load is what happens to a world all the time.
type Load struct {
	Inbound float64 // messages per second that customers write
	Sends   float64 // messages per second that the app sends
	Repeat  float64 // share of the webhooks that the provider posts once more
	// Fields are further members of the body of each send, such as onUncertain.
	Fields map[string]any
	// Lanes is how many customers are sent to; 0 means all.
	Lanes int
}

// loadWorkers is how many goroutines each direction of a load has. A request that
// is not answered holds up only its own.
const loadWorkers = 16

// Running is a load in progress.
type Running struct {
	world   *World
	tag     string
	stop    context.CancelFunc // of new requests
	abandon context.CancelFunc // of those in progress
	workers sync.WaitGroup
}

// Load begins a load. Each webhook is posted until it is acknowledged, as providers
// do, and each send with its idempotency key, as an app should.
func (w *World) Load(ctx context.Context, l Load) *Running {
	r := &Running{world: w, tag: rand.Text()[:8]}
	work, abandon := context.WithCancel(ctx)
	more, stop := context.WithCancel(work)
	r.stop, r.abandon = stop, abandon
	for k := range loadWorkers {
		if l.Inbound > 0 {
			r.workers.Go(func() { r.writeIn(more, work, l, k) })
		}
		if l.Sends > 0 {
			r.workers.Go(func() { r.sendOut(more, work, l, k) })
		}
	}
	return r
}

// patience is how long Stop waits for requests in progress: the client of one
// waits 30 s for an answer before it tries again. What is given up then is a finding
// of the audit.
const patience = 70 * time.Second

// Stop ends the load and waits until the last requests are acknowledged.
func (r *Running) Stop() {
	r.stop()
	timer := time.AfterFunc(patience, r.abandon)
	r.workers.Wait()
	timer.Stop()
	r.abandon()
}

// every calls fn perSecond/loadWorkers times a second. A worker that was held up
// does not make up for it.
func every(ctx context.Context, perSecond float64, fn func(n int)) {
	tick := time.NewTicker(time.Duration(loadWorkers / perSecond * float64(time.Second)))
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
			fn(n)
		case <-ctx.Done():
			return
		}
	}
}

func (r *Running) writeIn(more, work context.Context, l Load, worker int) {
	w := r.world
	every(more, l.Inbound, func(n int) {
		line := w.Lines[n%len(w.Lines)]
		hook := line.Messages(rig.Inbound{ID: fmt.Sprintf("wamid.IN%s-%d-%d", r.tag, worker, n),
			From: rig.Customer((n*loadWorkers + worker) % w.Customers), Text: fmt.Sprintf("in %d %d", worker, n), At: time.Now()})
		w.Deliver(work, line, hook)
		if w.N(1000) < int(l.Repeat*1000) {
			w.Deliver(work, line, hook)
		}
	})
}

// sendOut writes to customers in turn. Each worker has customers of its own, so
// that the order of a lane is the order of its requests.
func (r *Running) sendOut(more, work context.Context, l Load, worker int) {
	w := r.world
	lanes := orInt(l.Lanes, w.Customers)
	mine := max(1, (lanes-worker+loadWorkers-1)/loadWorkers)
	every(more, l.Sends, func(n int) {
		customer := (n%mine)*loadWorkers + worker
		s := Sent{ChannelID: w.Lines[(n/mine)%len(w.Lines)].ChannelID, To: "+" + rig.Customer(customer)}
		w.Send(work, fmt.Sprintf("%s-%d-%d", r.tag, worker, n), s, l.Fields)
	})
}

// Send sends one text with an idempotency key until it is acknowledged, and
// returns its id; empty if it was refused or ctx ended. Sends to one customer on one
// channel must not overlap: their order is what the audit expects at the provider.
func (w *World) Send(ctx context.Context, key string, s Sent, fields map[string]any) string {
	s.N = w.Ledger.newKey(s.ChannelID + s.To)
	in := map[string]any{"channelId": s.ChannelID, "to": s.To, "content": map[string]string{"type": "text", "text": fmt.Sprintf("out %d", s.N)}}
	for name, v := range fields {
		in[name] = v
	}
	body, err := json.Marshal(in)
	if err != nil {
		panic(err) // of a scenario's own making
	}
	for pause := repeatFirst; ; pause = min(2*pause, repeatMost) {
		for _, n := range w.each() {
			s.At = time.Now()
			status, answer, err := n.api.Do("POST", "/api/v1/messages", body, "Idempotency-Key", key)
			w.Ledger.answered(status, err)
			var m struct{ ID string }
			switch {
			case err == nil && status == 202 && json.Unmarshal(answer, &m) == nil:
				w.Ledger.ackSend(m.ID, s)
				return m.ID
			case err == nil && status/100 == 4 && status != 409 && status != 429 && status != 408:
				w.Ledger.reject(key, fmt.Sprintf("%d %.300s", status, answer))
				return ""
			}
		}
		if !rig.Pause(ctx, pause) {
			w.Ledger.giveUp()
			return ""
		}
	}
}

// TrySend sends one text once, to the first server, with a key of its own. The audit
// does not ask for its place in its lane.
func (w *World) TrySend(s Sent) (status int, answer []byte) {
	body := rig.Text(s.ChannelID, s.To, "probe")
	s.At, s.N = time.Now(), -1
	w.Ledger.newKey("probe")
	status, answer, err := w.Nodes[0].api.Do("POST", "/api/v1/messages", body, "Idempotency-Key", "probe-"+rand.Text())
	w.Ledger.answered(status, err)
	var m struct{ ID string }
	if err == nil && status == 202 && json.Unmarshal(answer, &m) == nil {
		w.Ledger.ackSend(m.ID, s)
	}
	return status, answer
}
