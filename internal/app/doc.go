// Package app wires the server together and runs it from start to clean stop. It
// is the only package that knows all the others.
package app
