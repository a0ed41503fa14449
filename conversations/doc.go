// Package conversations holds contacts and their identities, conversations and
// messages: their types, the rules of their states, and the SQL that keeps them.
//
// Three things write here, each as sets of rows in transactions shared by many
// callers: Ingest applies provider webhooks, Queue accepts messages to send, and
// ClaimSends with RecordSends drives delivery. Each change and the event that
// announces it commit together. Providers are never called from this package.
package conversations
