package api

import (
	"net/http"
	"strings"
)

const (
	removed = "[removed]"
	// What the journal keeps of a request's header: more than any provider sends
	// with the proxies before us.
	maxKeptHeaders = 32
	maxKeptValue   = 200
)

// transportHeaders say nothing about the sender.
var transportHeaders = map[string]bool{
	"Host": true, "Connection": true, "Content-Length": true, "Accept": true, "Accept-Encoding": true,
	"Transfer-Encoding": true, "Expect": true, "Te": true, "Keep-Alive": true, "Upgrade": true,
}

// secretWords are parts of the names of headers whose values let somebody in, or
// prove something.
var secretWords = []string{"auth", "cookie", "signature", "token", "secret", "key", "password", "session", "credential", "jwt"}

// keptHeaders is what the journal shows of a header: enough to tell the sender,
// no secrets. Proxies may repeat the URL in a header, and with it token, the
// secret of the webhook's path.
func keptHeaders(h http.Header, token string) map[string]string {
	kept := make(map[string]string, len(h))
	for name, values := range h {
		if len(kept) == maxKeptHeaders || transportHeaders[name] || len(values) == 0 || strings.HasPrefix(name, "X-Linktor-") {
			continue
		}
		v := values[0]
		if secretHeader(name) {
			kept[name] = removed
			continue
		}
		if token != "" {
			v = strings.ReplaceAll(v, token, removed)
		}
		kept[name] = v[:min(len(v), maxKeptValue)]
	}
	return kept
}

func secretHeader(name string) bool {
	name = strings.ToLower(name)
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}
