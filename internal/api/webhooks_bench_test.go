package api

import (
	"context"
	"testing"

	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/valyala/fasthttp"
)

type sink struct{}

func (sink) Ingest(context.Context, conversations.Webhook) (conversations.Applied, error) {
	return conversations.Applied{Events: 1}, nil
}

// BenchmarkWebhookIn is what a webhook costs besides its adapter and its commit.
func BenchmarkWebhookIn(b *testing.B) {
	r := newRegistry(b, dbtest.SQLite(b))
	o := newChannel(b, r, "ten_a", "wire")
	s := New(Deps{Auth: credentials{}, Log: quiet(), Resources: Resources{Registry: r, Ingester: sink{}}})
	handler := s.App().Handler()
	b.ReportAllocs()
	for b.Loop() {
		var ctx fasthttp.RequestCtx
		ctx.Request.Header.SetMethod("POST")
		ctx.Request.SetRequestURI("/webhooks/wire/" + o.ID)
		ctx.Request.Header.Set("X-Signature", "hush")
		ctx.Request.SetBodyString(hello)
		handler(&ctx)
		if ctx.Response.StatusCode() != 200 {
			b.Fatal(ctx.Response.String())
		}
	}
}
