package limits

import (
	"cmp"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// window is a limit of requests in any stretch of size. It counts by slots, and
// a slot is forgotten only when all of it has left the window: never more than
// limit are let through in any stretch, and after a burst the next request is let
// through at most one slot later than a list of all times would.
type window struct {
	name    string
	limit   int64
	size    time.Duration
	slot    time.Duration
	durable bool // its count is kept in the database too
}

// Slots of an API key's windows.
const (
	minuteSlot = time.Second
	daySlot    = 5 * time.Minute
)

func keyWindows(perMinute, perDay int64) (ws []window) {
	if perMinute > 0 {
		ws = append(ws, window{"key", perMinute, time.Minute, minuteSlot, false})
	}
	if perDay > 0 {
		ws = append(ws, window{"day", perDay, 24 * time.Hour, daySlot, true})
	}
	return ws
}

// count is the requests of one slot, numbered from 1970: n of them, of which Redis
// has not heard of owed.
type count struct{ slot, n, owed int64 }

// tally is what a window has counted: its slots, oldest first, and their sums.
type tally struct {
	slots []count
	total int64
	owed  int64
}

func (w window) at(now time.Time) int64 { return now.UnixMicro() / w.slot.Microseconds() }

// forget drops the slots that have left the window.
func (t *tally) forget(w window, now time.Time) {
	for len(t.slots) > 0 && t.leaves(w).Compare(now) <= 0 {
		t.total -= t.slots[0].n
		t.owed -= t.slots[0].owed
		t.slots = t.slots[1:]
	}
}

// leaves is when the oldest slot leaves the window.
func (t *tally) leaves(w window) time.Time {
	return time.UnixMicro((t.slots[0].slot + 1) * w.slot.Microseconds()).Add(w.size)
}

// add counts n requests, of which Redis has not heard of owed.
func (t *tally) add(w window, now time.Time, n, owed int64) {
	at := w.at(now)
	if last := len(t.slots) - 1; last >= 0 && t.slots[last].slot >= at { // also if the clock went back
		t.slots[last].n += n
		t.slots[last].owed += owed
	} else {
		t.slots = append(t.slots, count{at, n, owed})
	}
	t.total += n
	t.owed += owed
}

// takeOwed returns what is owed by slot, as n of each, and owes nothing any more.
func (t *tally) takeOwed() (owed []count) {
	if t.owed == 0 {
		return nil
	}
	for i := range t.slots {
		if c := &t.slots[i]; c.owed > 0 {
			owed = append(owed, count{slot: c.slot, n: c.owed})
			c.owed = 0
		}
	}
	t.owed = 0
	return owed
}

// oweAgain is the inverse of takeOwed. What has left the window meanwhile is
// forgotten.
func (t *tally) oweAgain(owed []count) {
	for _, o := range owed {
		i, ok := slices.BinarySearchFunc(t.slots, o.slot, func(c count, slot int64) int { return cmp.Compare(c.slot, slot) })
		if ok {
			t.slots[i].owed += o.n
			t.owed += o.n
		}
	}
}

// reset is how long it is until more is free.
func (t *tally) reset(w window, now time.Time) time.Duration {
	if len(t.slots) == 0 {
		return 0
	}
	return t.leaves(w).Sub(now)
}

// request is the same in Redis, for all windows of a key at once: a request that
// one of them refuses is counted by none. A window is a list of "slot:n" and its
// total, by the clock of Redis, so that nodes whose clocks differ agree.
//
// ARGV: want, then for each window limit, size, slot (microseconds), extra (counted
// elsewhere meanwhile), seed ("-" if the total must be known, else what to begin
// with if it is not, as "slot:n slot:n").
// Returns {1 or 0 granted, then remaining and microseconds until more is free for
// each window}; {-1} if a total is missing.
var request = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local want, windows, ok = tonumber(ARGV[1]), {}, 1
for i = 1, #KEYS / 2 do
  local w = {list = KEYS[2 * i - 1], sum = KEYS[2 * i]}
  local a = 5 * i - 3
  w.limit, w.size, w.slot, w.extra = tonumber(ARGV[a]), tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
  local sum = redis.call('GET', w.sum)
  if not sum then
    if ARGV[a + 4] == '-' then return {-1} end
    redis.call('DEL', w.list)
    sum = 0
    for entry, n in string.gmatch(ARGV[a + 4], '(%d+:(%d+))') do
      redis.call('RPUSH', w.list, entry)
      sum = sum + n
    end
  end
  w.n = tonumber(sum)
  while true do
    local head = redis.call('LINDEX', w.list, 0)
    if not head then w.n = 0 break end
    local slot, n = string.match(head, '(%d+):(%d+)')
    w.head = (slot + 1) * w.slot + w.size
    if w.head > now then break end
    redis.call('LPOP', w.list)
    w.n = w.n - n
    w.head = nil
  end
  if w.n + w.extra + want > w.limit then ok = 0 end
  windows[i] = w
end
local out = {ok}
for i, w in ipairs(windows) do
  local add = w.extra
  if ok == 1 then add = add + want end
  if add > 0 then
    local at = math.floor(now / w.slot)
    local tail = redis.call('LINDEX', w.list, -1)
    local slot, n
    if tail then slot, n = string.match(tail, '(%d+):(%d+)') end
    if tail and tonumber(slot) >= at then
      redis.call('LSET', w.list, -1, slot .. ':' .. string.format('%d', n + add))
    else
      redis.call('RPUSH', w.list, string.format('%d:%d', at, add))
    end
    w.n = w.n + add
    w.head = w.head or (at + 1) * w.slot + w.size
  end
  local ttl = math.ceil((w.size + 2 * w.slot) / 1000)
  redis.call('SET', w.sum, string.format('%d', w.n), 'PX', ttl)
  redis.call('PEXPIRE', w.list, ttl)
  out[2 * i] = w.limit - w.n
  out[2 * i + 1] = w.head and (w.head - now) or 0
end
return out`)
