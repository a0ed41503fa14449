-- +goose Up
-- The inbox of a channel: the newest of a quiet one are far behind those of the others.
CREATE INDEX conversations_channel ON conversations (channel_id, last_minute, last_message_at, id);

-- An update writes only the indexes whose columns it changes, and the entries of those
-- who write now are neighbours: lists in the whole order cost less than to sort what
-- happened in the last minute.
DROP INDEX conversations_recent;
DROP INDEX conversations_status;
DROP INDEX conversations_assignee;
CREATE INDEX conversations_recent ON conversations (tenant_id, last_minute, last_message_at, id);
CREATE INDEX conversations_status ON conversations (tenant_id, status, last_minute, last_message_at, id) WHERE status <> 'open';
CREATE INDEX conversations_assignee ON conversations (tenant_id, assignee_id, last_minute, last_message_at, id) WHERE assignee_id <> '';

-- +goose Down
DROP INDEX conversations_channel;
DROP INDEX conversations_recent;
DROP INDEX conversations_status;
DROP INDEX conversations_assignee;
CREATE INDEX conversations_recent ON conversations (tenant_id, last_minute);
CREATE INDEX conversations_status ON conversations (tenant_id, status, last_minute) WHERE status <> 'open';
CREATE INDEX conversations_assignee ON conversations (tenant_id, assignee_id, last_minute) WHERE assignee_id <> '';
