package channeltest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/linktor/linktor/channels"
)

// exchange checks that a send is recorded with its answer, whatever that is, and
// that the record holds no secret: the provider here repeats everything it got.
func (s Suite) exchange(t *testing.T) {
	var got struct{ header, body string }
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what came is the point
		var header strings.Builder
		_ = r.Header.Write(&header) // to memory
		got.header, got.body = header.String(), string(body)
		w.Header().Set("X-Request-Id", "support-1")
		w.Header().Set("Www-Authenticate", strings.ReplaceAll(got.header, "\r\n", " "))
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, "%s\n%s%s", r.URL, header.String(), body)
	}))
	defer srv.Close()
	sent, err := s.Open(t, srv.URL).Send(context.Background(), s.Outbound[0])
	x := record(t, sent, err)
	if x.Method != http.MethodPost || !strings.HasPrefix(x.URL, srv.URL) || x.Status != http.StatusBadRequest || x.Header["X-Request-Id"] != "support-1" {
		t.Errorf("%+v does not tell the call", *x)
	}
	if x.Request == "" || x.Response == "" || len(x.Request) > channels.MaxExchange || len(x.Response) > channels.MaxExchange {
		t.Errorf("bodies of %d and %d bytes", len(x.Request), len(x.Response))
	}
	all := fmt.Sprint(x.URL, x.Request, x.Response, x.Header, x.Error)
	for _, f := range s.Adapter.Describe().Settings {
		if v, ok := s.Settings[f.Key].(string); ok && f.Secret() && v != "" && strings.Contains(all, v) {
			t.Errorf("the exchange holds the secret %s: %s", f.Key, all)
		}
	}
	for line := range strings.Lines(got.header) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		scheme, credential, found := strings.Cut(value, " ")
		if strings.EqualFold(name, "Authorization") && found && strings.Contains(all, credential) {
			t.Errorf("the exchange holds the %s credential", scheme)
		}
	}
	if strings.Contains(fmt.Sprint(x), got.body) || strings.Contains(fmt.Sprint(err), got.body) {
		t.Error("a log line would hold the message")
	}
}

// record returns the exchange of a send, however it ended.
func record(t testing.TB, sent channels.Sent, err error) *channels.Exchange {
	t.Helper()
	x := sent.Exchange
	if e, ok := errors.AsType[*channels.SendError](err); ok {
		x = e.Exchange
	}
	if x == nil {
		t.Fatal("the call was not recorded")
	}
	return x
}
