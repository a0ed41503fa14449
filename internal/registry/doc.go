// Package registry keeps the configured channels of all tenants: their settings,
// their sealed secrets, and the account that an adapter opens from both.
//
// Lookup is on the path of every webhook and every send. It answers from memory
// and asks the database for a channel's version at most about once a second, so
// that a change made on one node works on all of them within that time. While the
// database is away it goes on with what it knows: a webhook can then still be
// verified, and spooled.
package registry
