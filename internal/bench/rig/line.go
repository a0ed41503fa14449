package rig

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Line is one WhatsApp number: a channel of the server and what its webhooks are
// signed with.
type Line struct {
	NumberID, ChannelID string

	secret []byte
	phone  string
}

// NewLine makes a channel whose provider is at baseURL and lets it send up to
// perSecond messages.
func NewLine(c *Client, baseURL string, perSecond float64) (*Line, error) {
	secret := rand.Text()
	n := "2" + digits(14)
	l := &Line{NumberID: n, secret: []byte(secret), phone: "1555" + digits(7)}
	var made struct{ ID string }
	err := c.Call("POST", "/api/v1/channels", map[string]any{
		"type": "whatsapp", "name": "Rig " + n, "throughputPerSecond": perSecond,
		"settings": map[string]string{
			"phoneNumberId": n, "businessAccountId": "1" + n[1:], "accessToken": rand.Text(), "verifyToken": rand.Text(), "appSecret": secret,
			"graphBaseUrl": baseURL, "displayPhoneNumber": l.phone,
		},
	}, &made)
	l.ChannelID = made.ID
	return l, err
}

func digits(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = '0' + b[i]%10
	}
	return string(b)
}

// Path is where the number's webhooks go.
func (l *Line) Path() string { return "/webhooks/whatsapp/" + l.ChannelID }

// Webhook is a signed body.
type Webhook struct {
	IDs       []string // of the messages in it
	MessageID string   // of a report: the server's id of the message that it is about
	Status    string   // of a report: what it says
	Body      []byte
	Signature string
}

// Post delivers w and reports whether the server took it.
func (l *Line) Post(c *Client, w *Webhook) (ok bool, err error) {
	status, _, err := c.Do("POST", l.Path(), w.Body, "X-Hub-Signature-256", w.Signature)
	return status == 200, err
}

// Inbound is a text that a customer writes.
type Inbound struct {
	ID, From, Text string
	At             time.Time
}

// Messages is a webhook with the given texts, as Meta writes them.
func (l *Line) Messages(in ...Inbound) *Webhook {
	w := &Webhook{}
	var contacts, messages []string
	seen := map[string]bool{}
	for _, m := range in {
		w.IDs = append(w.IDs, m.ID)
		if !seen[m.From] {
			seen[m.From] = true
			contacts = append(contacts, fmt.Sprintf(`{"profile":{"name":"Customer %s"},"wa_id":%q}`, m.From[len(m.From)-4:], m.From))
		}
		messages = append(messages, fmt.Sprintf(`{"from":%q,"id":%q,"timestamp":"%d","text":{"body":%q},"type":"text"}`, m.From, m.ID, m.At.Unix(), m.Text))
	}
	return l.sign(w, `"contacts":[`+strings.Join(contacts, ",")+`],"messages":[`+strings.Join(messages, ",")+`]`)
}

// Status is a webhook that reports what became of a message.
func (l *Line) Status(a Accepted, status string, at time.Time) *Webhook {
	id, _, _ := strings.Cut(a.Reference, ".") // an attempt may follow
	return l.sign(&Webhook{MessageID: id, Status: status}, fmt.Sprintf(`"statuses":[{"id":%q,"status":%q,"timestamp":"%d","recipient_id":%q,"biz_opaque_callback_data":%q}]`,
		a.ProviderID, status, at.Unix(), a.To, a.Reference))
}

// Value is a webhook with any members beside those that name the number.
func (l *Line) Value(members string) *Webhook { return l.sign(&Webhook{}, members) }

func (l *Line) sign(w *Webhook, value string) *Webhook {
	w.Body = []byte(`{"object":"whatsapp_business_account","entry":[{"id":"1` + l.NumberID[1:] + `","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"` +
		l.phone + `","phone_number_id":"` + l.NumberID + `"},` + value + `},"field":"messages"}]}]}`)
	mac := hmac.New(sha256.New, l.secret)
	mac.Write(w.Body)
	w.Signature = "sha256=" + hex.EncodeToString(mac.Sum(nil))
	return w
}

// Customer is the number of the n-th customer, as Meta writes it: +1 650 555 and
// so on, numbers that nobody has.
func Customer(n int) string { return fmt.Sprintf("1650%07d", 2_000_000+n) }

// Greet lets n customers write, which opens their windows.
func (l *Line) Greet(c *Client, n int) error {
	const perBody = 50
	for from := 0; from < n; from += perBody {
		var in []Inbound
		for i := from; i < min(n, from+perBody); i++ {
			in = append(in, Inbound{ID: "wamid.HELLO" + rand.Text(), From: Customer(i), Text: "Hello", At: time.Now()})
		}
		ok, err := l.Post(c, l.Messages(in...))
		if err != nil {
			return fmt.Errorf("greeting: %w", err)
		}
		if !ok {
			return errors.New("greeting refused")
		}
	}
	return nil
}
