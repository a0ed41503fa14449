-- +goose Up
-- How a message is to be delivered where that differs from the usual, as JSON: a
-- row of sends is gone once it is settled, and the message may be tried again.
ALTER TABLE messages ADD COLUMN delivery TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN used_fallback BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE messages ADD COLUMN late_acceptance BOOLEAN NOT NULL DEFAULT FALSE;
-- The provider's ids of earlier attempts, each followed by a space.
ALTER TABLE messages ADD COLUMN former_ids TEXT NOT NULL DEFAULT '';

ALTER TABLE sends ADD COLUMN ordering TEXT NOT NULL DEFAULT 'strict';
ALTER TABLE sends ADD COLUMN windowed BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE sends ADD COLUMN held_since BIGINT NOT NULL DEFAULT 0;
CREATE INDEX sends_scheduled ON sends (due_at) WHERE state = 'scheduled';

ALTER TABLE attempts ADD COLUMN fallback BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE dead_letters (
    message_id  TEXT PRIMARY KEY,
    tenant_id   TEXT NOT NULL,
    channel_id  TEXT NOT NULL,
    at          BIGINT NOT NULL,
    class       TEXT NOT NULL DEFAULT '',
    code        TEXT NOT NULL DEFAULT ''
);
CREATE INDEX dead_letters_recent ON dead_letters (tenant_id, at, message_id);
INSERT INTO dead_letters (message_id, tenant_id, channel_id, at, class, code)
    SELECT id, tenant_id, channel_id, COALESCE(failed_at, updated_at),
        CASE WHEN error = '' THEN '' ELSE COALESCE(error::json->>'class', '') END,
        CASE WHEN error = '' THEN '' ELSE COALESCE(error::json->>'code', '') END
    FROM messages WHERE direction = 'outbound' AND status IN ('failed', 'rejected', 'expired');

-- +goose Down
DROP TABLE dead_letters;
ALTER TABLE attempts DROP COLUMN fallback;
UPDATE sends SET state = 'queued' WHERE state = 'scheduled';
UPDATE sends SET state = 'uncertain' WHERE state = 'manual';
DROP INDEX sends_scheduled;
ALTER TABLE sends DROP COLUMN held_since;
ALTER TABLE sends DROP COLUMN windowed;
ALTER TABLE sends DROP COLUMN ordering;
ALTER TABLE messages DROP COLUMN former_ids;
ALTER TABLE messages DROP COLUMN late_acceptance;
ALTER TABLE messages DROP COLUMN used_fallback;
ALTER TABLE messages DROP COLUMN delivery;
