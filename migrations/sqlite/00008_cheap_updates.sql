-- +goose Up
-- What an index names changes seldom, so that most updates touch no index: the last
-- message of a conversation changes with each one, the status with each report.
ALTER TABLE conversations ADD COLUMN last_minute BIGINT GENERATED ALWAYS AS (last_message_at / 60000000) VIRTUAL;
DROP INDEX conversations_recent;
DROP INDEX conversations_status;
DROP INDEX conversations_assignee;
CREATE INDEX conversations_recent ON conversations (tenant_id, last_minute);
CREATE INDEX conversations_status ON conversations (tenant_id, status, last_minute) WHERE status <> 'open';
CREATE INDEX conversations_assignee ON conversations (tenant_id, assignee_id, last_minute) WHERE assignee_id <> '';

ALTER TABLE messages ADD COLUMN rare BOOLEAN GENERATED ALWAYS AS (status NOT IN ('received', 'sent', 'delivered', 'read')) VIRTUAL;
DROP INDEX messages_rare;
CREATE INDEX messages_rare ON messages (tenant_id, id) WHERE rare;

-- +goose Down
DROP INDEX messages_rare;
ALTER TABLE messages DROP COLUMN rare;
CREATE INDEX messages_rare ON messages (tenant_id, id) WHERE status NOT IN ('received', 'sent', 'delivered', 'read');

DROP INDEX conversations_assignee;
DROP INDEX conversations_status;
DROP INDEX conversations_recent;
ALTER TABLE conversations DROP COLUMN last_minute;
CREATE INDEX conversations_recent ON conversations (tenant_id, last_message_at, id);
CREATE INDEX conversations_status ON conversations (tenant_id, status, last_message_at, id) WHERE status <> 'open';
CREATE INDEX conversations_assignee ON conversations (tenant_id, assignee_id, last_message_at, id) WHERE assignee_id <> '';
