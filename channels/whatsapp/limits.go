package whatsapp

import (
	"strings"

	"github.com/linktor/linktor/channels"
)

// Limits of fields, in characters or items unless said otherwise. Sources: Meta,
// "Send messages" and the page of each type.
const (
	maxText         = 4096
	maxCaption      = 1024
	maxBodyText     = 1024
	maxListBody     = 4096
	maxHeaderText   = 60
	maxFooterText   = 60
	maxButtons      = 3
	maxButtonTitle  = 20
	maxButtonID     = 256
	maxListButton   = 20
	maxSections     = 10
	maxRows         = 10 // in all sections together
	maxSectionTitle = 24
	maxRowTitle     = 24
	maxRowText      = 72
	maxRowID        = 200
	maxProducts     = 30
	maxCTAText      = 20
	maxFlowCTA      = 30 // advised; longer labels are cut off by the app
	minCards        = 2
	maxCards        = 10
	maxContacts     = 257 // contacts of one message
	maxTemplateName = 512
	maxCouponCode   = 20 // one page says 15, another 20
	maxCallbackData = 512
)

const (
	kilobyte = 1 << 10
	megabyte = 1 << 20
)

// mediaRule is what Meta accepts of one kind of media. Source: Meta, "Media".
type mediaRule struct {
	types []string // nil: any
	size  int64    // bytes
}

var mediaRules = map[string]mediaRule{
	channels.TypeImage:    {[]string{"image/jpeg", "image/png"}, 5 * megabyte},
	channels.TypeVideo:    {[]string{"video/mp4", "video/3gpp"}, 16 * megabyte},
	channels.TypeSticker:  {[]string{"image/webp"}, 500 * kilobyte}, // animated; a static one 100 KB
	channels.TypeDocument: {nil, 100 * megabyte},
	channels.TypeAudio: {[]string{
		"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg",
	}, 16 * megabyte},
}

// maxStaticSticker is the limit of a sticker that does not move, in bytes.
const maxStaticSticker = 100 * kilobyte

// accepts compares without parameters: "audio/ogg; codecs=opus" is audio/ogg.
func (r mediaRule) accepts(mime string) bool {
	mime, _, _ = strings.Cut(mime, ";")
	mime = strings.ToLower(strings.TrimSpace(mime))
	for _, t := range r.types {
		if t == mime {
			return true
		}
	}
	return r.types == nil
}

// limits lists what Check enforces, for forms and documentation.
func limits() []channels.FieldLimit {
	const interactive = "content.interactive."
	out := []channels.FieldLimit{
		{Field: "content.text", Max: maxText, Unit: "characters"},
		{Field: "content.image.caption", Max: maxCaption, Unit: "characters"},
		{Field: "content.video.caption", Max: maxCaption, Unit: "characters"},
		{Field: "content.document.caption", Max: maxCaption, Unit: "characters"},
		{Field: "content.contacts", Max: maxContacts, Unit: "items"},
		{Field: interactive + "body.text", Max: maxBodyText, Unit: "characters"},
		{Field: interactive + "body.text (list)", Max: maxListBody, Unit: "characters"},
		{Field: interactive + "header.text", Max: maxHeaderText, Unit: "characters"},
		{Field: interactive + "footer.text", Max: maxFooterText, Unit: "characters"},
		{Field: interactive + "action.buttons", Max: maxButtons, Unit: "items"},
		{Field: interactive + "action.buttons.title", Max: maxButtonTitle, Unit: "characters"},
		{Field: interactive + "action.buttons.id", Max: maxButtonID, Unit: "characters"},
		{Field: interactive + "action.button", Max: maxListButton, Unit: "characters"},
		{Field: interactive + "action.sections", Max: maxSections, Unit: "items"},
		{Field: interactive + "action.sections.title", Max: maxSectionTitle, Unit: "characters"},
		{Field: interactive + "action.sections.rows", Max: maxRows, Unit: "items"},
		{Field: interactive + "action.sections.rows.id", Max: maxRowID, Unit: "characters"},
		{Field: interactive + "action.sections.rows.title", Max: maxRowTitle, Unit: "characters"},
		{Field: interactive + "action.sections.rows.description", Max: maxRowText, Unit: "characters"},
		{Field: interactive + "action.sections.products", Max: maxProducts, Unit: "items"},
		{Field: interactive + "action.cards", Max: maxCards, Unit: "items"},
		{Field: interactive + "action.parameters.display_text", Max: maxCTAText, Unit: "characters"},
		{Field: interactive + "action.parameters.flow_cta", Max: maxFlowCTA, Unit: "characters"},
		{Field: "content.template.name", Max: maxTemplateName, Unit: "characters"},
		{Field: "content.template.components.parameters.coupon_code", Max: maxCouponCode, Unit: "characters"},
	}
	for _, kind := range []string{
		channels.TypeImage, channels.TypeVideo, channels.TypeAudio, channels.TypeDocument, channels.TypeSticker,
	} {
		out = append(out, channels.FieldLimit{Field: "content." + kind, Max: int(mediaRules[kind].size), Unit: "bytes"})
	}
	return out
}
