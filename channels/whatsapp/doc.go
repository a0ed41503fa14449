// Package whatsapp speaks the WhatsApp Cloud API of Meta: webhooks in, messages
// out, media, templates and read receipts.
//
// An account is one business phone number. Meta's object tree is: business
// portfolio, WhatsApp Business Account (WABA), phone numbers; templates belong
// to the WABA, media and sending to the number. Webhooks are delivered per app,
// so one URL may receive several numbers: what belongs to another number than
// the account's is passed on as a provider.change that says so, never as a
// message of this channel.
//
// Sources: Meta's documentation under developers.facebook.com/docs/whatsapp, read
// in copies dated October 2025 to October 2026: "Webhooks overview", "messages
// webhook reference", "Send messages", "Interactive messages", "Templates",
// "Media", "Error codes", "Business-scoped user IDs". Graph API version v25.0 is
// the default; it is a setting, as is the base URL.
//
// # What we do differently
//
//   - A message without an id (seen in third-party fixtures only) gets one made of
//     the SHA-256 of its bytes, so that it is kept and a repeat is still a repeat.
//   - "played" ("Status webhooks": a voice note was played) counts as read.
//   - "edit" and "revoke" become system messages that name the message they change.
//   - "standby" messages (threads that another app owns) are messages with the
//     metadata standby=true; nothing should answer them.
//   - Characters are counted as code points: Meta does not say how it counts.
//   - HTTP 200 without a message id is an uncertain outcome, not a success.
//   - Call signalling, group management and phone number registration have no API
//     here; their webhooks are passed on.
package whatsapp
