package api

import (
	"net/http"
	"testing"
)

// Ensure the simulator of a local server serves this machine only, by any name
// that cannot belong to somebody else.
func TestOpenSimulator(t *testing.T) {
	s := New(Deps{Auth: credentials{}, Log: quiet(), Resources: Resources{Simulator: SimulatorPage{Open: true,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })}}})
	for host, status := range map[string]int{
		"127.0.0.1:8080": 204, "localhost:8080": 204, "localhost": 204, "[::1]:8080": 204, "127.0.0.9": 204,
		"evil.example.net": 401, "127.0.0.1.evil.example.net:8080": 401, "localhost.evil.example.net": 401, "192.0.2.1:8080": 401,
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			if got := call(t, s, method, "http://"+host+"/simulator/api/state", ""); got.status != status {
				t.Errorf("%s at %s: %d; want %d", method, host, got.status, status)
			}
		}
	}
	if got := call(t, s, "GET", "http://evil.example.net/simulator/api/state", "", "X-API-Key", "ten_a/simulator:use"); got.status != 204 {
		t.Errorf("with a key: %d", got.status)
	}
	if got := call(t, s, "GET", "http://evil.example.net/simulator/api/state", "", "X-API-Key", "ten_a/messages:view"); got.status != 403 {
		t.Errorf("with another key: %d", got.status)
	}
}
