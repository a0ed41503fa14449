// Package link speaks LINK Mobility's WhatsApp Message API: MessageRequest out,
// incoming messages (MO) and status notifications (DLR) in, templates.
//
// Sources: LINK Mobility "WhatsApp Message API", version 1.4.1 (28 Aug 2020) and
// version 1.4.19 (7 Mar 2025). Where both speak, 1.4.19 wins; the fields and codes
// that only 1.4.1 lists are still read. Comments name the section title. Limits
// that LINK does not state are Meta's for the Cloud API, and their comments say
// so. "Reported" marks what neither document says and other integrations saw; it
// is behind a setting that is off by default.
//
// # Rule of thumb
//
// Strict in writing, tolerant in reading. Requests are written as the document's
// tables and examples have them, one destination and one message each, so that
// messageIds[0] and messageIndex 0 are always our message. Callbacks are read
// with snake_case or camelCase keys, numbers as strings, duplicate keys (the last
// one wins, maps are merged), and spaces around keys and values, because the
// document's own examples have all of these.
//
// # Divergences
//
// What we do differently, or not at all, and why. "Read" dates are of the two
// documents, 21 Nov 2026.
//
//   - "Message Status Notifications": 12409 is one digit short of its neighbours;
//     112409 is read as the same code. Both end tracking, neither fails a message.
//   - "Possible resultCodes": 112002 (sent to WA) and 112006 (sent by WA) come in
//     no stated order; both are "sent". 112004 and 112005 (1.4.1 only) change nothing.
//   - "DLR JSON": the Meta code of a failure stands in resultDescription as
//     "(#131047) ..." or leads metaErrorDetails; it replaces LINK's 112403 or 112406
//     as the error's code because it says more.
//   - "Component": the table writes subType with quickReply, newer examples write
//     sub_type with quick_reply. The setting buttonKeyStyle decides; "documented"
//     writes each template as the document's example of its kind.
//   - "MessageRequest": relativeValidityTime is a number of milliseconds; the
//     example shows a point in time. We write absoluteValidityTime, which has
//     precedence, unless the setting validityStyle says otherwise.
//   - "Text message": no length is stated; 4,096 characters as in Meta's API.
//   - "Interactive message": the body is at most 1,024 characters for every kind,
//     also for lists, where Meta allows 4,096.
//   - "Incoming Messages": types that the document does not list become
//     unsupported content with the raw part kept. Location and Flow replies are not
//     listed either, but read in Meta's shape because users can send them. The
//     document has no profile name, no referral and no removal of a reaction (an
//     empty emoji is read as one).
//   - "Create Templates / Manage Templates": no list call and no response bodies
//     are documented. ListTemplates returns ErrUnsupported; answers are read as
//     Meta's.
//   - Callbacks are unsigned. The server compares an unguessable token in the URL
//     before Verify runs; Basic auth and an address list can be required on top.
//   - Not offered by the documents and refused: quoting a message, reactions and
//     stickers out, voice notes, groups.
//   - "Authentication": none is given for media.source; it is fetched without
//     credentials.
package link
