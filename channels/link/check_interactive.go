package link

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/linktor/linktor/channels"
)

const interactiveAt = "/content/interactive"

// interactive checks an interactive message. Source: "Interactive message".
func (c *checker) interactive(i *channels.Interactive) {
	if i == nil {
		c.Add(interactiveAt, "required", "Describe the interactive message.")
		return
	}
	action := interactiveAt + "/action"
	switch i.Type {
	case kindButton:
		c.buttons(action+"/buttons", i.Action.Buttons)
	case kindList:
		c.text(action+"/button", i.Action.Button, maxListButton)
		c.rows(action+"/sections", i.Action.Sections)
	case kindProduct:
		c.present(action+"/catalogId", i.Action.CatalogID)
		c.present(action+"/productId", i.Action.ProductID)
	case kindProductList:
		c.present(action+"/catalogId", i.Action.CatalogID)
		c.products(action+"/sections", i.Action.Sections)
	case kindCTA:
		c.ctaParameters(action+"/parameters", i.Action.Parameters)
	case kindFlow:
		c.flowParameters(action+"/parameters", i.Action.Parameters)
	case kindCatalog:
		if len(i.Action.Parameters) > 0 {
			c.object(action+"/parameters", i.Action.Parameters)
		}
	case kindLocation:
	default:
		c.Add(interactiveAt+"/type", "unsupported", "LINK's API cannot send this kind of interactive message.")
		return
	}
	if want := actionName(i.Type); i.Action.Name != "" && i.Action.Name != want {
		c.Add(action+"/name", "invalid", "Leave the name out; the kind of message decides it.")
	}
	c.header(i.Type, i.Header)
	body := ""
	if i.Body != nil {
		body = i.Body.Text
	}
	c.text(interactiveAt+"/body/text", body, maxBody)
	if i.Footer != nil {
		c.length(interactiveAt+"/footer/text", i.Footer.Text, maxFooter)
	}
}

// headerTypes are the headers a kind may have; button and list are LINK's rule,
// the others Meta's. Source: "Interactive header".
var headerTypes = map[string][]string{
	kindButton:      {"text", "image", "video", "document"},
	kindList:        {"text"},
	kindCTA:         {"text", "image", "video", "document"},
	kindFlow:        {"text", "image", "video", "document"},
	kindProductList: {"text"},
}

func (c *checker) header(kind string, h *channels.Header) {
	at := interactiveAt + "/header"
	if h == nil {
		if kind == kindProductList {
			c.Add(at, "required", "A list of products needs a text header.")
		}
		return
	}
	if !slices.Contains(headerTypes[kind], h.Type) {
		if len(headerTypes[kind]) == 0 {
			c.Add(at, "not_allowed", "This kind of message has no header.")
		} else {
			c.Add(at+"/type", "not_allowed", "The header of this kind of message is "+strings.Join(headerTypes[kind], ", ")+".")
		}
		return
	}
	media := map[string]*channels.Media{"image": h.Image, "video": h.Video, "document": h.Document}[h.Type]
	if h.Type == "text" {
		c.text(at+"/text", h.Text, maxHeader)
	} else if c.mediaSource(at+"/"+h.Type, media) {
		c.mediaType(at+"/"+h.Type, h.Type, media)
	}
}

func (c *checker) buttons(at string, list []channels.Button) {
	c.count(at, len(list), maxButtons, "buttons")
	ids, titles := map[string]bool{}, map[string]bool{}
	for i, b := range list {
		here := at + "/" + strconv.Itoa(i)
		c.text(here+"/id", b.ID, maxButtonID)
		c.text(here+"/title", b.Title, maxButtonTitle)
		c.unique(here+"/id", b.ID, ids)
		c.unique(here+"/title", b.Title, titles)
	}
}

func (c *checker) rows(at string, sections []channels.Section) {
	c.count(at, len(sections), maxSections, "sections")
	total, ids := 0, map[string]bool{}
	for i, s := range sections {
		here := at + "/" + strconv.Itoa(i)
		c.sectionTitle(here, s.Title, len(sections))
		if len(s.Rows) == 0 {
			c.Add(here+"/rows", "too_few", "A section has at least one row.")
		}
		for j, r := range s.Rows {
			row := here + "/rows/" + strconv.Itoa(j)
			c.text(row+"/id", r.ID, maxRowID)
			c.text(row+"/title", r.Title, maxRowTitle)
			c.length(row+"/description", r.Description, maxRowText)
			c.unique(row+"/id", r.ID, ids)
		}
		total += len(s.Rows)
	}
	if total > maxRows {
		c.AddLimit(at, "too_many", maxRows, "A list has at most 10 rows in all its sections.")
	}
}

func (c *checker) products(at string, sections []channels.Section) {
	c.count(at, len(sections), maxSections, "sections")
	total := 0
	for i, s := range sections {
		here := at + "/" + strconv.Itoa(i)
		c.sectionTitle(here, s.Title, len(sections))
		if len(s.Products) == 0 {
			c.Add(here+"/products", "too_few", "A section has at least one product.")
		}
		for j, id := range s.Products {
			c.present(here+"/products/"+strconv.Itoa(j), id)
		}
		total += len(s.Products)
	}
	if total > maxProducts {
		c.AddLimit(at, "too_many", maxProducts, "A message has at most 30 products in all its sections.")
	}
}

// sectionTitle: required if there are several sections. Source: "Interactive section".
func (c *checker) sectionTitle(at, title string, sections int) {
	if sections > 1 {
		c.text(at+"/title", title, maxSectionTitle)
		return
	}
	c.length(at+"/title", title, maxSectionTitle)
}

func (c *checker) ctaParameters(at string, raw json.RawMessage) {
	p, _ := c.object(at, raw)
	c.text(at+"/display_text", p["display_text"], maxCTA)
	if !publicLink(p["url"]) {
		c.Add(at+"/url", "invalid", "Write the http or https URL that the button opens.")
	}
}

// flowParameters checks the three required parameters and the two enumerations.
// Source: "Interactive parameters"; changelog 1.4.19.
func (c *checker) flowParameters(at string, raw json.RawMessage) {
	p, _ := c.object(at, raw)
	c.present(at+"/flow_message_version", p["flow_message_version"])
	c.present(at+"/flow_id", p["flow_id"])
	c.text(at+"/flow_cta", p["flow_cta"], maxCTA)
	if v := p["mode"]; v != "" && v != "draft" && v != "published" {
		c.Add(at+"/mode", "invalid", "A flow's mode is draft or published.")
	}
	if v := p["flow_action"]; v != "" && v != "navigate" && v != "data_exchange" {
		c.Add(at+"/flow_action", "invalid", "A flow's action is navigate or data_exchange.")
	}
}

// object reads a JSON object; its values are texts, of other types their JSON.
func (c *checker) object(at string, raw json.RawMessage) (p params, ok bool) {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '{' || json.Unmarshal(raw, &p) != nil {
		c.Add(at, "required", "Give the parameters as an object.")
		return nil, false
	}
	return p, true
}

func (c *checker) present(pointer, s string) {
	if strings.TrimSpace(s) == "" {
		c.Add(pointer, "required", "This field is required.")
	}
}

func (c *checker) count(pointer string, n, limit int, what string) {
	if n == 0 {
		c.Add(pointer, "too_few", "Give at least one of the "+what+".")
	}
	if n > limit {
		c.AddLimit(pointer, "too_many", limit, "Give at most "+strconv.Itoa(limit)+" "+what+".")
	}
}

func (c *checker) unique(pointer, value string, seen map[string]bool) {
	if value != "" && seen[value] {
		c.Add(pointer, "invalid", "This must differ from the others of the message.")
	}
	seen[value] = true
}
