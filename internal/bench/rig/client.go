package rig

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"
)

// Client calls the server over kept connections. It costs little, because it
// shares the machine with what it measures.
type Client struct {
	http *fasthttp.HostClient
	key  string
}

const (
	callTimeout = 30 * time.Second // bounds one request
	idleConn    = 3 * time.Second  // until a connection is given up, before the server does it
)

// NewClient returns a client of the server at addr that uses at most conns
// connections at a time. key may be empty for webhooks.
func NewClient(addr, key string, conns int) *Client {
	return &Client{key: key, http: &fasthttp.HostClient{
		Addr: addr, MaxConns: conns, MaxConnWaitTimeout: callTimeout, ReadTimeout: callTimeout,
		MaxIdleConnDuration: idleConn, NoDefaultUserAgentHeader: true, DisablePathNormalizing: true, MaxIdemponentCallAttempts: 1,
	}}
}

// CloseIdle closes the connections that no request uses, as a client does that
// notices that their server is gone.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }

// Do sends one request; header lists names and values in turn.
func (c *Client) Do(method, path string, body []byte, header ...string) (status int, answer []byte, err error) {
	req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(res)
	req.SetRequestURI("http://" + c.http.Addr + path)
	req.Header.SetMethod(method)
	if c.key != "" {
		req.Header.Set("X-API-Key", c.key)
	}
	if body != nil {
		req.Header.SetContentType("application/json")
		req.SetBodyRaw(body)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if err := c.http.Do(req, res); err != nil {
		return 0, nil, err
	}
	return res.StatusCode(), append([]byte(nil), res.Body()...), nil
}

// Call sends in as JSON and reads the answer, a 2xx, into out; both may be nil.
func (c *Client) Call(method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	status, answer, err := c.Do(method, path, body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if status/100 != 2 {
		return fmt.Errorf("%s %s: %d %s", method, path, status, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// Text is the body of a request that sends a text.
func Text(channelID, to, text string) []byte {
	return fmt.Appendf(nil, `{"channelId":%q,"to":%q,"content":{"type":"text","text":%q}}`, channelID, to, text)
}
