package whatsapp

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/linktor/linktor/channels"
)

// Check reports everything that Meta would refuse, with pointers into the API's
// request body. What only Meta can know, such as a codec, is left to it.
func (a *Account) Check(out channels.Outbound) error {
	c := &checker{}
	c.recipient(out.To)
	c.options(out.Options)
	if out.ReplyTo != "" && out.Content.Type == channels.TypeReaction {
		c.add("/replyTo", "not_allowed", "A reaction names its message itself: leave replyTo out.")
	}
	if len(out.MessageID) > maxCallbackData {
		c.add("/id", "too_long", "The message id is too long.")
	}
	c.content(&out.Content)
	return c.bad.Err()
}

// checker collects problems.
type checker struct{ bad channels.Invalid }

func (c *checker) add(pointer, code, message string) { c.bad.Add(pointer, code, message) }

// require reports an empty value.
func (c *checker) require(pointer, s, what string) bool {
	if strings.TrimSpace(s) != "" {
		return true
	}
	c.add(pointer, "required", what+" is missing.")
	return false
}

// atMost counts code points: Meta does not say how it counts.
func (c *checker) atMost(pointer, s string, limit int, what string) {
	if utf8.RuneCountInString(s) > limit {
		c.bad.AddLimit(pointer, "too_long", limit, fmt.Sprintf("%s can have at most %d characters.", what, limit))
	}
}

// text is require and atMost.
func (c *checker) text(pointer, s string, limit int, what string) {
	if c.require(pointer, s, what) {
		c.atMost(pointer, s, limit, what)
	}
}

func (c *checker) count(pointer string, n, low, high int, what string) {
	switch {
	case n < low:
		c.bad.AddLimit(pointer, "too_few", low, fmt.Sprintf("At least %d %s needed.", low, what))
	case n > high:
		c.bad.AddLimit(pointer, "too_many", high, fmt.Sprintf("At most %d %s allowed.", high, what))
	}
}

func (c *checker) recipient(to channels.Recipient) {
	switch {
	case to.GroupID != "" || to.UserID != "" && to.Phone == "":
	case to.Phone == "":
		c.add("/to", "required", "Name a recipient: a phone number or a business-scoped user id.")
	case !strings.HasPrefix(to.Phone, "+") || digits(to.Phone) == "":
		c.add("/to", "invalid", "Write the phone number as + and digits, with the country code.")
	}
}

// options refuses the wishes that only other providers know.
func (c *checker) options(o channels.Options) {
	for key, given := range map[string]bool{
		"priority": o.Priority != "", "gates": len(o.Gates) > 0, "customParameters": len(o.CustomParameters) > 0,
		"serviceId": o.ServiceID != "", "serviceType": o.ServiceType != "", "transactionId": o.TransactionID != "",
	} {
		if given {
			c.add("/options/"+key, "not_allowed", "WhatsApp has no such option.")
		}
	}
}

func (c *checker) content(x *channels.Content) {
	p := "/content/" + x.Type
	switch x.Type {
	case channels.TypeText:
		c.text("/content/text", x.Text, maxText, "The text")
	case channels.TypeImage, channels.TypeAudio, channels.TypeVideo, channels.TypeDocument, channels.TypeSticker:
		c.mediaContent(p, x.Type, x.MediaPart())
	case channels.TypeLocation:
		c.location(p, x.Location)
	case channels.TypeContacts:
		c.contacts(p, x.Contacts)
	case channels.TypeReaction:
		if x.Reaction == nil {
			c.add(p, "required", "The reaction is missing.")
			return
		}
		c.require(p+"/messageId", x.Reaction.MessageID, "The message to react to")
		c.atMost(p+"/emoji", x.Reaction.Emoji, 16, "The emoji") // one, though a family is seven code points
	case channels.TypeInteractive:
		c.interactive(p, x.Interactive)
	case channels.TypeTemplate:
		c.template(p, x.Template)
	case "":
		c.add("/content/type", "required", "The content type is missing.")
	default:
		c.add("/content/type", "unsupported", "WhatsApp cannot send this content type.")
	}
}

func (c *checker) location(p string, l *channels.Location) {
	if l == nil {
		c.add(p, "required", "The location is missing.")
		return
	}
	if !(l.Latitude >= -90 && l.Latitude <= 90) {
		c.add(p+"/latitude", "invalid", "The latitude lies between -90 and 90.")
	}
	if !(l.Longitude >= -180 && l.Longitude <= 180) {
		c.add(p+"/longitude", "invalid", "The longitude lies between -180 and 180.")
	}
}

func (c *checker) contacts(p string, cards []channels.ContactCard) {
	c.count(p, len(cards), 1, maxContacts, "contacts")
	for i, card := range cards {
		at := p + "/" + strconv.Itoa(i)
		c.require(at+"/name/formattedName", card.Name.FormattedName, "The contact's name")
		// Meta refuses a name of formatted_name alone. Source: Meta, "Contacts messages".
		n := card.Name
		if n.FirstName+n.LastName+n.MiddleName+n.Suffix+n.Prefix == "" {
			c.add(at+"/name/firstName", "required", "Give firstName, lastName or another part of the name besides formattedName.")
		}
	}
}

func (c *checker) mediaContent(p, kind string, m *channels.Media) {
	if m == nil {
		c.add(p, "required", "The "+kind+" is missing.")
		return
	}
	c.media(p, kind, m)
	switch {
	case kind == channels.TypeAudio || kind == channels.TypeSticker:
		if m.Caption != "" {
			c.add(p+"/caption", "not_allowed", "WhatsApp shows no caption with this kind of media: send a text as well.")
		}
	default:
		c.atMost(p+"/caption", m.Caption, maxCaption, "The caption")
	}
}

// media checks the source, the type and the size of a file as far as they are
// known.
func (c *checker) media(p, kind string, m *channels.Media) {
	switch n := count(m.URL != "", m.MediaID != "", m.ProviderID != ""); {
	case n == 0:
		c.add(p, "required", "Give url, mediaId or providerId.")
	case n > 1 && m.MediaID == "": // a media id may have been resolved to either already
		c.add(p, "invalid", "Give only one of url, mediaId and providerId.")
	}
	if m.URL != "" {
		if u, err := url.Parse(m.URL); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			c.add(p+"/url", "invalid", "Write a public http or https address.")
		}
	}
	rule := mediaRules[kind]
	if m.MimeType != "" && !rule.accepts(m.MimeType) {
		c.add(p+"/mimeType", "unsupported", "WhatsApp accepts only "+strings.Join(rule.types, ", ")+" here.")
	}
	limit := rule.size
	if kind == channels.TypeSticker && !m.Animated && m.MimeType != "" {
		limit = maxStaticSticker
	}
	if m.Size > limit {
		c.bad.AddLimit(p+"/size", "too_long", int(limit), fmt.Sprintf("The file can have at most %d bytes.", limit))
	}
}

func count(given ...bool) (n int) {
	for _, g := range given {
		if g {
			n++
		}
	}
	return n
}
