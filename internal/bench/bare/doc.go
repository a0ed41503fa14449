// Package bare is the least that a server of this kind can do on this machine: Fiber
// that checks the signature of a body, and sockets that get what was posted, with
// nothing stored. What Linktor does is measured beside it.
package bare
