package linktor

import (
	"context"
	"time"
)

// asking is what one method asks for, and with what it is answered.
type asking struct {
	want, answer string
	do           func(ctx context.Context, c *Client) error
}

// drop adapts a call that returns a value.
func drop[T any](_ T, err error) error { return err }

// messageCalls are about messages and dead letters.
func messageCalls() []asking {
	return []asking{
		{"GET /api/v1/messages/msg_1", "answers/message_detail.json", func(ctx context.Context, c *Client) error { return drop(c.Messages.Get(ctx, "msg_1")) }},
		{`POST /api/v1/messages/msg_1/read {"typing":true}`, "answers/message.json", func(ctx context.Context, c *Client) error { return c.Messages.MarkRead(ctx, "msg_1", true) }},
		{"GET /api/v1/messages/msg_1/trace", "answers/message_trace.json", func(ctx context.Context, c *Client) error { return drop(c.Messages.Trace(ctx, "msg_1")) }},
		{"POST /api/v1/messages/msg_1/cancel {}", "answers/message.json", func(ctx context.Context, c *Client) error { return drop(c.Messages.Cancel(ctx, "msg_1")) }},
		{"POST /api/v1/messages/msg_1/retry {}", "answers/message_retry.json", func(ctx context.Context, c *Client) error { return drop(c.Messages.Retry(ctx, "msg_1")) }},
		{`POST /api/v1/messages/msg_1/settle {"outcome":"sent","providerMessageId":"wamid.1"}`, "answers/message.json", func(ctx context.Context, c *Client) error {
			return drop(c.Messages.Settle(ctx, "msg_1", Settlement{Outcome: "sent", ProviderMessageID: "wamid.1"}))
		}},
		{"GET /api/v1/dead-letters?channelId=ch_1&class=recipient&code=131026&to=2026-11-21T10%3A00%3A00Z", "pages/dead_letters.json", func(ctx context.Context, c *Client) error {
			return drop(c.DeadLetters.List(ctx, DeadLetterFilter{ChannelID: "ch_1", Code: "131026", Class: "recipient", To: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}))
		}},
		{`POST /api/v1/dead-letters/replay {"channelId":"ch_1","limit":500}`, "answers/dead_letter_replay.json", func(ctx context.Context, c *Client) error {
			return drop(c.DeadLetters.Replay(ctx, DeadLetterReplay{ChannelID: "ch_1", Limit: 500}))
		}},
	}
}

// peopleCalls are about conversations and contacts.
func peopleCalls() []asking {
	name := "Ada"
	return []asking{
		{"GET /api/v1/conversations?label=vip&status=open", "pages/conversations.json", func(ctx context.Context, c *Client) error {
			return drop(c.Conversations.List(ctx, ConversationFilter{Status: "open", Label: "vip"}))
		}},
		{"GET /api/v1/conversations/conv_1", "answers/conversation.json", func(ctx context.Context, c *Client) error { return drop(c.Conversations.Get(ctx, "conv_1")) }},
		{`PATCH /api/v1/conversations/conv_1 {"labels":[]}`, "answers/conversation.json", func(ctx context.Context, c *Client) error {
			return drop(c.Conversations.Update(ctx, "conv_1", ConversationUpdate{Labels: &[]string{}}))
		}},
		{"POST /api/v1/conversations/conv_1/read {}", "answers/conversation.json", func(ctx context.Context, c *Client) error { return drop(c.Conversations.MarkRead(ctx, "conv_1")) }},
		{"GET /api/v1/conversations/conv_1/messages?limit=5", "pages/messages_2.json", func(ctx context.Context, c *Client) error {
			return drop(c.Conversations.Messages(ctx, "conv_1", Paging{Limit: 5}))
		}},
		{"GET /api/v1/contacts?q=ada", "pages/contacts.json", func(ctx context.Context, c *Client) error { return drop(c.Contacts.List(ctx, ContactFilter{Q: "ada"})) }},
		{"GET /api/v1/contacts/cont_1", "answers/contact.json", func(ctx context.Context, c *Client) error { return drop(c.Contacts.Get(ctx, "cont_1")) }},
		{`POST /api/v1/contacts {"name":"Ada"}`, "answers/contact.json", func(ctx context.Context, c *Client) error {
			return drop(c.Contacts.Create(ctx, ContactParams{Name: &name}))
		}},
		{`PATCH /api/v1/contacts/cont_1 {"name":"Ada"}`, "answers/contact.json", func(ctx context.Context, c *Client) error {
			return drop(c.Contacts.Update(ctx, "cont_1", ContactParams{Name: &name}))
		}},
	}
}

// channelCalls are about channels, their templates, and media.
func channelCalls() []asking {
	return []asking{
		{"GET /api/v1/channels", "pages/channels.json", func(ctx context.Context, c *Client) error { return drop(c.Channels.List(ctx, Paging{})) }},
		{"GET /api/v1/channels/ch%2F..", "answers/channel.json", func(ctx context.Context, c *Client) error { return drop(c.Channels.Get(ctx, "ch/..")) }},
		{`POST /api/v1/channels {"type":"whatsapp","name":"Shop"}`, "answers/channel.json", func(ctx context.Context, c *Client) error {
			return drop(c.Channels.Create(ctx, ChannelParams{Type: "whatsapp", Name: "Shop"}))
		}},
		{`PATCH /api/v1/channels/ch_1 {"name":"Shop"}`, "answers/channel.json", func(ctx context.Context, c *Client) error {
			return drop(c.Channels.Update(ctx, "ch_1", ChannelParams{Name: "Shop"}))
		}},
		{"DELETE /api/v1/channels/ch_1", "", func(ctx context.Context, c *Client) error { return c.Channels.Delete(ctx, "ch_1") }},
		{"POST /api/v1/channels/ch_1/enable {}", "answers/channel.json", func(ctx context.Context, c *Client) error { return drop(c.Channels.Enable(ctx, "ch_1")) }},
		{"POST /api/v1/channels/ch_1/disable {}", "answers/channel.json", func(ctx context.Context, c *Client) error { return drop(c.Channels.Disable(ctx, "ch_1")) }},
		{"POST /api/v1/channels/ch_1/verify {}", "answers/health.json", func(ctx context.Context, c *Client) error { return drop(c.Channels.Verify(ctx, "ch_1")) }},
		{"GET /api/v1/channels/ch_1/limits", "answers/channel_limits.json", func(ctx context.Context, c *Client) error { return drop(c.Channels.Limits(ctx, "ch_1")) }},
		{"GET /api/v1/channel-types", "answers/channel_types.json", func(ctx context.Context, c *Client) error { return drop(c.Channels.Types(ctx)) }},
		{"GET /api/v1/channels/ch_1/templates?status=APPROVED", "pages/templates.json", func(ctx context.Context, c *Client) error {
			return drop(c.Templates.List(ctx, "ch_1", TemplateFilter{Status: "APPROVED"}))
		}},
		{"GET /api/v1/channels/ch_1/templates/tmpl_1", "answers/template.json", func(ctx context.Context, c *Client) error { return drop(c.Templates.Get(ctx, "ch_1", "tmpl_1")) }},
		{`POST /api/v1/channels/ch_1/templates {"name":"a"}`, "answers/template.json", func(ctx context.Context, c *Client) error {
			return drop(c.Templates.Create(ctx, "ch_1", TemplateParams{Name: "a"}))
		}},
		{`PATCH /api/v1/channels/ch_1/templates/tmpl_1 {"ttlSeconds":60}`, "answers/template.json", func(ctx context.Context, c *Client) error {
			return drop(c.Templates.Update(ctx, "ch_1", "tmpl_1", TemplateParams{TTLSeconds: 60}))
		}},
		{"DELETE /api/v1/channels/ch_1/templates/tmpl_1", "", func(ctx context.Context, c *Client) error { return c.Templates.Delete(ctx, "ch_1", "tmpl_1") }},
		{"POST /api/v1/channels/ch_1/templates/sync {}", "answers/template_sync.json", func(ctx context.Context, c *Client) error { return drop(c.Templates.Sync(ctx, "ch_1")) }},
		{"GET /api/v1/media/med_1", "answers/media.json", func(ctx context.Context, c *Client) error { return drop(c.Media.Get(ctx, "med_1")) }},
		{"DELETE /api/v1/channels/missing-id", "", func(ctx context.Context, c *Client) error { return c.Channels.Delete(ctx, "") }},
	}
}

// journalCalls are about the journal and events.
func journalCalls() []asking {
	return []asking{
		{"GET /api/v1/journal?state=failed", "pages/empty.json", func(ctx context.Context, c *Client) error {
			return drop(c.Journal.List(ctx, JournalFilter{State: "failed"}))
		}},
		{"GET /api/v1/journal?channelId=ch_1&from=2026-11-21T10%3A00%3A00Z&messageId=msg_1&state=partial%2Cfailed", "pages/empty.json", func(ctx context.Context, c *Client) error {
			return drop(c.Journal.List(ctx, JournalFilter{ChannelID: "ch_1", State: "partial,failed", From: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC), MessageID: "msg_1"}))
		}},
		{`POST /api/v1/journal/replay {"channelId":"ch_1","state":"failed","limit":500}`, "answers/journal_replay.json", func(ctx context.Context, c *Client) error {
			return drop(c.Journal.ReplayRange(ctx, JournalRange{ChannelID: "ch_1", State: "failed", Limit: 500}))
		}},
		{"GET /api/v1/journal/jrn_1", "answers/journal_entry.json", func(ctx context.Context, c *Client) error { return drop(c.Journal.Get(ctx, "jrn_1")) }},
		{"POST /api/v1/journal/jrn_1/replay {}", "answers/journal_entry.json", func(ctx context.Context, c *Client) error { return drop(c.Journal.Replay(ctx, "jrn_1")) }},
		{"GET /api/v1/events?after=v1.e5f1.40&types=message.received%2Cmessage.status", "pages/events.json", func(ctx context.Context, c *Client) error {
			return drop(c.Events.List(ctx, EventFilter{Paging: Paging{After: "v1.e5f1.40"}, Types: []string{TypeMessageReceived, TypeMessageStatus}}))
		}},
	}
}
