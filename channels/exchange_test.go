package channels_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/linktor/linktor/channels"
)

func TestExchange(t *testing.T) {
	const token = `EAAG"quoted+token`
	c := channels.NewRedactor("", "abc", "EAAG", token).Capture()
	req, err := http.NewRequest(http.MethodPost, "https://user:pw@graph.example.com/v1/12/messages?appsecret_proof=abcdef&x="+url.QueryEscape(token), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Request(req, []byte(`{"link":"https://files.example.com/a.png?sig=s3cret","text":"abc http://b.example/ und mehr?"}`))
	c.Response(&http.Response{StatusCode: 200, Header: http.Header{"X-Fb-Trace-Id": {"t1"}, "Set-Cookie": {"a=b"}}},
		[]byte(`{"echo":"EAAG\"quoted+token","long":"`+strings.Repeat("é", 5000)+`"}`), nil)
	var sent channels.Sent
	c.Attach(&sent, nil)
	x := sent.Exchange
	if x.URL != "https://graph.example.com/v1/12/messages?[removed]" {
		t.Errorf("URL %s", x.URL)
	}
	if want := `{"link":"https://files.example.com/a.png?[removed]","text":"abc http://b.example/ und mehr?"}`; x.Request != want {
		t.Errorf("request %s", x.Request)
	}
	if !strings.HasPrefix(x.Response, `{"echo":"[removed]","long":"é`) || len(x.Response) > channels.MaxExchange || !strings.HasSuffix(x.Response, "é") {
		t.Errorf("response of %d bytes: %.60s", len(x.Response), x.Response)
	}
	if len(x.Header) != 1 || x.Header["X-Fb-Trace-Id"] != "t1" || x.Status != 200 {
		t.Errorf("%+v", *x)
	}
}

func TestExchangeOfAFailure(t *testing.T) {
	c := channels.NewRedactor("hunter22").Capture()
	fail := &channels.SendError{Class: channels.ClassNotSent}
	var sent channels.Sent
	c.Attach(&sent, fail)
	if fail.Exchange != nil || sent.Exchange != nil {
		t.Error("a call that was never made has a record")
	}
	req, err := http.NewRequest(http.MethodPost, "https://example.com/?p=hunter22", nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Request(req, nil)
	c.Failed(&url.Error{Op: "Post", URL: req.URL.String(), Err: errors.New("connection reset, hunter22")})
	c.Attach(&sent, fail)
	if x := fail.Exchange; x == nil || x.Error != "connection reset, [removed]" || x.Status != 0 {
		t.Errorf("%+v", fail.Exchange)
	}
	var none *channels.Capture
	none.Request(req, nil) // records nothing, and does no harm
	none.Failed(nil)
}

func BenchmarkExchange(b *testing.B) {
	r := channels.NewRedactor(strings.Repeat("EAAG", 50), "0123456789abcdef0123456789abcdef")
	req, err := http.NewRequest(http.MethodPost, "https://graph.facebook.com/v25.0/1234567890/messages", nil)
	if err != nil {
		b.Fatal(err)
	}
	body := []byte(`{"messaging_product":"whatsapp","recipient_type":"individual","to":"+351910000001","type":"text","text":{"body":"` +
		strings.Repeat("words ", 30) + `"},"biz_opaque_callback_data":"msg_01k00000000000000000000001"}`)
	resp := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}, "X-Fb-Trace-Id": {"A1b2C3"}}}
	for b.Loop() {
		c := r.Capture()
		c.Request(req, body)
		c.Response(resp, body, nil)
	}
}
