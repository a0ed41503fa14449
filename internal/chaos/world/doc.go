// Package world is what a scenario of internal/chaos happens in: servers as real
// processes on databases of their own, PostgreSQL and Redis behind proxies that can
// be cut, a fake provider that obeys a plan and keeps a ledger, a load of customers
// and of an app, sockets that check every frame, and an audit that compares the four
// ledgers: what clients were told, what the database holds, what the provider took,
// and what subscribers saw.
package world
