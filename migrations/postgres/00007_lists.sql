-- +goose Up
-- What lists ask for, so that they do not read the table for what is rare. Those
-- with a condition cost nothing for the rows that it leaves out, which are most.
CREATE INDEX messages_channel ON messages (channel_id, id);
CREATE INDEX messages_rare ON messages (tenant_id, id) WHERE status NOT IN ('received', 'sent', 'delivered', 'read');
CREATE INDEX messages_reference ON messages (tenant_id, reference, id) WHERE reference <> '';

CREATE INDEX conversations_status ON conversations (tenant_id, status, last_message_at, id) WHERE status <> 'open';
CREATE INDEX conversations_assignee ON conversations (tenant_id, assignee_id, last_message_at, id) WHERE assignee_id <> '';

-- By bytes: the order of languages says nothing about beginnings.
CREATE INDEX contacts_name ON contacts (tenant_id, lower(name) COLLATE "C") WHERE name <> '';
CREATE INDEX contacts_profile_name ON contacts (tenant_id, lower(profile_name) COLLATE "C") WHERE profile_name <> '';
CREATE INDEX identities_value ON identities (tenant_id, lower(value) COLLATE "C");

-- +goose Down
DROP INDEX identities_value;
DROP INDEX contacts_profile_name;
DROP INDEX contacts_name;
DROP INDEX conversations_assignee;
DROP INDEX conversations_status;
DROP INDEX messages_reference;
DROP INDEX messages_rare;
DROP INDEX messages_channel;
