package conversations

import (
	"context"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/dbtest"
	"github.com/linktor/linktor/internal/fault"
)

// Nobody is given a conversation while they are being deleted: they would keep it.
func TestAssignToWhoLeaves(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		b := newBench(t, d)
		b.open(ada)
		list, err := b.ListConversations(t.Context(), "ten_1", ConversationFilter{}, time.Time{}, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		agent, done := "user_1", make(chan error, 1)
		b.user(agent)
		err = d.InTx(t.Context(), func(tx *db.Tx) error {
			if _, err := tx.ExecContext(t.Context(), `DELETE FROM users WHERE id = $1`, agent); err != nil {
				return err
			}
			if err := Unassign(t.Context(), tx, "ten_1", agent, b.clock()); err != nil {
				return err
			}
			go func() {
				_, err := b.UpdateConversation(context.WithoutCancel(t.Context()), "ten_1", list[0].ID, ConversationPatch{AssigneeID: &agent})
				done <- err
			}()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-done; fault.KindOf(err) != fault.Invalid {
			t.Errorf("given to who is gone: %v", err)
		}
		if n := b.count(`SELECT count(*) FROM conversations WHERE assignee_id <> ''`); n != 0 {
			t.Error("the conversation is with somebody who is gone")
		}
	})
}
