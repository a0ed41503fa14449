package api

// Resources are the stores and services behind the routes, each used by the file
// named after it.
type Resources struct{}

// register names every group of routes, so that this list is the table of
// contents of the API.
func (s *Server) register() {
	s.registerOps()
}
