-- +goose Up
-- Finds what a message's story is told from, without reading whole tables.

-- The exchanges whose time has come, however late their attempt was made.
CREATE INDEX attempts_exchange ON attempts (started_at) WHERE exchange IS NOT NULL;
-- Why the messages of a conversation waited.
CREATE INDEX events_waiting ON events (tenant_id, conversation_id, seq) WHERE type = 'message.waiting';
-- The key under which a message was asked for.
CREATE INDEX idempotency_keys_message ON idempotency_keys (message_id) WHERE message_id <> '';

-- +goose Down
DROP INDEX idempotency_keys_message;
DROP INDEX events_waiting;
DROP INDEX attempts_exchange;
