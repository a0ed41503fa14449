// Package simulator is the other side of the wire: a fake WhatsApp Cloud API and
// a fake LINK Mobility, with customers who write, read and answer. It speaks the
// providers' formats over HTTP and knows nothing of our adapters; it was written
// from the providers' documents, so that a misreading on one side shows.
package simulator
