package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
	"github.com/linktor/linktor/internal/db"
)

// tolerance is how much slower stored messages may make what comes after them, and
// callNoise, in ms, what two calls of the same may differ by.
const (
	tolerance = 0.15
	callNoise = 0.1
)

// grown is a server with many stored messages, and what was measured of it.
type grown struct {
	*world
	stored int
	lists  []list
	floods []round
	times  [][]float64 // by list: the p50 of each round
}

// growth measures ingest and lists with none and with many messages stored, on
// servers beside each other and in turn.
func (b *bench) growth(ctx context.Context) error {
	return b.each(func(mode string) error {
		var worlds []*grown
		defer func() {
			for _, g := range worlds {
				g.close()
			}
		}()
		for _, n := range append([]int{0}, b.scale.grown...) {
			began := time.Now()
			g, err := b.grow(ctx, mode, n)
			if err != nil {
				return err
			}
			worlds = append(worlds, g)
			if n > 0 {
				b.done("stored "+amount(float64(n)), began)
			}
		}
		for range b.scale.rounds {
			for _, g := range worlds {
				if err := g.flooded(ctx); err != nil {
					return fmt.Errorf("%d stored: %w", g.stored, err)
				}
			}
			for i := range worlds[0].lists {
				if err := b.call(worlds, i); err != nil {
					return err
				}
			}
		}
		var figures []figure
		for _, g := range worlds[1:] {
			figures = append(figures, g.figures(worlds[0])...)
		}
		return b.report("growth", mode, figures...)
	})
}

// grow starts a server with n messages stored.
func (b *bench) grow(ctx context.Context, mode string, n int) (_ *grown, err error) {
	accepted := make(chan rig.Accepted, 1)
	w, err := b.world(ctx, mode, 2, 80, func(a rig.Accepted) { accepted <- a })
	if err != nil {
		return nil, err
	}
	g := &grown{world: w, stored: n}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if err := w.converse(ctx, accepted); err != nil {
		return nil, err
	}
	if n > 0 {
		if err := w.restart(ctx, func() error { return w.seed(ctx, n) }); err != nil {
			return nil, fmt.Errorf("stored messages: %w", err)
		}
	}
	g.lists, err = w.chooseLists(ctx)
	g.times = make([][]float64, len(g.lists))
	return g, err
}

// converse has one message sent, delivered and read, so that there is a row of
// everything.
func (w *world) converse(ctx context.Context, accepted <-chan rig.Accepted) error {
	if err := w.sendOne(0); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendPatient)
	defer cancel()
	select {
	case a := <-accepted:
		for i, status := range []string{"sent", "delivered", "read"} {
			if err := taken(w.lines[0].Post(w.hook, w.lines[0].Status(a, status, time.Now().Add(time.Duration(i)*time.Second)))); err != nil {
				return err
			}
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	for n := 0; n == 0; {
		if err := w.db.GetContext(ctx, &n, `SELECT count(*) FROM messages WHERE status = 'read'`); err != nil {
			return err
		}
		if n == 0 && !rig.Pause(ctx, 10*time.Millisecond) {
			return fmt.Errorf("the message was not read: %w", ctx.Err())
		}
	}
	return nil
}

// list is a call of the API that reads.
type list struct{ name, path string }

// chooseLists are the lists as an inbox and an operator ask for them: also for
// what is rare or not there, which no page ends early.
func (w *world) chooseLists(ctx context.Context) ([]list, error) {
	var c struct {
		ID      string `db:"id"`
		Contact string `db:"contact_id"`
		Message string `db:"last_message_id"`
	}
	err := w.db.GetContext(ctx, &c, `SELECT id, contact_id, last_message_id FROM conversations WHERE channel_id = $2 AND contact_id =
		(SELECT contact_id FROM identities WHERE kind = 'phone' AND value LIKE '%' || $1)`, rig.Customer(0), w.lines[0].ChannelID) // on every server, with as many messages
	if err != nil {
		return nil, err
	}
	return []list{
		{"conversations", "/conversations"},
		{"conversations, open", "/conversations?status=open"},
		{"conversations, resolved: none", "/conversations?status=resolved"},
		{"conversations of a quiet channel", "/conversations?channelId=" + w.lines[1].ChannelID},
		{"conversations of a contact", "/conversations?contactId=" + c.Contact},
		{"messages of a conversation", "/conversations/" + c.ID + "/messages"},
		{"messages", "/messages"},
		{"messages, inbound", "/messages?direction=inbound"},
		{"messages, failed: none", "/messages?status=failed"},
		{"messages of a contact", "/messages?contactId=" + c.Contact},
		{"messages by reference: none", "/messages?reference=order-1234"},
		{"a message with its timeline", "/messages/" + c.Message},
		{"contacts", "/contacts"},
		{"contacts by the end of a number: none", "/contacts?q=%2B4712345678"},
		{"contacts by a number", "/contacts?q=" + rig.Customer(7)},
		{"events, oldest", "/events"},
		{"events, newest", "/events?after=latest"},
		{"journal", "/journal"},
		{"journal, failed: none", "/journal?state=failed"},
	}, nil
}

// flooded is one round of ingest. One before it, which does not count, brings what it
// uses back into memory: the vacuum of the last round has read all over the files.
func (g *grown) flooded(ctx context.Context) error {
	if _, err := g.round(ctx, mixes[0]); err != nil {
		return err
	}
	r, err := g.round(ctx, mixes[0])
	if err != nil {
		return err
	}
	g.floods = append(g.floods, r)
	if g.db.Dialect == db.Postgres { // autovacuum would do it within a minute
		_, err = g.db.Exec(ctx, `VACUUM ANALYZE`)
	}
	return err
}

// call is one round of list i: a call of each server in turn, so that whatever else
// the machine does slows all of them.
func (b *bench) call(worlds []*grown, i int) error {
	times := make([]rig.Times, len(worlds))
	for n := range b.scale.lists {
		turn := time.Now()
		for k, g := range worlds {
			began := time.Now()
			if err := g.api.Call("GET", "/api/v1"+g.lists[i].path, nil, nil); err != nil {
				return fmt.Errorf("%d stored: %w", g.stored, err)
			}
			times[k].Add(time.Since(began))
		}
		if n+1 >= slowCalls && time.Since(turn) > slowCall {
			break
		}
	}
	for k, g := range worlds {
		g.times[i] = append(g.times[i], times[k].Quantile(0.5))
	}
	return nil
}

// A list that takes as long as slowCall is called slowCalls times only.
const (
	slowCall  = 50 * time.Millisecond
	slowCalls = 5
)

// figures compares g with the server without stored messages.
func (g *grown) figures(none *grown) []figure {
	empty := medianOf(none.floods, perSecond)
	with := " with " + amount(float64(g.stored)) + " stored"
	out := []figure{figure{Name: "ingest" + with, Value: medianOf(g.floods, perSecond), Unit: "/s", AtLeast: (1 - tolerance) * empty}.of(empty, "/s with none")}
	for i, l := range g.lists {
		empty := rig.Median(slices.Clone(none.times[i]))
		out = append(out, figure{Name: "  " + l.name + ", p50", Value: rig.Median(g.times[i]), Unit: "ms", AtMost: (1+tolerance)*empty + callNoise}.of(empty, "ms with none"))
	}
	return out
}
