package realtime

import (
	"runtime"
	"sync"
	"time"
)

// batchBytes ends a batch of frames. One write of this size costs little more
// than one of a single frame, and it is what a client that reads nothing holds.
const batchBytes = 16 << 10

// maxPooled is the largest buffer that is kept for other connections.
const maxPooled = 64 << 10

// scratch is what writing takes beside the connection.
type scratch struct {
	buf   []byte
	batch [16]Event
}

func newScratch() *scratch { return &scratch{buf: make([]byte, 0, batchBytes+4<<10)} }

// stuckAfter is how long a write may take until its worker is replaced.
const stuckAfter = time.Millisecond

// writers are the goroutines that write to sockets: about as many as there are
// processors, because most writes only copy into the kernel, and one more for each
// socket that takes nothing at the moment. A goroutine for each socket would cost
// more than the writes when thousands get the same event.
type writers struct {
	mu      sync.Mutex
	ready   []*Conn // connections with something to write, the first to come first
	at      int     // index of the first of them
	work    *sync.Cond
	workers map[*worker]struct{}
	idle    int  // workers that wait and have not been called
	watched bool // look is on its way
	stopped bool
}

// worker writes for one connection at a time.
type worker struct {
	conn *Conn // guarded by writers.mu
}

func newWriters() *writers {
	w := &writers{workers: map[*worker]struct{}{}}
	w.work = sync.NewCond(&w.mu)
	return w
}

// add has c written to.
func (w *writers) add(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at > cap(w.ready)/2 { // rather than grow
		n := copy(w.ready, w.ready[w.at:])
		clear(w.ready[n:])
		w.ready, w.at = w.ready[:n], 0
	}
	w.ready = append(w.ready, c)
	switch {
	case w.idle > 0:
		w.idle--
		w.work.Signal()
	case len(w.workers) < runtime.GOMAXPROCS(0):
		w.hire()
	case !w.watched:
		w.watched = true
		time.AfterFunc(stuckAfter, w.look)
	}
}

// hire starts a worker. w.mu is held.
func (w *writers) hire() {
	k := &worker{}
	w.workers[k] = struct{}{}
	go w.run(k)
}

// look replaces workers whose sockets take nothing, while connections wait.
func (w *writers) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watched = false
	waiting := len(w.ready) - w.at
	if waiting == 0 {
		return
	}
	stuck, now := 0, time.Now().UnixNano()
	for k := range w.workers {
		if k.conn != nil {
			if since := k.conn.writing.Load(); since != 0 && now-since >= int64(stuckAfter) {
				stuck++
			}
		}
	}
	if missing := runtime.GOMAXPROCS(0) - (len(w.workers) - stuck); missing > 0 {
		// More than are missing: where many are stuck, more will be.
		for range min(waiting, missing+stuck/4) {
			w.hire()
		}
	}
	w.watched = true
	time.AfterFunc(stuckAfter, w.look)
}

// run is a worker. It leaves when there are enough without it.
func (w *writers) run(k *worker) {
	s := newScratch()
	for {
		c := w.next(k)
		if c == nil {
			return
		}
		c.pump(s, false)
		if cap(s.buf) > maxPooled {
			s = newScratch()
		}
	}
}

// next waits for a connection with something to write; nil means that the worker
// is not needed any more.
func (w *writers) next(k *worker) *Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	k.conn = nil
	for w.at == len(w.ready) {
		w.ready, w.at = w.ready[:0], 0
		if w.stopped || w.idle >= runtime.GOMAXPROCS(0) {
			delete(w.workers, k)
			return nil
		}
		w.idle++
		w.work.Wait()
	}
	k.conn = w.ready[w.at]
	w.ready[w.at] = nil
	w.at++
	return k.conn
}

// stop lets the workers go when nothing is left to write.
func (w *writers) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped, w.idle = true, 0
	w.work.Broadcast()
}
