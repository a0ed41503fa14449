-- +goose Up
-- A person may have an account in several organisations with one address; and
-- whether an address is taken must not tell an organisation about another.
DROP INDEX users_email;
CREATE UNIQUE INDEX users_email ON users (email, tenant_id);

-- +goose Down
DROP INDEX users_email;
CREATE UNIQUE INDEX users_email ON users (email);
