package conversations

import (
	"testing"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
)

// A transaction that runs again, here because a message of the body was stored
// before, finds the webhook as it came: files are still to be fetched, references
// still the provider's.
func TestRunAgainFindsTheWebhookAsItCame(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		const phone = "+16505551234"
		b.ingest(b.webhook(1, text("wamid.1", phone, "a", b.clock())))

		image := text("wamid.2", phone, "", b.clock())
		image.Message.Content = channels.Content{Type: channels.TypeImage, Image: &channels.Media{ProviderID: "1003"}}
		reaction := text("wamid.3", phone, "", b.clock())
		reaction.Message.Content = channels.Content{Type: channels.TypeReaction, Reaction: &channels.Reaction{MessageID: "wamid.2", Emoji: "+"}}
		gone := text("wamid.4", phone, "", b.clock())
		gone.Message.Content = channels.Content{Type: channels.TypeSystem, System: &channels.System{Kind: "message_deleted", MessageID: "wamid.2"}}
		if a := b.ingest(b.webhook(2, text("wamid.1", phone, "a", b.clock()), image, reaction, gone)); a.Events != 4 {
			t.Fatalf("applied %+v", a)
		}

		if n := b.count(`SELECT count(*) FROM media JOIN messages ON messages.id = media.message_id WHERE media.state = 'pending'`); n != 1 {
			t.Errorf("%d files to be fetched; want 1", n)
		}
		msgs, err := b.ListMessages(t.Context(), "ten_1", MessageFilter{}, "", 10)
		if err != nil || len(msgs) != 4 {
			t.Fatalf("%d messages, %v", len(msgs), err)
		}
		stored := map[string]Message{}
		for _, m := range msgs {
			stored[m.ProviderID] = m
		}
		want := stored["wamid.2"]
		r, sys := stored["wamid.3"], stored["wamid.4"]
		if r.ReplyToID != want.ID || r.Content.Reaction.MessageID != want.ID || r.Content.Reaction.ProviderMessageID != "wamid.2" {
			t.Errorf("reaction to %s, %+v; want %s", r.ReplyToID, r.Content.Reaction, want.ID)
		}
		if sys.ReplyToID != want.ID || sys.Content.System.ProviderMessageID != "wamid.2" || want.DeletedAt.IsZero() {
			t.Errorf("deleted %s, %+v, at %v; want %s", sys.ReplyToID, sys.Content.System, want.DeletedAt, want.ID)
		}
	})
}
