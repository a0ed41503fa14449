-- +goose Up
-- The inbox of a channel: the newest of a quiet one are far behind those of the others.
CREATE INDEX conversations_channel ON conversations (channel_id, last_minute);

-- +goose Down
DROP INDEX conversations_channel;
