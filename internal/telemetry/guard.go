package telemetry

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// Guard lets h serve whoever presents token as a bearer token. With an empty token
// it serves this machine only, and no request that a proxy here passed on.
func Guard(h http.Handler, token string) http.Handler {
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token == "" {
			if !local(r) {
				http.Error(w, "Set metrics_token and present it as a bearer token.", http.StatusForbidden)
				return
			}
			h.ServeHTTP(w, r)
			return
		}
		given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		got := sha256.Sum256([]byte(given)) // equal lengths make the comparison take equal time
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="metrics"`)
			http.Error(w, "A bearer token is needed: metrics_token of the settings.", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func local(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
