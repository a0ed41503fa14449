package whatsapp

import (
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/linktor/linktor/channels"
)

func (c *checker) interactive(p string, in *channels.Interactive) {
	if in == nil {
		c.add(p, "required", "The interactive content is missing.")
		return
	}
	if _, ok := actionNames[in.Type]; !ok {
		c.add(p+"/type", "unsupported", "WhatsApp has no such interactive message.")
		return
	}
	c.frame(p, in)
	a, at := &in.Action, p+"/action"
	switch in.Type {
	case "button":
		c.buttons(at+"/buttons", a.Buttons)
	case "list":
		c.text(at+"/button", a.Button, maxListButton, "The list's button label")
		c.rows(at+"/sections", a.Sections)
	case "product":
		c.require(at+"/catalogId", a.CatalogID, "The catalogue id")
		c.require(at+"/productId", a.ProductID, "The product id")
	case "product_list":
		c.require(at+"/catalogId", a.CatalogID, "The catalogue id")
		c.products(at+"/sections", a.Sections)
	case "cta_url", "flow", "address_message", "order_details", "order_status":
		c.parameters(at+"/parameters", in.Type, a.Parameters)
	case "carousel":
		var cards []json.RawMessage
		if err := json.Unmarshal(a.Cards, &cards); err != nil {
			c.add(at+"/cards", "required", "The cards are missing: write an array.")
			return
		}
		c.count(at+"/cards", len(cards), minCards, maxCards, "cards are")
	}
}

// noBody are the kinds that Meta shows without a body.
var noBody = map[string]bool{"product": true, "call_permission_request": true, "catalog_message": true}

// frame checks header, body and footer.
func (c *checker) frame(p string, in *channels.Interactive) {
	limit := maxBodyText
	if in.Type == "list" {
		limit = maxListBody
	}
	switch {
	case in.Body != nil:
		c.text(p+"/body/text", in.Body.Text, limit, "The body")
	case !noBody[in.Type]:
		c.add(p+"/body", "required", "The body is missing.")
	}
	if in.Footer != nil {
		c.text(p+"/footer/text", in.Footer.Text, maxFooterText, "The footer")
	}
	h := in.Header
	if h == nil {
		if in.Type == "product_list" {
			c.add(p+"/header", "required", "A product list needs a text header.")
		}
		return
	}
	at := p + "/header"
	switch {
	case in.Type == "product" || in.Type == "location_request_message" || in.Type == "carousel":
		c.add(at, "not_allowed", "This kind of message has no header.")
	case (in.Type == "list" || in.Type == "product_list") && h.Type != "text":
		c.add(at+"/type", "not_allowed", "The header of a list is text.")
	default:
		c.header(at, h)
	}
}

func (c *checker) header(p string, h *channels.Header) {
	media := map[string]*channels.Media{"image": h.Image, "video": h.Video, "document": h.Document}
	m, ok := media[h.Type]
	switch {
	case h.Type == "text":
		c.text(p+"/text", h.Text, maxHeaderText, "The header")
	case !ok:
		c.add(p+"/type", "unsupported", "The header is text, image, video or document.")
	case m == nil:
		c.add(p+"/"+h.Type, "required", "The header's media is missing.")
	default:
		c.media(p+"/"+h.Type, h.Type, m)
	}
}

func (c *checker) buttons(p string, buttons []channels.Button) {
	c.count(p, len(buttons), 1, maxButtons, "buttons are")
	ids, titles := map[string]bool{}, map[string]bool{}
	for i, b := range buttons {
		at := p + "/" + strconv.Itoa(i)
		c.text(at+"/title", b.Title, maxButtonTitle, "The button title")
		c.text(at+"/id", b.ID, maxButtonID, "The button id")
		if ids[b.ID] {
			c.add(at+"/id", "invalid", "Button ids must differ.")
		}
		if titles[b.Title] {
			c.add(at+"/title", "invalid", "Button titles must differ.")
		}
		ids[b.ID], titles[b.Title] = true, true
	}
}

func (c *checker) rows(p string, sections []channels.Section) {
	c.count(p, len(sections), 1, maxSections, "sections are")
	total, ids := 0, map[string]bool{}
	for i, s := range sections {
		at := p + "/" + strconv.Itoa(i)
		c.sectionTitle(at, s.Title, len(sections))
		if len(s.Rows) == 0 {
			c.bad.AddLimit(at+"/rows", "too_few", 1, "A section needs at least one row.")
		}
		for j, r := range s.Rows {
			row := at + "/rows/" + strconv.Itoa(j)
			c.text(row+"/title", r.Title, maxRowTitle, "The row title")
			c.text(row+"/id", r.ID, maxRowID, "The row id")
			c.atMost(row+"/description", r.Description, maxRowText, "The row description")
			if ids[r.ID] {
				c.add(row+"/id", "invalid", "Row ids must differ.")
			}
			ids[r.ID] = true
		}
		total += len(s.Rows)
	}
	c.count(p, total, 0, maxRows, "rows in all sections together are")
}

func (c *checker) products(p string, sections []channels.Section) {
	c.count(p, len(sections), 1, maxSections, "sections are")
	total := 0
	for i, s := range sections {
		at := p + "/" + strconv.Itoa(i)
		c.sectionTitle(at, s.Title, len(sections))
		if len(s.Products) == 0 {
			c.bad.AddLimit(at+"/products", "too_few", 1, "A section needs at least one product.")
		}
		for j, id := range s.Products {
			c.require(at+"/products/"+strconv.Itoa(j), id, "The product id")
		}
		total += len(s.Products)
	}
	c.count(p, total, 0, maxProducts, "products in all sections together are")
}

// sectionTitle is required as soon as there are two sections.
func (c *checker) sectionTitle(at, title string, sections int) {
	if sections > 1 {
		c.require(at+"/title", title, "The section title")
	}
	c.atMost(at+"/title", title, maxSectionTitle, "The section title")
}

// parameters checks the members that Meta requires of each kind.
func (c *checker) parameters(p, kind string, raw json.RawMessage) {
	var v struct {
		DisplayText string `json:"display_text"`
		URL         string `json:"url"`
		FlowID      string `json:"flow_id"`
		FlowName    string `json:"flow_name"`
		FlowCTA     string `json:"flow_cta"`
		Country     string `json:"country"`
	}
	if err := json.Unmarshal(raw, &v); err != nil || len(raw) == 0 || raw[0] != '{' {
		c.add(p, "required", "The parameters are missing or hold a value of the wrong type: write Meta's object.")
		return
	}
	switch kind {
	case "cta_url":
		c.text(p+"/display_text", v.DisplayText, maxCTAText, "The button label")
		if u, err := url.Parse(v.URL); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			c.add(p+"/url", "invalid", "Write an http or https address.")
		}
	case "flow":
		c.text(p+"/flow_cta", v.FlowCTA, maxFlowCTA, "The button label")
		if (v.FlowID == "") == (v.FlowName == "") {
			c.add(p+"/flow_id", "required", "Give either flow_id or flow_name.")
		}
	case "address_message":
		c.require(p+"/country", v.Country, "The country")
	}
}
