// Package api serves Linktor over HTTP: the REST API below /api/v1, the webhooks
// that providers call, stored media and the endpoints that operators need.
//
// Every route is registered by route or raw, which demand an access rule, so a
// route without one cannot exist. Handlers are plain Go: they take a typed input
// and return a typed output or an error. One place, errors.go, turns an error
// into an RFC 9457 problem; nothing that a caller sent is ever echoed there.
package api
