-- +goose Up
-- Times are BIGINT microseconds since 1970, UTC. Ids are TypeIDs (prefix_uuidv7).
-- JSON is TEXT: it is stored and returned, never searched.

CREATE TABLE tenants (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE TABLE users (
    id             TEXT PRIMARY KEY,
    tenant_id      TEXT NOT NULL REFERENCES tenants (id),
    email          TEXT NOT NULL,
    name           TEXT NOT NULL,
    role           TEXT NOT NULL,
    password_hash  TEXT NOT NULL DEFAULT '',
    active         BOOLEAN NOT NULL DEFAULT TRUE,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    last_login_at  BIGINT
);
CREATE UNIQUE INDEX users_email ON users (email);
CREATE INDEX users_tenant ON users (tenant_id, id);

CREATE TABLE setup_links (
    token_hash  TEXT PRIMARY KEY,
    tenant_id   TEXT NOT NULL REFERENCES tenants (id),
    user_id     TEXT NOT NULL REFERENCES users (id),
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    used_at     BIGINT
);

CREATE TABLE sessions (
    id             TEXT PRIMARY KEY,
    tenant_id      TEXT NOT NULL REFERENCES tenants (id),
    user_id        TEXT NOT NULL REFERENCES users (id),
    refresh_hash   TEXT NOT NULL,
    previous_hash  TEXT NOT NULL DEFAULT '',
    rotated_at     BIGINT NOT NULL,
    user_agent     TEXT NOT NULL DEFAULT '',
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    revoked_at     BIGINT,
    revoke_reason  TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX sessions_refresh ON sessions (refresh_hash);
CREATE INDEX sessions_previous ON sessions (previous_hash) WHERE previous_hash <> '';
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE api_keys (
    id            TEXT PRIMARY KEY,
    tenant_id     TEXT NOT NULL REFERENCES tenants (id),
    name          TEXT NOT NULL,
    description   TEXT NOT NULL DEFAULT '',
    prefix        TEXT NOT NULL,
    secret_hash   TEXT NOT NULL,
    permissions   TEXT NOT NULL,
    channel_ids   TEXT NOT NULL DEFAULT '[]',
    per_minute    BIGINT NOT NULL,
    per_day       BIGINT NOT NULL,
    active        BOOLEAN NOT NULL DEFAULT TRUE,
    created_by    TEXT NOT NULL DEFAULT '',
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    expires_at    BIGINT,
    last_used_at  BIGINT
);
CREATE UNIQUE INDEX api_keys_hash ON api_keys (secret_hash);
CREATE INDEX api_keys_tenant ON api_keys (tenant_id, id);

CREATE TABLE tickets (
    token_hash  TEXT PRIMARY KEY,
    tenant_id   TEXT NOT NULL,
    principal   TEXT NOT NULL,
    expires_at  BIGINT NOT NULL
);

CREATE TABLE idempotency_keys (
    tenant_id    TEXT NOT NULL,
    key          TEXT NOT NULL,
    fingerprint  TEXT NOT NULL,
    state        TEXT NOT NULL,
    status       BIGINT NOT NULL DEFAULT 0,
    response     TEXT NOT NULL DEFAULT '',
    message_id   TEXT NOT NULL DEFAULT '',
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, key)
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

CREATE TABLE channels (
    id             TEXT PRIMARY KEY,
    tenant_id      TEXT NOT NULL REFERENCES tenants (id),
    type           TEXT NOT NULL,
    name           TEXT NOT NULL,
    enabled        BOOLEAN NOT NULL DEFAULT TRUE,
    settings       TEXT NOT NULL,
    secrets        BYTEA NOT NULL,
    webhook_token  TEXT NOT NULL DEFAULT '',
    on_uncertain   TEXT NOT NULL DEFAULT 'auto',
    throughput     DOUBLE PRECISION NOT NULL DEFAULT 0,
    health         TEXT NOT NULL DEFAULT '{}',
    paused_reason  TEXT NOT NULL DEFAULT '',
    version        BIGINT NOT NULL DEFAULT 1,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    deleted_at     BIGINT
);
CREATE INDEX channels_tenant ON channels (tenant_id, id);

CREATE TABLE templates (
    id                TEXT PRIMARY KEY,
    tenant_id         TEXT NOT NULL,
    channel_id        TEXT NOT NULL REFERENCES channels (id),
    provider_id       TEXT NOT NULL DEFAULT '',
    name              TEXT NOT NULL,
    language          TEXT NOT NULL,
    category          TEXT NOT NULL DEFAULT '',
    status            TEXT NOT NULL DEFAULT '',
    quality           TEXT NOT NULL DEFAULT '',
    rejected_reason   TEXT NOT NULL DEFAULT '',
    parameter_format  TEXT NOT NULL DEFAULT '',
    ttl_seconds       BIGINT NOT NULL DEFAULT 0,
    components        TEXT NOT NULL DEFAULT '[]',
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    synced_at         BIGINT NOT NULL
);
CREATE UNIQUE INDEX templates_name ON templates (channel_id, name, language);
CREATE INDEX templates_tenant ON templates (tenant_id, id);

CREATE TABLE contacts (
    id            TEXT PRIMARY KEY,
    tenant_id     TEXT NOT NULL,
    name          TEXT NOT NULL DEFAULT '',
    profile_name  TEXT NOT NULL DEFAULT '',
    country       TEXT NOT NULL DEFAULT '',
    attributes    TEXT NOT NULL DEFAULT '{}',
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);
CREATE INDEX contacts_tenant ON contacts (tenant_id, id);

CREATE TABLE identities (
    tenant_id     TEXT NOT NULL,
    channel_type  TEXT NOT NULL,
    kind          TEXT NOT NULL,
    value         TEXT NOT NULL,
    contact_id    TEXT NOT NULL,
    raw           TEXT NOT NULL DEFAULT '',
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, channel_type, kind, value)
);
CREATE INDEX identities_contact ON identities (contact_id);

CREATE TABLE optouts (
    tenant_id   TEXT NOT NULL,
    contact_id  TEXT NOT NULL,
    channel_id  TEXT NOT NULL,
    category    TEXT NOT NULL,
    stopped     BOOLEAN NOT NULL,
    at          BIGINT NOT NULL,
    PRIMARY KEY (contact_id, channel_id, category)
);

CREATE TABLE conversations (
    id                 TEXT PRIMARY KEY,
    tenant_id          TEXT NOT NULL,
    channel_id         TEXT NOT NULL,
    contact_id         TEXT NOT NULL,
    status             TEXT NOT NULL,
    assignee_id        TEXT NOT NULL DEFAULT '',
    unread_count       BIGINT NOT NULL DEFAULT 0,
    last_message_id    TEXT NOT NULL DEFAULT '',
    last_message_at    BIGINT NOT NULL,
    last_inbound_at    BIGINT,
    window_expires_at  BIGINT,
    snoozed_until      BIGINT,
    reopened_at        BIGINT,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    resolved_at        BIGINT
);
CREATE UNIQUE INDEX conversations_open ON conversations (channel_id, contact_id) WHERE status <> 'resolved';
CREATE INDEX conversations_recent ON conversations (tenant_id, last_message_at, id);
CREATE INDEX conversations_contact ON conversations (contact_id);

CREATE TABLE conversation_labels (
    conversation_id  TEXT NOT NULL,
    tenant_id        TEXT NOT NULL,
    label            TEXT NOT NULL,
    PRIMARY KEY (conversation_id, label)
);
CREATE INDEX conversation_labels_label ON conversation_labels (tenant_id, label);

CREATE TABLE messages (
    id                   TEXT PRIMARY KEY,
    tenant_id            TEXT NOT NULL,
    channel_id           TEXT NOT NULL,
    conversation_id      TEXT NOT NULL,
    contact_id           TEXT NOT NULL,
    direction            TEXT NOT NULL,
    type                 TEXT NOT NULL,
    status               TEXT NOT NULL,
    content              TEXT NOT NULL,
    from_address         TEXT NOT NULL DEFAULT '',
    to_address           TEXT NOT NULL DEFAULT '',
    provider_message_id  TEXT,
    alt_provider_id      TEXT,
    reply_to_id          TEXT NOT NULL DEFAULT '',
    context              TEXT NOT NULL DEFAULT '',
    metadata             TEXT NOT NULL DEFAULT '{}',
    options              TEXT NOT NULL DEFAULT '{}',
    author               TEXT NOT NULL DEFAULT '',
    author_id            TEXT NOT NULL DEFAULT '',
    reference            TEXT NOT NULL DEFAULT '',
    category             TEXT NOT NULL DEFAULT '',
    error                TEXT NOT NULL DEFAULT '',
    pricing              TEXT NOT NULL DEFAULT '',
    attempt              BIGINT NOT NULL DEFAULT 0,
    possible_duplicate   BOOLEAN NOT NULL DEFAULT FALSE,
    tracking_lost        BOOLEAN NOT NULL DEFAULT FALSE,
    journal_id           TEXT NOT NULL DEFAULT '',
    request_id           TEXT NOT NULL DEFAULT '',
    provider_at          BIGINT,
    created_at           BIGINT NOT NULL,
    updated_at           BIGINT NOT NULL,
    scheduled_at         BIGINT,
    valid_until          BIGINT,
    sent_at              BIGINT,
    delivered_at         BIGINT,
    read_at              BIGINT,
    failed_at            BIGINT,
    deleted_at           BIGINT
);
CREATE UNIQUE INDEX messages_provider ON messages (channel_id, provider_message_id) WHERE provider_message_id IS NOT NULL;
CREATE INDEX messages_alt ON messages (channel_id, alt_provider_id) WHERE alt_provider_id IS NOT NULL;
CREATE INDEX messages_tenant ON messages (tenant_id, id);
CREATE INDEX messages_conversation ON messages (conversation_id, id);

CREATE TABLE message_statuses (
    message_id   TEXT NOT NULL,
    tenant_id    TEXT NOT NULL,
    provider     TEXT NOT NULL,
    at           BIGINT NOT NULL,
    participant  TEXT NOT NULL DEFAULT '',
    status       TEXT NOT NULL,
    applied      BOOLEAN NOT NULL,
    received_at  BIGINT NOT NULL,
    error        TEXT NOT NULL DEFAULT '',
    pricing      TEXT NOT NULL DEFAULT '',
    journal_id   TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (message_id, provider, at, participant)
);

CREATE TABLE parked_statuses (
    channel_id   TEXT NOT NULL,
    provider_id  TEXT NOT NULL,
    provider     TEXT NOT NULL,
    at           BIGINT NOT NULL,
    participant  TEXT NOT NULL DEFAULT '',
    tenant_id    TEXT NOT NULL,
    alt_id       TEXT NOT NULL DEFAULT '',
    message_id   TEXT NOT NULL DEFAULT '',
    payload      TEXT NOT NULL,
    journal_id   TEXT NOT NULL DEFAULT '',
    received_at  BIGINT NOT NULL,
    PRIMARY KEY (channel_id, provider_id, provider, at, participant)
);
CREATE INDEX parked_statuses_age ON parked_statuses (received_at);

CREATE TABLE sends (
    seq          BIGSERIAL PRIMARY KEY,
    message_id   TEXT NOT NULL,
    tenant_id    TEXT NOT NULL,
    channel_id   TEXT NOT NULL,
    contact_id   TEXT NOT NULL,
    state        TEXT NOT NULL,
    priority     BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    valid_until  BIGINT NOT NULL,
    attempt      BIGINT NOT NULL DEFAULT 0,
    tries        BIGINT NOT NULL DEFAULT 0,
    lease_until  BIGINT NOT NULL DEFAULT 0,
    lease_owner  TEXT NOT NULL DEFAULT '',
    on_uncertain TEXT NOT NULL DEFAULT 'auto',
    wait_reason  TEXT NOT NULL DEFAULT '',
    wait_until   BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX sends_message ON sends (message_id);
CREATE INDEX sends_due ON sends (priority, due_at, seq) WHERE state = 'queued';
CREATE INDEX sends_channel ON sends (channel_id, priority, due_at, seq) WHERE state = 'queued';
CREATE INDEX sends_lane ON sends (channel_id, contact_id, seq);
CREATE INDEX sends_lease ON sends (lease_until) WHERE state IN ('sending', 'uncertain');
CREATE INDEX sends_validity ON sends (valid_until);

CREATE TABLE attempts (
    message_id   TEXT NOT NULL,
    attempt      BIGINT NOT NULL,
    tenant_id    TEXT NOT NULL,
    node         TEXT NOT NULL,
    started_at   BIGINT NOT NULL,
    finished_at  BIGINT,
    outcome      TEXT NOT NULL DEFAULT 'open',
    code         TEXT NOT NULL DEFAULT '',
    title        TEXT NOT NULL DEFAULT '',
    detail       TEXT NOT NULL DEFAULT '',
    http_status  BIGINT NOT NULL DEFAULT 0,
    provider_id  TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (message_id, attempt)
);

CREATE TABLE journal (
    id           TEXT PRIMARY KEY,
    tenant_id    TEXT NOT NULL,
    channel_id   TEXT NOT NULL,
    sha256       TEXT NOT NULL,
    state        TEXT NOT NULL,
    problems     TEXT NOT NULL DEFAULT '',
    headers      TEXT NOT NULL DEFAULT '{}',
    body         BYTEA NOT NULL,
    size         BIGINT NOT NULL,
    events       BIGINT NOT NULL DEFAULT 0,
    deliveries   BIGINT NOT NULL DEFAULT 1,
    received_at  BIGINT NOT NULL,
    applied_at   BIGINT,
    last_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX journal_body ON journal (channel_id, sha256);
CREATE INDEX journal_tenant ON journal (tenant_id, id);

CREATE TABLE media (
    id               TEXT PRIMARY KEY,
    tenant_id        TEXT NOT NULL,
    channel_id       TEXT NOT NULL DEFAULT '',
    message_id       TEXT NOT NULL DEFAULT '',
    state            TEXT NOT NULL,
    source           TEXT NOT NULL DEFAULT '{}',
    mime_type        TEXT NOT NULL DEFAULT '',
    filename         TEXT NOT NULL DEFAULT '',
    size             BIGINT NOT NULL DEFAULT 0,
    sha256           TEXT NOT NULL DEFAULT '',
    storage_key      TEXT NOT NULL DEFAULT '',
    tries            BIGINT NOT NULL DEFAULT 0,
    due_at           BIGINT NOT NULL DEFAULT 0,
    error            TEXT NOT NULL DEFAULT '',
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL
);
CREATE INDEX media_due ON media (due_at) WHERE state = 'pending';
CREATE INDEX media_tenant ON media (tenant_id, id);

CREATE TABLE media_uploads (
    media_id     TEXT NOT NULL,
    channel_id   TEXT NOT NULL,
    provider_id  TEXT NOT NULL,
    expires_at   BIGINT NOT NULL,
    PRIMARY KEY (media_id, channel_id)
);

CREATE TABLE event_heads (
    tenant_id  TEXT PRIMARY KEY,
    epoch      TEXT NOT NULL,
    seq        BIGINT NOT NULL,
    oldest     BIGINT NOT NULL DEFAULT 1
);

CREATE TABLE events (
    tenant_id        TEXT NOT NULL,
    seq              BIGINT NOT NULL,
    id               TEXT NOT NULL,
    type             TEXT NOT NULL,
    channel_id       TEXT NOT NULL DEFAULT '',
    conversation_id  TEXT NOT NULL DEFAULT '',
    at               BIGINT NOT NULL,
    data             TEXT NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);

CREATE TABLE leases (
    name        TEXT PRIMARY KEY,
    owner       TEXT NOT NULL,
    until       BIGINT NOT NULL,
    fence       BIGINT NOT NULL DEFAULT 0
);

-- +goose Down
DROP TABLE leases;
DROP TABLE events;
DROP TABLE event_heads;
DROP TABLE media_uploads;
DROP TABLE media;
DROP TABLE journal;
DROP TABLE attempts;
DROP TABLE sends;
DROP TABLE parked_statuses;
DROP TABLE message_statuses;
DROP TABLE messages;
DROP TABLE conversation_labels;
DROP TABLE conversations;
DROP TABLE optouts;
DROP TABLE identities;
DROP TABLE contacts;
DROP TABLE templates;
DROP TABLE channels;
DROP TABLE idempotency_keys;
DROP TABLE tickets;
DROP TABLE api_keys;
DROP TABLE sessions;
DROP TABLE setup_links;
DROP TABLE users;
DROP TABLE tenants;
