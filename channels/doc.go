// Package channels is the vocabulary shared by every messaging provider: what
// came in (Event), what goes out (Outbound), what a message may hold (Content),
// and what an adapter must do (Adapter, Account).
//
// It depends on the standard library only. An adapter lives in a folder of its
// own below this one, imports nothing of ours but this package, and is added to
// the server by one line in channels/all. The suite in channels/channeltest
// tells its author what is missing.
package channels
