// Package egress makes the HTTP client for everything we fetch or call: providers,
// media links, callbacks. Customers choose many of those addresses, so the client
// refuses to connect to anything but the public internet.
//
// The address is checked when the socket is about to connect, after the name was
// resolved; a name that resolves to something else the second time gains nothing.
// No redirect is followed, no proxy is taken from the environment, and every
// refusal is the same ErrRefused, so that a caller cannot map our network by its
// errors. It does not judge what comes back: bound that with Limit or ReadAll.
package egress
