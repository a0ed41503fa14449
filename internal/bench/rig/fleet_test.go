package rig

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"testing"
)

// Frames of every form of length come out as they went in, one after the other.
func TestReadFrame(t *testing.T) {
	var wire []byte
	sizes := []int{0, 125, 126, 5000, 70_000}
	for _, n := range sizes {
		wire = append(wire, 0x80|opText)
		switch {
		case n < 126:
			wire = append(wire, byte(n))
		case n <= 0xffff:
			wire = binary.BigEndian.AppendUint16(append(wire, 126), uint16(n))
		default:
			wire = binary.BigEndian.AppendUint64(append(wire, 127), uint64(n))
		}
		wire = append(wire, bytes.Repeat([]byte{'x'}, n)...)
	}
	r := bufio.NewReaderSize(bytes.NewReader(wire), fleetBuffer)
	for _, n := range sizes {
		op, payload, err := readFrame(r)
		if err != nil || op != opText || len(payload) != n || bytes.Count(payload, []byte{'x'}) != n {
			t.Fatalf("frame of %d bytes: op %d, %d bytes, %v", n, op, len(payload), err)
		}
	}
	if _, _, err := readFrame(r); err == nil {
		t.Error("a frame after the last")
	}
}
