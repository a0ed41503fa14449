-- +goose Up
-- PostgreSQL touches no index, and needs no vacuum afterwards, when an update changes
-- no column that an index names and its page has room for the new version. These
-- columns change seldom, unlike those that they are made from: the last message of a
-- conversation with each message, the status of a message with each report.
-- Adding them rewrites both tables, which are locked meanwhile.
ALTER TABLE conversations ADD COLUMN last_minute BIGINT GENERATED ALWAYS AS (last_message_at / 60000000) STORED;
DROP INDEX conversations_recent;
DROP INDEX conversations_status;
DROP INDEX conversations_assignee;
CREATE INDEX conversations_recent ON conversations (tenant_id, last_minute);
CREATE INDEX conversations_status ON conversations (tenant_id, status, last_minute) WHERE status <> 'open';
CREATE INDEX conversations_assignee ON conversations (tenant_id, assignee_id, last_minute) WHERE assignee_id <> '';
ALTER TABLE conversations SET (fillfactor = 80);

ALTER TABLE messages ADD COLUMN rare BOOLEAN GENERATED ALWAYS AS (status NOT IN ('received', 'sent', 'delivered', 'read')) STORED;
DROP INDEX messages_rare;
CREATE INDEX messages_rare ON messages (tenant_id, id) WHERE rare;
ALTER TABLE messages SET (fillfactor = 90);

-- +goose Down
ALTER TABLE messages RESET (fillfactor);
DROP INDEX messages_rare;
ALTER TABLE messages DROP COLUMN rare;
CREATE INDEX messages_rare ON messages (tenant_id, id) WHERE status NOT IN ('received', 'sent', 'delivered', 'read');

ALTER TABLE conversations RESET (fillfactor);
DROP INDEX conversations_assignee;
DROP INDEX conversations_status;
DROP INDEX conversations_recent;
ALTER TABLE conversations DROP COLUMN last_minute;
CREATE INDEX conversations_recent ON conversations (tenant_id, last_message_at, id);
CREATE INDEX conversations_status ON conversations (tenant_id, status, last_message_at, id) WHERE status <> 'open';
CREATE INDEX conversations_assignee ON conversations (tenant_id, assignee_id, last_message_at, id) WHERE assignee_id <> '';
