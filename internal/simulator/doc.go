// Package simulator is the other side of the wire: a fake WhatsApp Cloud API and
// a fake LINK Mobility, with customers who write, read and answer. It speaks the
// providers' formats over HTTP and knows nothing of our adapters; it was written
// from the providers' documents, so that a misreading on one side shows. It is the
// first minute of a newcomer, the test bed for failures and the counterpart of
// load runs.
//
//	sim := simulator.New(simulator.Options{BaseURL: "http://127.0.0.1:41999"})
//	go http.Serve(listener, sim.Handler())    // Graph API at /graph, LINK at /link
//	mux.Handle("/simulator/", sim.Control())  // the page and its API
//	sim.AddWhatsApp(simulator.WhatsAppNumber{PhoneNumberID: "309900000000001", …})
//	sim.Start()
//	defer sim.Stop(ctx)
//	sim.Greet(ctx)                            // Ada and Björn write first
//	sim.Say(ctx, "309900000000001", "ada", simulator.Inbound{Text: "Hi"})
//
// # Magic recipient numbers
//
//	+15550CCCCCC  refused at once with error code CCCCCC, e.g. +15550131026
//	+15551CCCCCC  accepted, then failed with error code CCCCCC
//	+15552000429  HTTP 429, Retry-After: 2, code 130429 (LINK: no body)
//	+15552000500  HTTP 500 with a body that is not the provider's
//	+15552000408  read, never answered
//	+15552000777  accepted and delivered, but the connection closes before the answer
//	+15552000200  accepted, but the answer is not JSON
//	+15553xxxxxx  no status ever
//	+15554xxxxxx  each status twice
//	+15555xxxxxx  statuses in the order read, delivered, sent
//	+15556xxxxxx  sent and delivered arrive before the send is answered
//	+15557xxxxxx  statuses late by lateMs
//	+15558xxxxxx  delivered is left out
//
// On LINK, 112400, 112401, 112402 and 112500 are refused at once; other codes
// after +15550 come as status 112403 "(#CCCCCC)…", because LINK answers before it
// asks WhatsApp. After +15551, 112xxx and 012409 are the result code itself.
// Magic numbers are exempt from the 24-hour window. MagicNumbers is the same
// table as data.
//
// # Control API
//
// JSON, camelCase; refusals are {"error": sentence} with 422 (502 if the server
// under test could not be reached). "channel" is a phone number id, a LINK
// source, a number, a name, "whatsapp" or "link"; without it the first.
//
//	GET    /simulator/api/state                           State
//	GET    /simulator/api/chat?channel=&persona=          {data: [{persona, messages}], cursor}; without persona the last message of each
//	GET    /simulator/api/updates?after=n                 {data: [{seq, message}], cursor, reset}; waits up to 5 s; reset: read the chats again
//	GET    /simulator/api/media/{id}                      the bytes of a file of either side
//	GET    /simulator/api/ledger?limit=&duplicates=true   LedgerSummary;  ?reference=r  {reference, count}
//	DELETE /simulator/api/ledger                          forgets
//	POST   /simulator/api/inbound    {channel?, persona|from, type, text, …}  see Inbound  -> {id, channel}
//	POST   /simulator/api/status     {messageId, status, errorCode?}      sent, delivered, read, played, deleted, failed
//	POST   /simulator/api/behaviour  any members of Behaviour             -> Behaviour
//	POST   /simulator/api/open       {channel?, persona}                  the customer looks at the phone -> {read}
//	POST   /simulator/api/webhook    {channel?, field, value} or {channel?, body}  posts it signed
//	POST   /simulator/api/handshake  {channel?}                           Meta's GET with a challenge
//	POST   /simulator/api/template   {channel?, name, language, status}   PAUSED, DISABLED, … with its webhook
//	POST   /simulator/api/persona    Persona                              adds or replaces a customer
//	POST   /simulator/api/load       {channel?, ratePerSecond, seconds}   -> LoadState
//
// # What it does not do
//
// It fetches no links: media that a business sends by link are shown, not
// checked. Flow endpoints, calls, groups beyond sending, marketing consent and
// pricing beyond its shape are not modelled; any webhook of theirs can be posted
// with Post or /simulator/api/webhook. Everything is in memory and bounded;
// templates other than the starters and uploaded media are gone after a restart.
package simulator
