package realtime_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linktor/linktor/realtime"
)

const tenant = "ten_1"

// memLog is an event log in memory.
type memLog struct {
	mu     sync.Mutex
	epoch  string
	events []realtime.Event // kept; the last has seq head
	head   int64
	err    error
	reads  int
}

func newLog() *memLog { return &memLog{epoch: realtime.EmptyEpoch} }

// add appends n events of a type and returns the new head.
func (l *memLog) add(n int, typ, channel string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.epoch == realtime.EmptyEpoch {
		l.epoch = "eA"
	}
	for range n {
		l.head++
		l.events = append(l.events, realtime.Event{
			Seq: l.head, Type: typ, ChannelID: channel, ConversationID: fmt.Sprint("conv_", l.head%2),
			Envelope: fmt.Appendf(nil, `{"seq":%d,"type":%q}`, l.head, typ),
		})
	}
	return l.head
}

// prune forgets all but the newest keep events.
func (l *memLog) prune(keep int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = l.events[max(0, len(l.events)-keep):]
}

// restore makes it another log that ends at head.
func (l *memLog) restore(epoch string, head int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch, l.head, l.events = epoch, head, nil
}

func (l *memLog) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *memLog) Head(context.Context, string) (string, int64, int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epoch, l.head, l.head - int64(len(l.events)) + 1, l.err
}

func (l *memLog) Read(_ context.Context, _ string, after int64, limit int) ([]realtime.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	oldest := l.head - int64(len(l.events)) + 1
	from := max(0, after+1-oldest)
	if l.err != nil || from >= int64(len(l.events)) {
		return nil, l.err
	}
	return append([]realtime.Event(nil), l.events[from:min(from+int64(limit), int64(len(l.events)))]...), nil
}

// pipe is a transport whose client reads when the test says so. Frames are JSON
// lines; one Write may hold several.
type pipe struct {
	in      chan []byte
	out     chan []byte
	gone    chan struct{}
	once    sync.Once
	seen    atomic.Int64
	mute    atomic.Bool // do not answer pings
	pending []frame
	raw     []json.RawMessage // every frame that frames has returned
}

// frame is any frame of the server.
type frame struct {
	Op      string          `json:"op"`
	Seq     int64           `json:"seq"`
	Prev    int64           `json:"prev"`
	Sub     []string        `json:"sub"`
	Event   json.RawMessage `json:"event"`
	Cursor  string          `json:"cursor"`
	Reason  string          `json:"reason"`
	From    int64           `json:"from"`
	To      int64           `json:"to"`
	Code    any             `json:"code"`
	Ref     string          `json:"ref"`
	AfterMS int64           `json:"afterMs"`
	Replay  *struct{ From, To int64 }
}

func newPipe(capacity int) *pipe {
	p := &pipe{in: make(chan []byte, 16), out: make(chan []byte, capacity), gone: make(chan struct{})}
	p.seen.Store(time.Now().UnixNano())
	return p
}

func (p *pipe) end() { p.once.Do(func() { close(p.gone) }) }

func (p *pipe) ReadFrame() ([]byte, error) {
	select {
	case b := <-p.in:
		p.seen.Store(time.Now().UnixNano())
		return b, nil
	case <-p.gone:
		return nil, io.EOF
	}
}

func (p *pipe) Write(b []byte) error {
	select {
	case p.out <- append([]byte(nil), b...):
		return nil
	case <-p.gone:
		return io.ErrClosedPipe
	}
}

func (p *pipe) Close(code realtime.Code, reason string) error {
	err := p.Write(fmt.Appendf(nil, `{"op":"close","code":%d,"reason":%q}`, code, reason))
	p.end()
	return err
}

func (p *pipe) Abort(d time.Duration) {
	if d == 0 {
		p.end()
		return
	}
	time.AfterFunc(d, p.end)
}

func (p *pipe) LastSeen() time.Time { return time.Unix(0, p.seen.Load()) }

func (p *pipe) AppendEvent(dst []byte, d realtime.Delivery) []byte {
	return append(realtime.AppendEvent(dst, d.Seq, d.Prev, d.Subs, d.Envelope), '\n')
}

func (p *pipe) AppendControl(dst []byte, c realtime.Control) []byte {
	return append(append(dst, c.JSON...), '\n')
}

func (p *pipe) AppendPing(dst []byte) []byte {
	if !p.mute.Load() {
		p.seen.Store(time.Now().Add(1).UnixNano())
	}
	return dst
}

func (p *pipe) send(format string, args ...any) { p.in <- fmt.Appendf(nil, format, args...) }

// frames returns what the server has written so far.
func (p *pipe) frames() []frame {
	synctest.Wait()
	for {
		select {
		case b := <-p.out:
			dec := json.NewDecoder(bytes.NewReader(b))
			for {
				var raw json.RawMessage
				if err := dec.Decode(&raw); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					panic(fmt.Sprintf("%v in %q", err, b))
				}
				var f frame
				if err := json.Unmarshal(raw, &f); err != nil {
					panic(fmt.Sprintf("%v in %q", err, raw))
				}
				p.raw = append(p.raw, raw)
				p.pending = append(p.pending, f)
			}
			synctest.Wait()
		default:
			fs := p.pending
			p.pending = nil
			return fs
		}
	}
}

// events returns the sequence numbers of the event frames among fs.
func events(fs []frame) []int64 {
	var seqs []int64
	for _, f := range fs {
		if f.Op == "event" {
			seqs = append(seqs, f.Seq)
		}
	}
	return seqs
}

// admit lets everybody in as c.
func admit(c realtime.Client) realtime.Admit {
	if c.Tenant == "" {
		c.Tenant = tenant
	}
	return func(context.Context, *realtime.Hello) (realtime.Client, error) { return c, nil }
}

// bench is a hub on a log, inside a bubble of fake time.
type bench struct {
	*testing.T
	log *memLog
	hub *realtime.Hub
	wg  sync.WaitGroup
}

// bubble runs fn with a hub and checks that everything ends with it.
func bubble(t *testing.T, opts realtime.Options, fn func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := newLog()
		b := &bench{T: t, log: log, hub: realtime.NewHub(log, opts)}
		defer func() { // also after a Fatal
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := b.hub.Drain(ctx); err != nil {
				t.Errorf("drain: %v", err)
			}
			b.wg.Wait()
		}()
		fn(b)
	})
}

// dial connects a client and says hello unless hello is empty.
func (b *bench) dial(c realtime.Client, hello string) *pipe {
	p := newPipe(64)
	b.serve(p, c)
	if hello != "" {
		p.send("%s", hello)
	}
	return p
}

func (b *bench) serve(p *pipe, c realtime.Client) {
	b.wg.Go(func() {
		b.hub.Serve(context.Background(), p, admit(c))
		p.end()
	})
}

// pass lets fake time pass.
func (b *bench) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// add appends events and notifies the hub.
func (b *bench) add(n int, typ, channel string) {
	b.hub.Notify(tenant, b.log.add(n, typ, channel))
}

// expectOps compares the ops of frames.
func (b *bench) expectOps(fs []frame, want ...string) {
	b.Helper()
	var got []string
	for _, f := range fs {
		got = append(got, f.Op)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		b.Fatalf("frames %v, want %v", got, want)
	}
}

// expectClose returns the reason of the close that ends fs.
func (b *bench) expectClose(fs []frame, code realtime.Code) string {
	b.Helper()
	if len(fs) == 0 || fs[len(fs)-1].Op != "close" || fs[len(fs)-1].Code != float64(code) {
		b.Fatalf("frames end with %+v, want close %d", fs, code)
	}
	return fs[len(fs)-1].Reason
}
