package whatsapp

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	gojson "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/linktor/linktor/channels"
)

// message reads an item of value.messages: one message from a customer.
func (p *parser) message(o *origin, raw jsontext.Value) {
	m, ok := p.decode(raw)
	if !ok {
		return
	}
	in := inbound(m, o, raw)
	from := address{m.From, m.FromUserID, m.FromParent}
	if m.System != nil {
		from = m.System.before(from)
	}
	in.From = party(from, o.contacts)
	if o.field == "history" {
		fillPlaceholder(in)
	}
	if o.field == "standby" {
		in.Metadata["standby"] = "true"
	}
	p.deliver(in, raw)
}

// fillPlaceholder turns the media that follow a history import into an edit of
// the placeholder that came before under the same id; as a message of that id it
// would be taken for a repeat. Source: Meta, "history webhook reference".
func fillPlaceholder(in *channels.Inbound) {
	media := in.Content
	in.Historic = true
	in.Content = system(channels.System{Kind: "message_edited", MessageID: in.ProviderID, Edited: &media})
	in.ProviderID += "/media"
}

// echo reads an item of value.message_echoes: a message that the business sent
// from its phone app. Source: Meta, "smb_message_echoes webhook reference".
func (p *parser) echo(o *origin, raw jsontext.Value) {
	m, ok := p.decode(raw)
	if !ok {
		return
	}
	in := inbound(m, o, raw)
	in.Echo = true
	in.From = party(address{m.To, m.ToUserID, m.ToParent}, o.contacts)
	p.deliver(in, raw)
}

func (p *parser) decode(raw jsontext.Value) (*message, bool) {
	var m message
	if err := gojson.Unmarshal(raw, &m, lenient); err != nil {
		p.invalid(reason("message", err), raw)
		return nil, false
	}
	return &m, true
}

// deliver emits in. A message that names nobody has no conversation to go to.
func (p *parser) deliver(in *channels.Inbound, raw jsontext.Value) {
	if len(in.From.Identities) == 0 {
		p.invalid("message: from and from_user_id are both missing", raw)
		return
	}
	if in.From.Name != "" {
		in.Metadata["profileName"] = in.From.Name
	}
	e := channels.Event{Kind: channels.EventMessage, Message: in}
	if in.Content.Type == channels.TypeUnsupported {
		e.Raw = in.Content.Unsupported.Raw
	}
	if s := in.Content.System; s != nil && s.Kind == "message_edited" && s.Edited == nil {
		e.Raw = keep(raw) // the new text is of a kind that we do not know
	}
	p.events = append(p.events, e)
}

// inbound fills what all kinds of message have in common, except the party.
func inbound(m *message, o *origin, raw jsontext.Value) *channels.Inbound {
	in := &channels.Inbound{
		ProviderID: string(m.ID),
		At:         seconds(m.Timestamp),
		GroupID:    string(m.GroupID),
		Metadata:   make(map[string]string, 2),
	}
	if in.ProviderID == "" {
		sum := sha256.Sum256(raw)
		in.ProviderID = "sha256:" + hex.EncodeToString(sum[:16])
	} else {
		in.Metadata["waMessageId"] = in.ProviderID
	}
	in.Context = m.Context.v.read()
	in.Referral = m.Referral.v.read()
	in.Content = content(&m.wireContent, raw)
	if u := in.Content.Unsupported; u != nil && u.Code == "" && len(o.errors) == 1 {
		u.Code, u.Reason = string(o.errors[0].Code), string(o.errors[0].Title)
	}
	annotate(in, m)
	return in
}

// annotate keeps details that have no member of their own.
func annotate(in *channels.Inbound, m *message) {
	set := func(key string, t text) {
		if t != "" {
			in.Metadata[key] = string(t)
		}
	}
	if len(m.Errors) > 0 && in.Content.Type != channels.TypeUnsupported {
		set("errorCode", m.Errors[0].Code)
		set("errorTitle", m.Errors[0].Title)
	}
	if m.Identity.v != nil {
		set("identityHash", m.Identity.v.Hash)
	}
	if m.System != nil {
		set("identityHash", m.System.Identity)
	}
	if m.Interactive != nil && m.Interactive.CallReply != nil {
		r := m.Interactive.CallReply
		set("callPermission", r.Response)
		set("callPermissionExpires", r.Expires)
		set("callPermissionPermanent", r.Permanent)
		set("callPermissionSource", r.Source)
	}
	if m.HistoryContext.v != nil {
		set("historyStatus", text(strings.ToLower(string(m.HistoryContext.v.Status))))
	}
}

func (c *wireContext) read() *channels.Context {
	if c == nil {
		return nil
	}
	out := &channels.Context{
		MessageID:           string(c.ID),
		From:                string(c.From),
		Forwarded:           bool(c.Forwarded || c.FrequentlyForwarded),
		FrequentlyForwarded: bool(c.FrequentlyForwarded),
	}
	if phone := e164(out.From); phone != "" {
		out.From = phone
	}
	if c.Product != nil {
		out.CatalogID, out.ProductID = string(c.Product.CatalogID), string(c.Product.ProductID)
	}
	if *out == (channels.Context{}) {
		return nil
	}
	return out
}

func (r *wireReferral) read() *channels.Referral {
	if r == nil {
		return nil
	}
	out := &channels.Referral{
		SourceURL: string(r.SourceURL), SourceType: string(r.SourceType), SourceID: string(r.SourceID),
		Headline: string(r.Headline), Body: string(r.Body), MediaType: string(r.MediaType),
		ImageURL: string(r.ImageURL), VideoURL: string(r.VideoURL), ThumbnailURL: string(r.ThumbnailURL),
		ClickID: string(r.ClickID),
	}
	if r.Welcome != nil {
		out.Welcome = string(r.Welcome.Text)
	}
	return out
}
