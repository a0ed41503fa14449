package simulator

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure a Simulator. The zero value works, except that media URLs
// need BaseURL.
type Options struct {
	// Now is the clock of everything written on the wire and of the window.
	// Timers run on the real clock. Defaults to time.Now.
	Now func() time.Time
	// Logger receives what went wrong; never texts or numbers. Defaults to
	// discarding.
	Logger *slog.Logger
	// Client posts the webhooks. Defaults to one with a 10 s timeout that follows
	// no redirects.
	Client *http.Client
	// BaseURL is where Handler is reachable, e.g. http://127.0.0.1:41999; media
	// URLs begin with it.
	BaseURL string
	// Behaviour is the initial one; nil means DefaultBehaviour.
	Behaviour *Behaviour
	// People are the customers. Nil means DefaultPeople.
	People []Persona
	// Workers bounds the webhooks in flight. Defaults to 16.
	Workers int
	// Queue bounds the webhooks and other steps that wait; more are dropped and
	// counted. Defaults to 100,000.
	Queue int
	// RetryFirst is the delay before the first repeat of a webhook not answered
	// 200; it doubles up to RetryMax and stops after RetryFor. Default to 1 s, 5
	// min and 7 days (Meta: "up to 7 days").
	RetryFirst, RetryMax, RetryFor time.Duration
	// RetryLink repeats LINK's callbacks too; LINK documents no repeats.
	RetryLink bool
	// History is the number of messages kept per conversation. Defaults to 200.
	History int
	// Ledger is the number of references the ledger keeps, the oldest go first;
	// -1 switches it off. Defaults to 200,000.
	Ledger int
	// MediaBytes bounds the memory for media. Defaults to 64 MiB.
	MediaBytes int64
	// Quiet keeps no conversations and reports no statuses: for benchmarks of
	// the sending side.
	Quiet bool
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	orInt := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	orInt(&o.Workers, 16)
	orInt(&o.Queue, 100_000)
	orInt(&o.History, 200)
	orInt(&o.Ledger, 200_000)
	if o.MediaBytes == 0 {
		o.MediaBytes = 64 << 20
	}
	orDuration := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	orDuration(&o.RetryFirst, time.Second)
	orDuration(&o.RetryMax, 5*time.Minute)
	orDuration(&o.RetryFor, 7*24*time.Hour)
	if o.People == nil {
		o.People = DefaultPeople()
	}
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")
	return o
}

// Simulator is both providers and all their customers.
type Simulator struct {
	opt       Options
	behaviour atomic.Pointer[Behaviour]
	handler   http.Handler
	sched     *scheduler
	media     *mediaStore
	ledger    *ledger
	updates   *updateLog
	count     counters
	load      load
	closeIdle func() // closes our own client's idle connections; a no-op for a borrowed one

	mu      sync.RWMutex
	lines   []*line          // in the order they were added
	byID    map[string]*line // by phone number id or LINK source
	shelves map[string]*shelf
	people  []*Persona
}

// counters are what the control API reports.
type counters struct {
	accepted, refused, throttled, paired, tiered  atomic.Int64
	webhooks, webhookErrors, webhookGaveUp, media atomic.Int64
}

// New returns a simulator; Start begins to deliver.
func New(o Options) *Simulator {
	s := &Simulator{opt: o.withDefaults(), byID: map[string]*line{}, shelves: map[string]*shelf{}, closeIdle: func() {}}
	if s.opt.Client == nil {
		t := &http.Transport{MaxIdleConnsPerHost: s.opt.Workers, IdleConnTimeout: time.Minute}
		s.opt.Client = &http.Client{
			Timeout: 10 * time.Second, Transport: t,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		s.closeIdle = t.CloseIdleConnections
	}
	b := DefaultBehaviour()
	if o.Behaviour != nil {
		b = *o.Behaviour
	}
	s.behaviour.Store(&b)
	for i := range s.opt.People {
		p := s.opt.People[i]
		s.people = append(s.people, &p)
	}
	s.sched = newScheduler(s.opt.Queue)
	s.media = newMediaStore(s.opt.MediaBytes)
	s.ledger = newLedger(s.opt.Ledger)
	s.updates = newUpdateLog(1000)
	mux := http.NewServeMux()
	mux.HandleFunc("/graph/", s.serveGraph)
	mux.HandleFunc("/link/", s.serveLink)
	s.handler = mux
	return s
}

// Handler serves the providers' side: the fake Graph API at
// /graph/{version}/… and the fake LINK at /link/….
func (s *Simulator) Handler() http.Handler { return s.handler }

// Start begins to deliver webhooks. Starting twice does nothing.
func (s *Simulator) Start() { s.sched.start(s.opt.Workers) }

// Stop ends every delivery and waits for the goroutines, or for ctx. Webhooks
// not yet delivered are forgotten.
func (s *Simulator) Stop(ctx context.Context) error {
	err := s.sched.stop(ctx)
	s.closeIdle()
	return err
}

// Behaviour returns the present behaviour.
func (s *Simulator) Behaviour() Behaviour { return *s.behaviour.Load() }

// SetBehaviour replaces the behaviour; steps already planned are not changed.
func (s *Simulator) SetBehaviour(b Behaviour) { s.behaviour.Store(&b) }

func (s *Simulator) line(id string) *line {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byID[id]
}

// addLine replaces a line of the same id, keeping its conversations.
func (s *Simulator) addLine(l *line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.byID[l.id]; old != nil {
		l.chats, l.windows = old.chats, old.windows
		for i := range s.lines {
			if s.lines[i] == old {
				s.lines[i] = l
			}
		}
	} else {
		s.lines = append(s.lines, l)
	}
	s.byID[l.id] = l
	if s.shelves[l.shelfID] == nil {
		s.shelves[l.shelfID] = newShelf(l.shelfID, s.opt.Now())
	}
	l.shelf = s.shelves[l.shelfID]
}

// Remove forgets a number and its conversations.
func (s *Simulator) Remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, id)
	for i := range s.lines {
		if s.lines[i].id == id {
			s.lines = append(s.lines[:i:i], s.lines[i+1:]...)
			return
		}
	}
}

// after runs f on a worker when d has passed.
func (s *Simulator) after(d time.Duration, f func(context.Context)) {
	s.sched.at(time.Now().Add(d), f)
}
