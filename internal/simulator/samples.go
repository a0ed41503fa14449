package simulator

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
)

// sample is the file that a persona sends when none is given.
func sample(kind string) (data []byte, mime, name string) {
	switch kind {
	case "image":
		return samplePNG(), "image/png", ""
	case "audio", "voice":
		return sampleOpus(), "audio/ogg; codecs=opus", ""
	case "video":
		return sampleMP4(), "video/mp4", ""
	case "sticker":
		return sampleWebP(), "image/webp", ""
	}
	return samplePDF(), "application/pdf", "letter.pdf"
}

// samplePNG is a small landscape: sky, sun and a hill.
func samplePNG() []byte {
	const w, h = 240, 160
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{uint8(120 + y/2), uint8(180 + y/4), 235, 255}
			if dx, dy := x-180, y-40; dx*dx+dy*dy < 400 {
				c = color.NRGBA{255, 214, 90, 255}
			}
			if (x-100)*(x-100)/80 < y-80 {
				c = color.NRGBA{uint8(60 + x/8), 150, 80, 255}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err) // writing to memory does not fail
	}
	return b.Bytes()
}

// sampleOpus is one second of silence: an Ogg stream of Opus packets. Source:
// RFC 3533 (Ogg), RFC 7845 (Opus in Ogg).
func sampleOpus() []byte {
	head := []byte("OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00")
	tags := []byte("OpusTags\x09\x00\x00\x00simulator\x00\x00\x00\x00")
	out := oggPage(nil, 2, 0, 0, [][]byte{head})
	out = oggPage(out, 0, 0, 1, [][]byte{tags})
	frames := make([][]byte, 50) // 20 ms each
	for i := range frames {
		frames[i] = []byte{0xf8, 0xff, 0xfe} // a silent CELT frame
	}
	return oggPage(out, 4, 48_000, 2, frames)
}

func oggPage(out []byte, flags byte, granule uint64, seq uint32, packets [][]byte) []byte {
	p := append([]byte("OggS\x00"), flags)
	p = binary.LittleEndian.AppendUint64(p, granule)
	p = binary.LittleEndian.AppendUint32(p, 0x4c494e4b) // serial number
	p = binary.LittleEndian.AppendUint32(p, seq)
	p = append(p, 0, 0, 0, 0, byte(len(packets)))
	for _, k := range packets {
		p = append(p, byte(len(k))) // all are shorter than 255
	}
	for _, k := range packets {
		p = append(p, k...)
	}
	var crc uint32
	for _, b := range p {
		crc ^= uint32(b) << 24
		for range 8 {
			if crc&0x80000000 != 0 {
				crc = crc<<1 ^ 0x04c11db7
			} else {
				crc <<= 1
			}
		}
	}
	binary.LittleEndian.PutUint32(p[22:], crc)
	return append(out, p...)
}

// sampleMP4 is the empty shell of a video: a file type box and no frames.
func sampleMP4() []byte {
	return []byte("\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42\x00\x00\x00\x08mdat")
}

// sampleWebP is a 512×512 sticker of one colour. With five prefix codes of a
// single symbol the pixels take no bits. Source: WebP lossless bitstream
// specification.
func sampleWebP() []byte {
	var bits []byte
	n := 0
	put := func(v, width int) {
		for i := range width {
			if n%8 == 0 {
				bits = append(bits, 0)
			}
			bits[n/8] |= byte(v>>i&1) << (n % 8)
			n++
		}
	}
	put(511, 14)                                      // width-1
	put(511, 14)                                      // height-1
	put(1, 1)                                         // alpha is used
	put(0, 3)                                         // version
	put(0, 3)                                         // no transform, no colour cache, no meta prefix codes
	for _, symbol := range []int{176, 64, 128, 255} { // green, red, blue, alpha
		put(1, 1) // simple code
		put(0, 1) // one symbol
		put(1, 1) // of eight bits
		put(symbol, 8)
	}
	put(1, 4) // distance: simple, one symbol, of one bit, 0
	chunk := append([]byte{0x2f}, bits...)
	if len(chunk)%2 == 1 {
		chunk = append(chunk, 0)
	}
	out := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(chunk)+12))
	out = binary.LittleEndian.AppendUint32(append(out, "WEBPVP8L"...), uint32(len(chunk)))
	return append(out, chunk...)
}

// samplePDF is a page with one line of text.
func samplePDF() []byte {
	text := "BT /F1 24 Tf 72 720 Td (A letter from a simulated customer) Tj ET"
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(text), text),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	xref := "xref\n0 6\n0000000000 65535 f \n"
	for i, o := range objects {
		xref += fmt.Sprintf("%010d 00000 n \n", b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "%strailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", xref, start)
	return b.Bytes()
}
