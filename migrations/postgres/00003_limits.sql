-- +goose Up
-- Why a queued message waits: wait_limit and wait_used are the numbers of the
-- limit that holds it (0: none), wait_said is the reason that an event last told.
-- refused counts refusals that were about the whole channel: another message
-- finds out whether the channel works again.
ALTER TABLE sends ADD COLUMN wait_limit BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sends ADD COLUMN wait_used BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sends ADD COLUMN wait_said TEXT NOT NULL DEFAULT '';
ALTER TABLE sends ADD COLUMN refused BIGINT NOT NULL DEFAULT 0;
CREATE INDEX sends_waiting ON sends (channel_id, wait_reason, priority, seq) WHERE wait_reason <> '';

-- portfolio names the business whose channels share one messaging tier.
ALTER TABLE channels ADD COLUMN portfolio TEXT NOT NULL DEFAULT '';
ALTER TABLE channels ADD COLUMN tier_preset TEXT NOT NULL DEFAULT '';
ALTER TABLE channels ADD COLUMN tier_policy TEXT NOT NULL DEFAULT 'wait';

ALTER TABLE templates ADD COLUMN paused_until BIGINT NOT NULL DEFAULT 0;

-- What may not be sent for a while. kind channel: everything (key empty);
-- marketing: marketing templates (key empty: to anybody; else to that contact).
CREATE TABLE holds (
    channel_id  TEXT NOT NULL,
    kind        TEXT NOT NULL,
    key         TEXT NOT NULL DEFAULT '',
    tenant_id   TEXT NOT NULL,
    reason      TEXT NOT NULL,
    detail      TEXT NOT NULL DEFAULT '',
    until       BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    PRIMARY KEY (channel_id, kind, key)
);
CREATE INDEX holds_until ON holds (until);

-- The pace of one recipient: used messages went out since window_at; the next
-- is free at free_at, when all of them are paid back.
CREATE TABLE pairs (
    channel_id  TEXT NOT NULL,
    contact_id  TEXT NOT NULL,
    window_at   BIGINT NOT NULL,
    used        BIGINT NOT NULL,
    free_at     BIGINT NOT NULL,
    PRIMARY KEY (channel_id, contact_id)
);
CREATE INDEX pairs_free ON pairs (free_at);

-- The messaging tier. recipients: how many people may be written to first in 24
-- hours; 0: not known, -1: unlimited. used is the number of rows of
-- tier_recipients, whose at is each person's last business-initiated message.
CREATE TABLE tiers (
    scope       TEXT PRIMARY KEY,
    tenant_id   TEXT NOT NULL,
    name        TEXT NOT NULL DEFAULT '',
    recipients  BIGINT NOT NULL DEFAULT 0,
    used        BIGINT NOT NULL DEFAULT 0,
    source      TEXT NOT NULL DEFAULT '',
    updated_at  BIGINT NOT NULL
);
CREATE TABLE tier_recipients (
    scope       TEXT NOT NULL,
    contact_id  TEXT NOT NULL,
    at          BIGINT NOT NULL,
    message_id  TEXT NOT NULL,
    previous    BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (scope, contact_id)
);
CREATE INDEX tier_recipients_at ON tier_recipients (scope, at);

CREATE TABLE breakers (
    channel_id  TEXT PRIMARY KEY,
    tenant_id   TEXT NOT NULL,
    state       TEXT NOT NULL,
    opens       BIGINT NOT NULL DEFAULT 0,
    until       BIGINT NOT NULL DEFAULT 0,
    reason      TEXT NOT NULL DEFAULT '',
    probe       TEXT NOT NULL DEFAULT '',
    at          BIGINT NOT NULL
);

-- What each API key used, per node and interval, so that the day's count
-- outlives Redis.
CREATE TABLE key_usage (
    key_id  TEXT NOT NULL,
    slot    BIGINT NOT NULL,
    n       BIGINT NOT NULL,
    PRIMARY KEY (key_id, slot)
);
CREATE INDEX key_usage_slot ON key_usage (slot);

CREATE TABLE nodes (
    name     TEXT PRIMARY KEY,
    seen_at  BIGINT NOT NULL
);

-- +goose Down
DROP TABLE nodes;
DROP TABLE key_usage;
DROP TABLE breakers;
DROP TABLE tier_recipients;
DROP TABLE tiers;
DROP TABLE pairs;
DROP TABLE holds;
ALTER TABLE templates DROP COLUMN paused_until;
ALTER TABLE channels DROP COLUMN tier_policy;
ALTER TABLE channels DROP COLUMN tier_preset;
ALTER TABLE channels DROP COLUMN portfolio;
DROP INDEX sends_waiting;
ALTER TABLE sends DROP COLUMN refused;
ALTER TABLE sends DROP COLUMN wait_said;
ALTER TABLE sends DROP COLUMN wait_used;
ALTER TABLE sends DROP COLUMN wait_limit;
