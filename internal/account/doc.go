// Package account knows who may do what: tenants, users and their roles,
// sessions, API keys, one-time setup links and tickets for sockets.
//
// Every credential ends in a Principal, which Authenticate takes from a cache at
// most one second old; so whatever is revoked, disabled or changed stops working
// within two seconds on every node. Nothing that opens a door is stored as it is:
// passwords as argon2id, every other secret as its SHA-256, which suffices
// because those secrets are random and 256 bits long.
//
// Every statement about a tenant's rows names the tenant. A row of another tenant
// is missing, exactly like one that never existed.
package account
