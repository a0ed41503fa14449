// Package channeltest is the suite that every adapter passes. An adapter's test
// describes its provider in a Suite and calls Run; the golden files in its
// testdata folder are webhooks with the events they must become:
//
//	func TestConformance(t *testing.T) {
//		channeltest.Run(t, channeltest.Suite{Adapter: acme.Adapter{}, Settings: ..., BaseURL: "apiUrl", ...})
//	}
//
// A new case is a new txtar file: a sentence that says what it shows, then
// "-- body.json --"; go test -update writes the "-- events.json --" part, and the
// diff is what gets reviewed.
package channeltest
