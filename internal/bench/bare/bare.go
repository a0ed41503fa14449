package bare

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"
)

// Names in the place of a channel: what becomes of a body that is signed well.
const (
	Check   = "check"   // nothing
	Publish = "publish" // every socket gets it as a frame
)

// FrameBytes is the length of a published frame, about that of Linktor's frame of a
// short text.
const FrameBytes = 1150

// backlog is how many frames may wait to be written.
const backlog = 4096

type server struct {
	secret []byte
	frames chan []byte

	mu    sync.Mutex
	conns []net.Conn
}

// Serve serves on a loopback address, which it prints, until ctx ends. Bodies are
// signed with secret.
func Serve(ctx context.Context, secret string, out io.Writer) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it returns at once
	if err != nil {
		return err
	}
	s := &server{secret: []byte(secret), frames: make(chan []byte, backlog)}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Post("/webhooks/whatsapp/"+Check, s.check)
	app.Post("/webhooks/whatsapp/"+Publish, s.check, s.publish)
	app.Get("/socket", websocket.New(s.serve, websocket.Config{ReadBufferSize: 512, WriteBufferSize: 256})) // as in Linktor
	var writers sync.WaitGroup
	writers.Go(s.write)
	stop := context.AfterFunc(ctx, func() {
		_ = app.Shutdown() // Listener returns what went wrong
	})
	defer stop()
	fmt.Fprintln(out, ln.Addr())
	err = app.Listener(ln)
	close(s.frames)
	writers.Wait()
	return err
}

// check refuses a body without a good signature.
func (s *server) check(c *fiber.Ctx) error {
	given, err := hex.DecodeString(strings.TrimPrefix(c.Get("X-Hub-Signature-256"), "sha256="))
	mac := hmac.New(sha256.New, s.secret)
	mac.Write(c.Body())
	if err != nil || !hmac.Equal(given, mac.Sum(nil)) {
		return fiber.ErrUnauthorized
	}
	if strings.HasSuffix(c.Path(), Publish) {
		return c.Next()
	}
	return nil
}

// publish makes a frame of the body, padded to FrameBytes.
func (s *server) publish(c *fiber.Ctx) error {
	n := max(FrameBytes, len(c.Body()))
	frame := append(make([]byte, 0, n+4), 0x81, 126) // a whole text frame with a length of 16 bits: RFC 6455 section 5.2
	frame = binary.BigEndian.AppendUint16(frame, uint16(n))
	frame = append(frame, c.Body()...)
	for len(frame) < n+4 {
		frame = append(frame, ' ')
	}
	s.frames <- frame
	return nil
}

// write writes each frame to all sockets, a part of them on each processor.
func (s *server) write() {
	parts := runtime.GOMAXPROCS(0)
	for frame := range s.frames {
		s.mu.Lock()
		conns := slices.Clone(s.conns)
		s.mu.Unlock()
		var wg sync.WaitGroup
		for part := range slices.Chunk(conns, max(1, (len(conns)+parts-1)/parts)) {
			wg.Go(func() {
				for _, c := range part {
					_, _ = c.Write(frame) // its reader notices that it has gone
				}
			})
		}
		wg.Wait()
	}
}

// serve keeps a socket until its client goes.
func (s *server) serve(ws *websocket.Conn) {
	conn := ws.NetConn()
	s.mu.Lock()
	s.conns = append(s.conns, conn)
	s.mu.Unlock()
	for err := error(nil); err == nil; {
		_, _, err = ws.NextReader()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = slices.DeleteFunc(s.conns, func(c net.Conn) bool { return c == conn })
}
