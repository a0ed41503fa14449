//go:build !chaos

package crash

// At marks a moment.
func At(string) {}
