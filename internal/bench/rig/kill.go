package rig

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"time"
)

// The load, and the pauses between kills. Source of the shape: a provider that
// posts 300 messages/s and an app that sends 80/s, with statuses that come late.
const (
	killInbound   = 300 // webhooks per second
	killSends     = 80  // per second
	killCustomers = 300
	killWorkers   = 16 // of either
	killSoonest   = 50 * time.Millisecond
	killLatest    = 1500 * time.Millisecond
	retryPause    = 30 * time.Millisecond
)

// KillResult is what an audit found after the last kill.
type KillResult struct {
	Kills        int `json:"kills"`
	AckedInbound int `json:"ackedInbound"` // webhooks answered 200
	AckedSends   int `json:"ackedSends"`   // sends answered 202

	LostInbound       int    `json:"lostInbound"`       // acknowledged, and not in the database
	LostSends         int    `json:"lostSends"`         // acknowledged, and neither at the provider nor still to be sent
	DuplicatedInbound int    `json:"duplicatedInbound"` // in the database or in the event log twice
	DuplicatedSends   int    `json:"duplicatedSends"`   // at the provider twice, or stored twice for one key
	Unmarked          int    `json:"unmarked"`          // of those at the provider twice: without the mark that says so
	EventGaps         int    `json:"eventGaps"`         // numbers missing in the event log
	Open              int    `json:"open"`              // still to be sent
	Uncertain         int    `json:"uncertain"`         // of these: their outcome is awaited
	Drained           string `json:"drained"`           // time from the last start until nothing was due
}

// Verdict is "ok", or what is wrong.
func (r *KillResult) Verdict() string {
	switch {
	case r.LostInbound+r.LostSends > 0:
		return "lost"
	case r.DuplicatedInbound+r.DuplicatedSends > 0:
		return "duplicated"
	case r.EventGaps > 0:
		return "gaps in the event log"
	case r.Open > 0 && r.Uncertain == 0:
		return "sends are stuck"
	}
	return "ok"
}

// killRun is the load around the kills.
type killRun struct {
	node     Node
	line     *Line
	api      *Client
	hook     *Client
	provider *Provider
	tag      string
	statuses chan *Webhook

	mu      sync.Mutex
	inbound map[string]bool // acknowledged, by wamid
	sends   map[string]bool // acknowledged, by message id
	keys    int             // idempotency keys used
}

// Kill starts node on an empty database, kills it under load as often as asked,
// lets it finish its work, and counts. Sends whose outcome is still awaited are Open.
// It is the quick form of what internal/chaos does with a longer audit.
func Kill(ctx context.Context, node Node, kills int) (*KillResult, error) {
	r := &killRun{node: node, tag: rand.Text()[:8], statuses: make(chan *Webhook, 100_000),
		inbound: map[string]bool{}, sends: map[string]bool{}}
	latency := func() time.Duration { return 5*time.Millisecond + mathrand.N(150*time.Millisecond) }
	var err error
	if r.provider, err = StartProvider(latency, r.accepted); err != nil {
		return nil, err
	}
	defer r.provider.Stop()
	server, err := r.prepare(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { server.Stop() }()

	work, finish := context.WithCancel(ctx)
	defer finish()
	var load, reports sync.WaitGroup
	loading, endLoad := context.WithCancel(ctx)
	defer endLoad()
	for range killWorkers {
		reports.Go(func() { r.report(work) })
	}
	load.Go(func() { r.writeIn(loading, work) })
	load.Go(func() { r.sendOut(loading, work) })
	for range kills {
		Pause(ctx, killSoonest+mathrand.N(killLatest-killSoonest))
		server.Kill()
		if server, err = node.Start(ctx); err != nil {
			return nil, err
		}
	}
	began := time.Now()
	Pause(ctx, killLatest)
	endLoad()
	load.Wait()
	res := &KillResult{Kills: kills, AckedInbound: len(r.inbound), AckedSends: len(r.sends)}
	if err := r.drain(ctx); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, LastLines(node.Log()))
	}
	res.Drained = time.Since(began).Round(100 * time.Millisecond).String()
	finish()
	reports.Wait()
	server.Stop()
	return res, r.audit(ctx, res)
}

// prepare starts the server for the first time, with one channel.
func (r *killRun) prepare(ctx context.Context) (*Server, error) {
	server, err := r.node.Start(ctx)
	if err != nil {
		return nil, err
	}
	key, err := r.node.NewKey(ctx)
	if err == nil {
		r.api, r.hook = NewClient(r.node.Listen, key, 2*killWorkers), NewClient(r.node.Listen, "", 3*killWorkers)
		r.line, err = NewLine(r.api, r.provider.URL, 1000)
	}
	if err == nil {
		err = r.line.Greet(r.hook, killCustomers)
	}
	if err != nil {
		server.Kill()
		return nil, err
	}
	return server, nil
}

// persist calls fn until it reports success or ctx ends.
func persist(ctx context.Context, fn func() bool) bool {
	for !fn() {
		if !Pause(ctx, retryPause) {
			return false
		}
	}
	return true
}

// accepted plans the statuses of a message that the provider took.
func (r *killRun) accepted(a Accepted) {
	for i, status := range []string{"sent", "delivered"} {
		hook := r.line.Status(a, status, time.Now().Add(time.Duration(i)*time.Second))
		time.AfterFunc(mathrand.N(400*time.Millisecond)+time.Duration(i)*100*time.Millisecond, func() { r.statuses <- hook })
	}
}

// report delivers statuses until ctx ends, each until it is acknowledged.
func (r *killRun) report(ctx context.Context) {
	for {
		select {
		case hook := <-r.statuses:
			persist(ctx, func() bool {
				ok, err := r.line.Post(r.hook, hook)
				return err == nil && ok
			})
		case <-ctx.Done():
			return
		}
	}
}

// writeIn lets customers write until loading ends, as a provider does: each
// webhook again until it is acknowledged.
func (r *killRun) writeIn(loading, work context.Context) {
	const plenty = 1_000_000
	_ = Pace(loading, killInbound, plenty, killWorkers, func(n int, _ time.Time) error { // it ends with loading
		w := r.line.Messages(Inbound{ID: fmt.Sprintf("wamid.IN%s%08d", r.tag, n), From: Customer(n % killCustomers), Text: fmt.Sprintf("in %d", n), At: time.Now()})
		ok := persist(work, func() bool {
			ok, err := r.line.Post(r.hook, w)
			return err == nil && ok
		})
		if ok {
			r.mu.Lock()
			r.inbound[w.IDs[0]] = true
			r.mu.Unlock()
		}
		return nil
	})
}

// sendOut sends until loading ends, as an app does: each again with its key until
// it is acknowledged.
func (r *killRun) sendOut(loading, work context.Context) {
	const plenty = 1_000_000
	_ = Pace(loading, killSends, plenty, killWorkers, func(n int, _ time.Time) error { // it ends with loading
		r.mu.Lock()
		r.keys++
		r.mu.Unlock()
		body := Text(r.line.ChannelID, "+"+Customer(n%killCustomers), fmt.Sprintf("out %d", n))
		persist(work, func() bool {
			status, answer, err := r.api.Do("POST", "/api/v1/messages", body, "Idempotency-Key", fmt.Sprintf("%s-%d", r.tag, n))
			var m struct{ ID string }
			if err != nil || status != 202 || json.Unmarshal(answer, &m) != nil {
				return false
			}
			r.mu.Lock()
			r.sends[m.ID] = true
			r.mu.Unlock()
			return true
		})
		return nil
	})
}
