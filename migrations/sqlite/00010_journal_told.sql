-- +goose Up
-- Repeats of a body are found by when the provider wrote it and by its hash: new
-- entries of the index are neighbours, those of hashes alone are all over it.
ALTER TABLE journal ADD COLUMN told TEXT NOT NULL DEFAULT '';
DROP INDEX journal_body;
CREATE UNIQUE INDEX journal_body ON journal (channel_id, told, sha256);

-- +goose Down
DROP INDEX journal_body;
CREATE UNIQUE INDEX journal_body ON journal (channel_id, sha256);
ALTER TABLE journal DROP COLUMN told;
