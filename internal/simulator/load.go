package simulator

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of a load run, which shares the machine with the server it loads.
const (
	maxLoadRate    = 5000 // messages per second
	maxLoadSeconds = 600
	loadCustomers  = 500
	loadTick       = 10 * time.Millisecond
)

// load is the one load run that may be under way.
type load struct {
	mu    sync.Mutex
	state LoadState
	ended atomic.Bool // before its time
}

// LoadState is the progress of the last load run.
type LoadState struct {
	Running bool `json:"running"`
	Wanted  int  `json:"wanted"` // messages in all
	Written int  `json:"written"`
}

// LoadRequest is the body of POST /simulator/api/load.
type LoadRequest struct {
	Channel       string `json:"channel,omitempty"`
	RatePerSecond int    `json:"ratePerSecond"`
	Seconds       int    `json:"seconds"`
}

func (s *Simulator) loadState() LoadState {
	s.load.mu.Lock()
	defer s.load.mu.Unlock()
	st := s.load.state
	st.Running = st.Running && !s.load.ended.Load()
	return st
}

func (s *Simulator) apiLoad(r *http.Request) (any, error) {
	req, err := decode[LoadRequest](r)
	if err != nil {
		return nil, err
	}
	return s.StartLoad(req)
}

// StartLoad lets 500 strangers write texts at a steady rate until the seconds
// are over. Only one run may be under way; Stop ends it.
func (s *Simulator) StartLoad(req LoadRequest) (LoadState, error) {
	l := s.choose(req.Channel)
	switch {
	case l == nil:
		return LoadState{}, ErrUnknownNumber
	case req.RatePerSecond < 1 || req.RatePerSecond > maxLoadRate || req.Seconds < 1 || req.Seconds > maxLoadSeconds:
		return LoadState{}, bad("ratePerSecond must be 1 to %d and seconds 1 to %d", maxLoadRate, maxLoadSeconds)
	}
	s.load.mu.Lock()
	defer s.load.mu.Unlock()
	if s.load.state.Running && !s.load.ended.Load() {
		return s.load.state, bad("a load run is under way (%s)", http.StatusText(http.StatusConflict))
	}
	s.load.ended.Store(false)
	s.load.state = LoadState{Running: true, Wanted: req.RatePerSecond * req.Seconds}
	start := time.Now()
	s.loadStep(l, start, start, req)
	return s.load.state, nil
}

// loadStep writes what is due since the start and plans the next step; s.load.mu
// is held by the first caller only, so the step itself runs later.
func (s *Simulator) loadStep(l *line, start, at time.Time, req LoadRequest) {
	planned := s.sched.at(at, func(context.Context) {
		due := min(int(time.Since(start).Seconds()*float64(req.RatePerSecond)), req.RatePerSecond*req.Seconds)
		s.load.mu.Lock()
		from := s.load.state.Written
		s.load.state.Written = due
		s.load.state.Running = due < s.load.state.Wanted
		running := s.load.state.Running
		s.load.mu.Unlock()
		for n := from; n < due; n++ {
			s.loadMessage(l, n)
		}
		if running {
			s.loadStep(l, start, time.Now().Add(loadTick), req)
		}
	})
	if !planned { // the queue is full: the server is too slow for this rate
		s.load.ended.Store(true)
	}
}

// loadMessage is the n-th text of a run. It leaves no bubble.
func (s *Simulator) loadMessage(l *line, n int) {
	phone := fmt.Sprintf("1650555%04d", 1000+n%loadCustomers)
	p := &Persona{ID: phone, Name: "Load " + phone, Phone: phone, Kind: KindReader}
	in := Inbound{Type: "text", Text: fmt.Sprintf("load %d", n), At: s.opt.Now()}
	id := newWamid(phone, wamidInbound)
	l.wrote(phone, in.At)
	var body []byte
	if l.kind == KindLink {
		body = s.moBody(l, p, id, in, nil)
	} else {
		_, body = s.waMessage(l, p, id, in, nil)
	}
	s.after(0, func(ctx context.Context) { s.post(ctx, l, body) })
}
