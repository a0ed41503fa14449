package simulator

import (
	"encoding/json"
	"fmt"
	"strings"
)

// interactive is the Cloud API's object; LINK's is the same.
type interactive struct {
	Type   string `json:"type"`
	Header *struct {
		Type     string    `json:"type"`
		Text     string    `json:"text"`
		Image    *mediaRef `json:"image"`
		Video    *mediaRef `json:"video"`
		Document *mediaRef `json:"document"`
	} `json:"header"`
	Body   *plain `json:"body"`
	Footer *plain `json:"footer"`
	Action *struct {
		Name       string          `json:"name"`
		Button     string          `json:"button"`
		Buttons    []replyButton   `json:"buttons"`
		Sections   []listSection   `json:"sections"`
		CatalogID  string          `json:"catalog_id"`
		ProductID  string          `json:"product_retailer_id"`
		Cards      json.RawMessage `json:"cards"`
		Parameters *struct {
			DisplayText string `json:"display_text"`
			URL         string `json:"url"`
			FlowID      string `json:"flow_id"`
			FlowName    string `json:"flow_name"`
			FlowCTA     string `json:"flow_cta"`
			Version     string `json:"flow_message_version"`
		} `json:"parameters"`
	} `json:"action"`
}

type (
	plain struct {
		Text string `json:"text"`
	}
	replyButton struct {
		Type  string `json:"type"`
		Reply struct {
			ID    string `json:"id"`
			Title string `json:"title"`
		} `json:"reply"`
	}
	listSection struct {
		Title string `json:"title"`
		Rows  []struct {
			ID          string `json:"id"`
			Title       string `json:"title"`
			Description string `json:"description"`
		} `json:"rows"`
		Products []struct {
			ID string `json:"product_retailer_id"`
		} `json:"product_items"`
	}
)

// interactiveKinds are the types and whether each needs a body.
var interactiveKinds = map[string]bool{
	"button": true, "list": true, "cta_url": true, "flow": true, "location_request_message": true, "address_message": true,
	"product": false, "product_list": true, "catalog_message": true, "call_permission_request": false, "voice_call": true,
	"carousel": true, "contact_request": true, "order_details": true, "order_status": true,
}

func (i *interactive) check(s *Simulator, l *line) *graphFault {
	if i == nil {
		return missing("interactive")
	}
	needsBody, known := interactiveKinds[i.Type]
	switch {
	case !known:
		return invalid("Param interactive['type'] must be one of the supported types - got \"" + i.Type + "\".")
	case i.Action == nil:
		return missing("interactive['action']")
	case needsBody && i.Body == nil:
		return missing("interactive['body']")
	}
	limit := maxBody
	if i.Type == "list" {
		limit = maxListBody
	}
	var faults []*graphFault
	if i.Body != nil {
		faults = append(faults, tooLong("interactive['body']['text']", i.Body.Text, limit, needsBody))
	}
	if i.Footer != nil {
		faults = append(faults, tooLong("interactive['footer']['text']", i.Footer.Text, maxFooter, true))
	}
	faults = append(faults, i.checkHeader(s, l), i.checkAction())
	return first(faults...)
}

func (i *interactive) checkHeader(s *Simulator, l *line) *graphFault {
	if i.Header == nil {
		if i.Type == "product_list" {
			return missing("interactive['header']")
		}
		return nil
	}
	h := i.Header
	if h.Type != "text" && (i.Type == "list" || i.Type == "product_list") {
		return invalid("Param interactive['header']['type'] must be text for " + i.Type + ".")
	}
	switch h.Type {
	case "text":
		return tooLong("interactive['header']['text']", h.Text, maxHeader, true)
	case "image":
		return s.checkMedia(l, h.Type, h.Image)
	case "video":
		return s.checkMedia(l, h.Type, h.Video)
	case "document":
		return s.checkMedia(l, h.Type, h.Document)
	}
	return invalid("Param interactive['header']['type'] must be one of {text, image, video, document}.")
}

func (i *interactive) checkAction() *graphFault {
	a := i.Action
	switch i.Type {
	case "button":
		return checkButtons(a.Buttons)
	case "list":
		return first(tooLong("interactive['action']['button']", a.Button, maxListButton, true), checkRows(a.Sections))
	case "cta_url":
		if a.Parameters == nil || a.Name != "cta_url" {
			return missing("interactive['action']['parameters']")
		}
		if !strings.HasPrefix(a.Parameters.URL, "http") {
			return invalid("Param interactive['action']['parameters']['url'] is not a valid URI.")
		}
		return tooLong("interactive['action']['parameters']['display_text']", a.Parameters.DisplayText, maxDisplayText, true)
	case "flow":
		p := a.Parameters
		if p == nil || a.Name != "flow" || p.FlowID+p.FlowName == "" || p.FlowCTA == "" || p.Version == "" {
			return missing("interactive['action']['parameters']")
		}
	case "location_request_message":
		if a.Name != "send_location" {
			return invalid("Param interactive['action']['name'] must be send_location.")
		}
	case "product":
		if a.CatalogID == "" || a.ProductID == "" {
			return missing("interactive['action']['product_retailer_id']")
		}
	case "product_list":
		return checkProducts(a.CatalogID, a.Sections)
	case "carousel":
		var cards []json.RawMessage
		if json.Unmarshal(a.Cards, &cards) != nil || len(cards) < 2 || len(cards) > 10 {
			return invalid("Param interactive['action']['cards'] must have 2 to 10 elements.")
		}
	}
	return nil
}

func checkButtons(buttons []replyButton) *graphFault {
	if len(buttons) == 0 || len(buttons) > maxReply {
		return invalid("Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3.")
	}
	ids, titles := map[string]bool{}, map[string]bool{}
	for n, b := range buttons {
		param := fmt.Sprintf("interactive['action']['buttons'][%d]['reply']", n)
		if b.Type != "reply" {
			return invalid("Param interactive['action']['buttons'] must be of type reply.")
		}
		if f := first(tooLong(param+"['id']", b.Reply.ID, maxButtonID, true), tooLong(param+"['title']", b.Reply.Title, maxButtonTitle, true)); f != nil {
			return f
		}
		if ids[b.Reply.ID] || titles[b.Reply.Title] {
			return refuse(131009, "Duplicated button ids or titles are not allowed.")
		}
		ids[b.Reply.ID], titles[b.Reply.Title] = true, true
	}
	return nil
}

func checkRows(sections []listSection) *graphFault {
	if len(sections) == 0 || len(sections) > maxSections {
		return invalid("Param interactive['action']['sections'] must have 1 to 10 elements.")
	}
	rows, ids := 0, map[string]bool{}
	for _, sec := range sections {
		if f := tooLong("section title", sec.Title, maxSection, len(sections) > 1); f != nil {
			return f
		}
		for _, row := range sec.Rows {
			if f := first(tooLong("row id", row.ID, maxRowID, true), tooLong("row title", row.Title, maxRowTitle, true),
				tooLong("row description", row.Description, maxRowText, false)); f != nil {
				return f
			}
			if ids[row.ID] {
				return refuse(131009, "Duplicated row ids are not allowed.")
			}
			ids[row.ID] = true
			rows++
		}
	}
	if rows == 0 || rows > maxRows {
		return invalid("Total row count exceeds the maximum allowed count, or there is none: 10.")
	}
	return nil
}

func checkProducts(catalog string, sections []listSection) *graphFault {
	products := 0
	for _, sec := range sections {
		products += len(sec.Products)
	}
	switch {
	case catalog == "":
		return missing("interactive['action']['catalog_id']")
	case len(sections) == 0 || len(sections) > maxSections || products == 0 || products > maxProducts:
		return invalid("Param interactive['action']['sections'] must hold 1 to 10 sections and 1 to 30 products.")
	}
	return nil
}
