package simulator

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// delivery is one webhook on its way, perhaps for the tenth time.
type delivery struct {
	line  *line
	body  []byte
	first time.Time
	wait  time.Duration // before the next attempt
}

// post delivers body to the line's webhook URL, once per configured copy. What
// is not answered 200 is repeated later by the scheduler, unless the provider
// promises no repeats.
func (s *Simulator) post(ctx context.Context, l *line, body []byte) {
	for range max(1, s.Behaviour().Copies) {
		s.attempt(ctx, &delivery{line: l, body: body, first: time.Now(), wait: s.opt.RetryFirst})
	}
}

func (s *Simulator) attempt(ctx context.Context, d *delivery) {
	if ctx.Err() != nil {
		return
	}
	status, err := s.call(ctx, d)
	if err == nil && status == http.StatusOK {
		s.count.webhooks.Add(1)
		return
	}
	s.count.webhookErrors.Add(1)
	repeats := d.line.kind == KindWhatsApp || s.opt.RetryLink
	if !repeats || time.Since(d.first)+d.wait > s.opt.RetryFor {
		s.count.webhookGaveUp.Add(1)
		s.opt.Logger.WarnContext(ctx, "simulator: webhook given up", "kind", d.line.kind, "status", status, "error", err)
		return
	}
	s.opt.Logger.DebugContext(ctx, "simulator: webhook will be repeated", "kind", d.line.kind, "status", status, "in", d.wait)
	wait := d.wait
	d.wait = min(2*d.wait, s.opt.RetryMax)
	s.after(wait, func(ctx context.Context) { s.attempt(ctx, d) })
}

func (s *Simulator) call(ctx context.Context, d *delivery) (int, error) {
	target := d.line.wa.WebhookURL
	if d.line.kind == KindLink {
		target = d.line.link.CallbackURL
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(d.body))
	if err != nil {
		return 0, fmt.Errorf("webhook request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	s.prove(req, d)
	resp, err := s.opt.Client.Do(req)
	if err != nil {
		return 0, err
	}
	// Read to the end so that the connection is used again; the body means nothing.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, resp.Body.Close()
}

// prove adds what shows the sender: Meta's signature over the raw body, or the
// Basic credentials that LINK support set on the gate.
func (s *Simulator) prove(req *http.Request, d *delivery) {
	wrong := s.Behaviour().BadSignature
	if d.line.kind == KindLink {
		if a := d.line.link; a.BasicUser != "" {
			pass := a.BasicPass
			if wrong {
				pass += "x"
			}
			req.SetBasicAuth(a.BasicUser, pass)
		}
		return
	}
	secret := d.line.wa.AppSecret
	if wrong {
		secret += "x"
	}
	req.Header.Set("X-Hub-Signature-256", Sign(secret, d.body))
	req.Header.Set("User-Agent", "facebookexternalua")
}

// Sign returns the value of X-Hub-Signature-256: "sha256=" and the hex
// HMAC-SHA256 of the raw body under the app secret. Source: Meta, Graph API
// webhooks, "Validating payloads".
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// Handshake does what Meta does when a webhook URL is set: a GET with a
// challenge. It returns an error that says what was wrong with the answer.
func (s *Simulator) Handshake(ctx context.Context, number string) error {
	l := s.line(number)
	if l == nil || l.kind != KindWhatsApp {
		return fmt.Errorf("simulator: no WhatsApp number %q", number)
	}
	challenge := randomDigits(10)
	q := url.Values{"hub.mode": {"subscribe"}, "hub.challenge": {challenge}, "hub.verify_token": {l.wa.VerifyToken}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.wa.WebhookURL+"?"+q.Encode(), nil)
	if err != nil {
		return fmt.Errorf("simulator: handshake: %w", err)
	}
	resp, err := s.opt.Client.Do(req)
	if err != nil {
		return fmt.Errorf("simulator: handshake: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return fmt.Errorf("simulator: handshake: %w", err)
	}
	if resp.StatusCode != http.StatusOK || string(body) != challenge {
		return fmt.Errorf("simulator: handshake: HTTP %d, challenge not returned", resp.StatusCode)
	}
	return nil
}

// metaJSON writes v the way Meta does: other than ASCII as \uXXXX and slashes
// escaped, which is why a signature must be checked over the bytes received.
func metaJSON(v any) []byte {
	plain, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("simulator: %v", err)) // our own types always marshal
	}
	return escapeJSON(plain)
}

func escapeJSON(plain []byte) []byte {
	out := make([]byte, 0, len(plain)+len(plain)/8)
	for i := 0; i < len(plain); {
		c := plain[i]
		switch {
		case c == '/' && (i == 0 || plain[i-1] != '\\'):
			out = append(out, '\\', '/')
			i++
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			r, n := utf8.DecodeRune(plain[i:])
			i += n
			if r1, r2 := utf16.EncodeRune(r); r1 != utf8.RuneError {
				out = fmt.Appendf(out, `\u%04x\u%04x`, r1, r2)
			} else {
				out = fmt.Appendf(out, `\u%04x`, r)
			}
		}
	}
	return out
}
