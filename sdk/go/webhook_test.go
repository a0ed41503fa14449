package linktor

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

type webhookCase struct {
	Name    string
	Secrets []string
	Headers map[string]string
	Body    string
	Now     int64
	Reason  string
}

func (c *webhookCase) unwrap() (*Event, error) {
	h := http.Header{}
	for name, value := range c.Headers {
		h.Set(name, value)
	}
	return UnwrapAt(time.Unix(c.Now, 0), []byte(c.Body), h, c.Secrets...)
}

func TestUnwrap(t *testing.T) {
	cases := fixture[struct{ Valid, Invalid []webhookCase }](t, "webhooks.json")
	for _, c := range cases.Valid {
		t.Run(c.Name, func(t *testing.T) {
			if e, err := c.unwrap(); err != nil || e.Type != TypeMessageReceived || e.Seq != 41 {
				t.Errorf("got %+v, %v", e, err)
			}
		})
	}
	for _, c := range cases.Invalid {
		t.Run(c.Name, func(t *testing.T) {
			_, err := c.unwrap()
			var e *WebhookError
			if !errors.As(err, &e) || e.Reason != c.Reason || !errors.Is(err, ErrWebhook) {
				t.Errorf("got %v, want %s", err, c.Reason)
			}
		})
	}
}
