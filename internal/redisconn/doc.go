// Package redisconn opens the Redis that carries hints, limits and doorbells: a
// server, a Sentinel group or a Cluster named by a URL, or one inside the process.
// Nothing in it is needed again: it may be emptied at any time.
package redisconn
