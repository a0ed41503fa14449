-- +goose Up
-- What is told about webhook bodies and attempts, and what makes replays harmless.

-- Only the first bytes of the body are kept: everything in it was applied.
ALTER TABLE journal ADD COLUMN truncated BOOLEAN NOT NULL DEFAULT FALSE;
-- Those that ask for a look are few: found without reading the others.
CREATE INDEX journal_unapplied ON journal (tenant_id, id) WHERE state <> 'applied';

-- What a body led to, written shortly after its commit.
CREATE TABLE journal_results (
    journal_id  TEXT PRIMARY KEY,
    tenant_id   TEXT NOT NULL,
    events      BIGINT NOT NULL,
    first_seq   BIGINT NOT NULL,
    last_seq    BIGINT NOT NULL,
    took        BIGINT NOT NULL
);

-- Changes (of templates, limits, opt-outs) that were applied, so that none is
-- applied twice. They outlive the journal.
CREATE TABLE applied_changes (
    channel_id  TEXT NOT NULL,
    key         TEXT NOT NULL,
    at          BIGINT NOT NULL,
    PRIMARY KEY (channel_id, key)
);
CREATE INDEX applied_changes_at ON applied_changes (at);

-- When the newest change was announced, by the provider's clock.
ALTER TABLE templates ADD COLUMN changed_at BIGINT NOT NULL DEFAULT 0;

-- What was sent and what came back, sealed.
ALTER TABLE attempts ADD COLUMN exchange BYTEA;

-- +goose Down
ALTER TABLE attempts DROP COLUMN exchange;
ALTER TABLE templates DROP COLUMN changed_at;
DROP TABLE applied_changes;
DROP TABLE journal_results;
DROP INDEX journal_unapplied;
ALTER TABLE journal DROP COLUMN truncated;
