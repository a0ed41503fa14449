package whatsapp

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/channels"
)

const (
	// maxAnswer bounds what is read of an API answer, in bytes. A send is answered
	// in a few hundred.
	maxAnswer = 64 << 10
	// maxListAnswer bounds a page of templates, which carry their definitions.
	maxListAnswer = 8 << 20
	// callTimeout applies when the server lends no client of its own.
	callTimeout = 30 * time.Second
)

// graph calls the Graph API.
type graph struct {
	client *http.Client
	base   string // with the version, without a slash at the end
	host   string // of base: where the token may go
	token  string
	proof  string // appsecret_proof, or ""
	redact *channels.Redactor
}

func newGraph(s settings, client *http.Client) graph {
	if client == nil {
		client = &http.Client{
			Timeout:       callTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	g := graph{client: client, base: s.GraphBaseURL + "/" + s.GraphVersion, token: s.AccessToken}
	if u, err := url.Parse(s.GraphBaseURL); err == nil { // checked by settings
		g.host = u.Host
	}
	if s.UseAppSecretProof {
		g.proof = appSecretProof(s.AppSecret, s.AccessToken)
	}
	g.redact = channels.NewRedactor(s.AccessToken, s.AppSecret, s.PreviousAppSecret, s.VerifyToken, g.proof)
	return g
}

// appSecretProof is the hex HMAC-SHA256 of the token under the app secret.
// Source: Meta, "Secure Graph API calls".
func appSecretProof(secret, token string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(token))
	return hex.EncodeToString(mac.Sum(nil))
}

// request is one call.
type request struct {
	method string
	path   string // below the version, e.g. "/1234/messages"
	query  url.Values
	body   []byte
	stream io.Reader // instead of body: size bytes
	size   int64
	kind   string            // content type of body or stream
	limit  int64             // of the answer; maxAnswer if 0
	record *channels.Capture // nil: nobody will ask
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	cut    bool // the body was longer than the limit
}

// call makes one HTTP request. An error is a *channels.SendError that tells
// whether anything was written; an answer of any status is no error.
func (g *graph) call(ctx context.Context, r request) (*answer, error) {
	var written atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// The transport asks again only if it knows that nothing was processed.
		GetConn:      func(string) { written.Store(false) },
		WroteHeaders: func() { written.Store(true) },
		WroteRequest: func(httptrace.WroteRequestInfo) { written.Store(true) },
	})
	var content io.Reader = bytes.NewReader(r.body)
	if r.stream != nil {
		content = r.stream
	}
	req, err := http.NewRequestWithContext(ctx, r.method, g.url(r), content)
	if err != nil {
		return nil, transportError(err, false)
	}
	req.Header.Set("Authorization", "Bearer "+g.token)
	req.Header.Set("Accept", "application/json")
	if r.kind != "" {
		req.Header.Set("Content-Type", r.kind)
	}
	if r.stream != nil {
		req.ContentLength = r.size
	}
	r.record.Request(req, r.body)
	resp, err := g.client.Do(req)
	if err != nil {
		r.record.Failed(err)
		return nil, transportError(err, written.Load())
	}
	defer resp.Body.Close()
	limit := r.limit
	if limit == 0 {
		limit = maxAnswer
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	r.record.Response(resp, body, err)
	if err != nil {
		return nil, transportError(err, true)
	}
	a := &answer{status: resp.StatusCode, header: resp.Header, body: body}
	if int64(len(body)) > limit {
		a.body, a.cut = body[:limit], true
	}
	return a, nil
}

func (g *graph) url(r request) string {
	q := r.query
	if g.proof != "" {
		if q == nil {
			q = url.Values{}
		}
		q.Set("appsecret_proof", g.proof)
	}
	if len(q) == 0 {
		return g.base + r.path
	}
	return g.base + r.path + "?" + q.Encode()
}

// transportError drops the URL from err: it may hold the app secret proof.
func transportError(err error, written bool) *channels.SendError {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	e := &channels.SendError{
		Class: channels.ClassNotSent, Code: "not_sent", Title: "Meta could not be reached",
		Action: "Nothing left this server; a message is sent again by itself. If it lasts, check the network and the Graph API URL.",
		Err:    err,
	}
	if written {
		e.Class, e.Code, e.Title = channels.ClassUncertain, "no_answer", "No answer from Meta"
		e.Action = "The request was sent but not answered, so the message may arrive. A status from Meta will tell."
	}
	return e
}

// json makes a call and decodes a good answer into out, which may be nil.
func (g *graph) json(ctx context.Context, r request, in, out any) error {
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("whatsapp: encode request: %w", err)
		}
		r.body, r.kind = body, "application/json"
	}
	a, err := g.call(ctx, r)
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return a.refusal()
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(a.body, out); err != nil || a.cut {
		return unreadable(a.status)
	}
	return nil
}
