package simulator

import (
	"bytes"
	"embed"
	"net/http"
	"time"
)

// page is plain HTML, one script and one style sheet; no build.
//
//go:embed page
var page embed.FS

// servePage serves the page and its files. Everything comes from this origin, so
// that the strictest content security policy fits; pictures that a business links
// to may come from anywhere.
func (s *Simulator) servePage(mux *http.ServeMux) {
	files := map[string]string{"/simulator": "index.html", "/simulator/{$}": "index.html", "/simulator/simulator.js": "simulator.js", "/simulator/simulator.css": "simulator.css"}
	for path, name := range files {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			data, err := page.ReadFile("page/" + name)
			if err != nil {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Cache-Control", "no-cache")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob: http: https:; media-src 'self' blob: http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
			http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
		})
	}
}
