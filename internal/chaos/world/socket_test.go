package world

import (
	"context"
	"testing"
	"time"
)

// Ensure that a socket notices each way in which a server could leave something out.
func TestSocketNotices(t *testing.T) {
	ready := frame{Op: "ready", Cursor: "v1.e1.10"}
	event := func(seq, prev int64) frame { return frame{Op: "event", Seq: seq, Prev: prev} }
	tests := []struct {
		name                          string
		frames                        []frame
		seen, gaps, repeats, resets   int
		told                          int64
		reconnects, missingFromTwenty int
	}{
		{"in order", []frame{ready, event(11, 10), event(12, 11)}, 2, 0, 0, 0, 12, 0, 8},
		{"one is missing", []frame{ready, event(11, 10), event(13, 12)}, 1, 1, 0, 0, 11, 0, 9},
		{"one comes twice", []frame{ready, event(11, 10), event(11, 10), event(12, 11)}, 2, 0, 1, 0, 12, 0, 8},
		{"passed over in silence", []frame{ready, event(11, 10), event(15, 11)}, 2, 0, 0, 0, 15, 0, 8},
		{"a mark moves on", []frame{ready, {Op: "mark", Seq: 14, Cursor: "v1.e1.14"}, event(15, 14)}, 1, 0, 0, 0, 15, 0, 9},
		{"a mark goes back", []frame{ready, event(11, 10), {Op: "mark", Seq: 10, Cursor: "v1.e1.10"}}, 1, 1, 0, 0, 11, 0, 9},
		{"an announced gap", []frame{ready, {Op: "reset", To: 14, Cursor: "v1.e1.14"}, event(15, 14)}, 1, 0, 0, 1, 15, 0, 9},
		{"resumed elsewhere", []frame{ready, event(11, 10), {Op: "ready", Cursor: "v1.e1.14"}}, 1, 1, 0, 0, 11, 0, 9},
		{"sent away with another cursor", []frame{ready, event(11, 10), {Op: "reconnect", Cursor: "v1.e1.10"}}, 1, 1, 0, 0, 11, 1, 9},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &socket{}
			for i := range tt.frames {
				if err := s.apply(&tt.frames[i], time.Now()); err != nil {
					break
				}
			}
			if s.seen != tt.seen || s.gaps != tt.gaps || s.repeats != tt.repeats || s.resets != tt.resets || s.told != tt.told || s.warned != tt.reconnects {
				t.Errorf("seen %d, gaps %d, repeats %d, resets %d, told %d, warned %d", s.seen, s.gaps, s.repeats, s.resets, s.told, s.warned)
			}
			sum := (&Fleet{sockets: []*socket{s}}).Look(20)
			if sum.Missing != tt.missingFromTwenty || sum.Gaps != tt.gaps {
				t.Errorf("summed up: %+v", sum)
			}
		})
	}
}

func TestSocketNoticesCut(t *testing.T) {
	s := &socket{}
	s.ended(t.Context())
	if err := s.apply(&frame{Op: "reconnect", Cursor: "v1.e1.0"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	s.ended(t.Context())
	s.ended(t.Context())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.ended(ended) // by us
	if s.cut != 2 {
		t.Errorf("%d connections ended without a word; want 2", s.cut)
	}
}
