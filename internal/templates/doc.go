// Package templates keeps what providers know of message templates, and checks a
// message's parameters against its template before a call is spent on it.
//
// The provider is the truth; the rows here are a copy, refreshed by Sync and by
// the provider's webhooks. Where the copy says nothing, because the provider has
// no list or nobody has synced, a message is let through for the provider to judge.
package templates
