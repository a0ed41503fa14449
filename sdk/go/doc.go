// Package linktor is the client of Linktor: it sends messages, reads
// conversations, follows events as they happen and verifies webhooks.
//
//	client, err := linktor.New() // LINKTOR_API_KEY and LINKTOR_BASE_URL
//	message, err := client.Messages.Send(ctx, linktor.SendParams{
//		ChannelID: "ch_whatsapp_123",
//		To:        "+5511999999999",
//		Content:   linktor.Text("Hello! How can I help you today?"),
//	})
//
// Calls that fail on the way are repeated, all attempts of one call under one
// idempotency key, so that nothing happens twice. Errors of the server are
// *APIError; errors.Is tells the kinds apart, such as ErrWindowClosed. Lists give
// a page (List) or every item (All). Realtime.Events resumes by itself.
//
// The package needs the standard library and github.com/coder/websocket. Its
// API is not yet stable: it can change with each minor version until 1.0.
package linktor
