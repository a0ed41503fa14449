package link

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/linktor/linktor/channels"
)

// Limits. Those of interactive messages are LINK's ("Interactive message" and
// its parts); LINK states none for the others, so they are Meta's.
const (
	maxText          = 4096 // characters; Meta, "Text messages"
	maxCaption       = 1024 // characters; Meta, media messages
	maxContacts      = 257  // Meta, "Contacts messages"
	maxTemplateName  = 512  // characters; Meta, "Templates"
	maxCoupon        = 20   // characters; Meta, "Coupon code templates"
	maxBody          = 1024 // characters, for every interactive kind
	maxHeader        = 60
	maxFooter        = 60
	maxButtons       = 3
	maxButtonID      = 256
	maxButtonTitle   = 20
	maxListButton    = 20
	maxSections      = 10
	maxSectionTitle  = 24
	maxRows          = 10 // in all sections together
	maxRowID         = 200
	maxRowTitle      = 24
	maxRowText       = 72
	maxProducts      = 30 // in all sections together
	maxCTA           = 20 // characters; flow_cta and display_text
	maxImageBytes    = 5 << 20
	maxAVBytes       = 16 << 20
	maxDocumentBytes = 100 << 20
)

// fieldLimits is the same table for Describe.
func fieldLimits() []channels.FieldLimit {
	const chars, items, size = "characters", "items", "bytes"
	return []channels.FieldLimit{
		{Field: "content.text", Max: maxText, Unit: chars},
		{Field: "content.image.caption", Max: maxCaption, Unit: chars},
		{Field: "content.video.caption", Max: maxCaption, Unit: chars},
		{Field: "content.document.caption", Max: maxCaption, Unit: chars},
		{Field: "content.image", Max: maxImageBytes, Unit: size},
		{Field: "content.audio", Max: maxAVBytes, Unit: size},
		{Field: "content.video", Max: maxAVBytes, Unit: size},
		{Field: "content.document", Max: maxDocumentBytes, Unit: size},
		{Field: "content.contacts", Max: maxContacts, Unit: items},
		{Field: "content.interactive.header.text", Max: maxHeader, Unit: chars},
		{Field: "content.interactive.body.text", Max: maxBody, Unit: chars},
		{Field: "content.interactive.footer.text", Max: maxFooter, Unit: chars},
		{Field: "content.interactive.action.button", Max: maxListButton, Unit: chars},
		{Field: "content.interactive.action.buttons", Max: maxButtons, Unit: items},
		{Field: "content.interactive.action.buttons.id", Max: maxButtonID, Unit: chars},
		{Field: "content.interactive.action.buttons.title", Max: maxButtonTitle, Unit: chars},
		{Field: "content.interactive.action.sections", Max: maxSections, Unit: items},
		{Field: "content.interactive.action.sections.title", Max: maxSectionTitle, Unit: chars},
		{Field: "content.interactive.action.sections.rows", Max: maxRows, Unit: items},
		{Field: "content.interactive.action.sections.rows.id", Max: maxRowID, Unit: chars},
		{Field: "content.interactive.action.sections.rows.title", Max: maxRowTitle, Unit: chars},
		{Field: "content.interactive.action.sections.rows.description", Max: maxRowText, Unit: chars},
		{Field: "content.interactive.action.sections.products", Max: maxProducts, Unit: items},
		{Field: "content.template.name", Max: maxTemplateName, Unit: chars},
	}
}

// checker collects problems.
type checker struct {
	channels.Invalid
	uploads bool // media ids can be used in plain messages
}

// Check reports what LINK cannot carry.
func (a *account) Check(out channels.Outbound) error {
	c := &checker{uploads: a.settings.EnableMediaUpload}
	c.recipient(out.To)
	if out.ReplyTo != "" {
		c.Add("/replyTo", "unsupported", "LINK's API cannot quote a message. Send it without replyTo.")
	}
	c.options(out.Options)
	c.content(&out.Content)
	return c.Err()
}

func (c *checker) recipient(to channels.Recipient) {
	switch {
	case to.GroupID != "":
		c.Add("/to", "unsupported", "LINK's API cannot send to groups.")
	case to.Phone == "" && to.UserID == "":
		c.Add("/to", "required", "Name the recipient's phone number.")
	case to.Phone != "" && !e164.MatchString(to.Phone):
		c.Add("/to", "invalid", "Write the recipient's phone number with + and country code, digits only.")
	}
}

func (c *checker) options(o channels.Options) {
	if o.Priority != "" && !slices.Contains(priorities, o.Priority) {
		c.Add("/options/priority", "invalid", "Choose one of LOW, NORMAL, HIGH.")
	}
	for i, gate := range o.Gates {
		if strings.TrimSpace(gate) == "" {
			c.Add("/options/gates/"+strconv.Itoa(i), "required", "A gate id cannot be empty.")
		}
	}
	if _, empty := o.CustomParameters[""]; empty {
		c.Add("/options/customParameters", "invalid", "A parameter's name cannot be empty.")
	}
	if o.IdentityKeyHash != "" {
		c.Add("/options/identityKeyHash", "unsupported", "LINK's API has no identity check. Leave this option out.")
	}
}

func (c *checker) content(m *channels.Content) {
	switch m.Type {
	case channels.TypeText:
		c.text("/content/text", m.Text, maxText)
	case channels.TypeImage, channels.TypeAudio, channels.TypeVideo, channels.TypeDocument:
		c.media("/content/"+m.Type, m.Type, m.MediaPart())
	case channels.TypeLocation:
		c.location(m.Location)
	case channels.TypeContacts:
		c.contacts(m.Contacts)
	case channels.TypeInteractive:
		c.interactive(m.Interactive)
	case channels.TypeTemplate:
		c.template(m.Template)
	case channels.TypeSticker:
		c.Add("/content/type", "unsupported", "LINK's API cannot send stickers. Send the picture as an image.")
	case channels.TypeReaction:
		c.Add("/content/type", "unsupported", "LINK's API cannot send reactions.")
	case "":
		c.Add("/content/type", "required", "Name the type of the content.")
	default:
		c.Add("/content/type", "unsupported", "LINK's API cannot send this type of content.")
	}
}

// text checks a required text.
func (c *checker) text(pointer, s string, limit int) {
	if strings.TrimSpace(s) == "" {
		c.Add(pointer, "required", "This text cannot be empty.")
		return
	}
	c.length(pointer, s, limit)
}

// length counts code points: Meta does not say what it counts.
func (c *checker) length(pointer, s string, limit int) {
	if utf8.RuneCountInString(s) > limit {
		c.AddLimit(pointer, "too_long", limit, "Shorten this text to "+strconv.Itoa(limit)+" characters.")
	}
}

func (c *checker) location(l *channels.Location) {
	if l == nil {
		c.Add("/content/location", "required", "Give the location's latitude and longitude.")
		return
	}
	if !(l.Latitude >= -90 && l.Latitude <= 90) { // also refuses NaN
		c.Add("/content/location/latitude", "invalid", "A latitude lies between -90 and 90.")
	}
	if !(l.Longitude >= -180 && l.Longitude <= 180) {
		c.Add("/content/location/longitude", "invalid", "A longitude lies between -180 and 180.")
	}
	if l.Address != "" && l.Name == "" {
		c.Add("/content/location/name", "required", "An address is only shown together with a name.")
	}
	if l.URL != "" {
		c.Add("/content/location/url", "unsupported", "A location that is sent has no URL.")
	}
}

// contacts checks cards. "formattedName" and one more part of the name are
// required. Source: "Name".
func (c *checker) contacts(cards []channels.ContactCard) {
	if len(cards) == 0 {
		c.Add("/content/contacts", "required", "Give at least one contact.")
	}
	if len(cards) > maxContacts {
		c.AddLimit("/content/contacts", "too_many", maxContacts, "Send at most 257 contacts in one message.")
	}
	for i, card := range cards {
		at := "/content/contacts/" + strconv.Itoa(i)
		n := card.Name
		if strings.TrimSpace(n.FormattedName) == "" {
			c.Add(at+"/name/formattedName", "required", "Give the full name as it is shown.")
		}
		if n.FirstName+n.LastName+n.MiddleName+n.Suffix+n.Prefix == "" {
			c.Add(at+"/name", "required", "Give one more part of the name, such as firstName.")
		}
		for j, address := range card.Addresses {
			if t := strings.ToUpper(address.Type); t != "" && t != "HOME" && t != "WORK" {
				c.Add(at+"/addresses/"+strconv.Itoa(j)+"/type", "invalid", "An address is HOME or WORK.")
			}
		}
	}
}

// publicLink reports whether s is an http or https URL with a host. "Use only
// with HTTP/HTTPS URLs."
func publicLink(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}
