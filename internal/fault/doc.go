// Package fault classifies errors by what the caller can do about them. One
// place, internal/api/errors.go, turns a fault into a response.
package fault
