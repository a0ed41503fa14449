package egress

import (
	"fmt"
	"io"
	"net/http"
)

// TooLargeError means that a response has more bytes than its reader allows.
type TooLargeError struct {
	Limit int64 // bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("egress: the response is larger than %d bytes", e.Limit)
}

// LimitedBody returns the body of res, after decompression, as a reader that fails
// with a *TooLargeError instead of giving more than limit bytes. A response that
// announces more fails at the first read. Close closes the body.
func LimitedBody(res *http.Response, limit int64) io.ReadCloser {
	b := &limitedBody{body: res.Body, left: limit, limit: limit}
	if res.ContentLength > limit {
		b.left = -1
	}
	return b
}

type limitedBody struct {
	body  io.ReadCloser
	left  int64 // bytes that may still be given; negative once too large
	limit int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, &TooLargeError{b.limit}
	}
	if int64(len(p)) > b.left+1 { // one more than allowed shows that there is more
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	if int64(n) <= b.left {
		b.left -= int64(n)
		return n, err
	}
	n, b.left = int(b.left), -1
	return n, &TooLargeError{b.limit}
}

func (b *limitedBody) Close() error { return b.body.Close() }

// ReadAll returns the body of res if it has at most limit bytes, and closes it.
func ReadAll(res *http.Response, limit int64) ([]byte, error) {
	body := LimitedBody(res, limit)
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	return data, nil
}
