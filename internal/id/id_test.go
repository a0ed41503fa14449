package id

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// Vectors from the TypeID specification 0.3, valid.json.
func TestVectors(t *testing.T) {
	tests := []struct{ prefix, typeid, uuid string }{
		{"", "00000000000000000000000000", "00000000-0000-0000-0000-000000000000"},
		{"", "00000000000000000000000001", "00000000-0000-0000-0000-000000000001"},
		{"", "0000000000000000000000000g", "00000000-0000-0000-0000-000000000010"},
		{"", "7zzzzzzzzzzzzzzzzzzzzzzzzz", "ffffffff-ffff-ffff-ffff-ffffffffffff"},
		{"prefix", "prefix_0123456789abcdefghjkmnpqrs", "0110c853-1d09-52d8-d73e-1194e95b5f19"},
		{"prefix", "prefix_01h455vb4pex5vsknk084sn02q", "01890a5d-ac96-774b-bcce-b302099a8057"},
	}
	for _, tt := range tests {
		if got := FromUUID(tt.prefix, uuid.MustParse(tt.uuid)); got != tt.typeid {
			t.Errorf("FromUUID(%s) = %s; want %s", tt.uuid, got, tt.typeid)
		}
		if got, err := UUID(tt.prefix, tt.typeid); err != nil || got.String() != tt.uuid {
			t.Errorf("UUID(%s) = %s, %v; want %s", tt.typeid, got, err, tt.uuid)
		}
	}
}

func TestInvalid(t *testing.T) {
	for _, s := range []string{"", "msg", "msg_", "msg_0123456789abcdefghjkmnpqr", "msg_8zzzzzzzzzzzzzzzzzzzzzzzzz",
		"ch_0123456789abcdefghjkmnpqrs", "msg_0123456789ABCDEFGHJKMNPQRS", "msg_0123456789abcdefghjkmnpqri"} {
		if Valid(Message, s) {
			t.Errorf("%q is taken for a message id", s)
		}
	}
}

func TestRoundTripAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid"))
		got, err := UUID(Message, FromUUID(Message, u))
		if err != nil || got != u {
			t.Fatalf("got %v, %v; want %v", got, err, u)
		}
	})
	last := ""
	for range 10000 {
		s := New(Message)
		if s <= last {
			t.Fatalf("%s does not sort after %s", s, last)
		}
		last = s
	}
}

func TestFloor(t *testing.T) {
	made := New(Journal)
	if before, after := Floor(Journal, time.Now().Add(-time.Second)), Floor(Journal, time.Now().Add(time.Second)); made < before || made > after {
		t.Errorf("%s is not between %s and %s", made, before, after)
	}
}

func TestTime(t *testing.T) {
	before := time.Now().Truncate(time.Millisecond)
	got, err := Time(Message, New(Message))
	if err != nil || got.Before(before) || got.After(time.Now()) {
		t.Errorf("an id of now tells %v, %v; want %v or a little later", got, err, before)
	}
	if _, err := Time(Message, New(Contact)); !errors.Is(err, ErrInvalid) {
		t.Errorf("an id of another kind: %v", err)
	}
}
