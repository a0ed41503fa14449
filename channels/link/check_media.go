package link

import (
	"slices"
	"strconv"
	"strings"

	"github.com/linktor/linktor/channels"
)

// mediaRule is what LINK takes of one kind.
type mediaRule struct {
	types []string // MIME types; nil = any
	bytes int64
}

// mediaRules: formats from "Terms and glossary" (Image, Audio, Video, Document
// message), sizes from Meta, "Supported media types".
var mediaRules = map[string]mediaRule{
	channels.TypeImage:    {[]string{"image/jpeg", "image/png"}, maxImageBytes},
	channels.TypeAudio:    {[]string{"audio/aac", "audio/mp4", "audio/amr", "audio/mpeg", "audio/ogg"}, maxAVBytes},
	channels.TypeVideo:    {[]string{"video/mp4", "video/3gpp"}, maxAVBytes},
	channels.TypeDocument: {nil, maxDocumentBytes},
}

// media checks the file of a plain message.
func (c *checker) media(at, kind string, m *channels.Media) {
	if !c.mediaSource(at, m) {
		return
	}
	if m.ProviderID != "" && !c.uploads {
		c.Add(at+"/providerId", "unsupported", "LINK takes files of plain messages by link only. Use url or mediaId.")
	}
	c.mediaType(at, kind, m)
	if kind == channels.TypeAudio && m.Caption != "" {
		c.Add(at+"/caption", "unsupported", "Audio has no caption.")
	}
	c.length(at+"/caption", m.Caption, maxCaption)
	if m.Voice {
		c.Add(at+"/voice", "unsupported", "LINK's API cannot send voice notes. Send it as audio.")
	}
}

// mediaSource checks that there is exactly one source, and reports whether there
// is any.
func (c *checker) mediaSource(at string, m *channels.Media) bool {
	if m == nil || m.URL == "" && m.MediaID == "" && m.ProviderID == "" {
		c.Add(at, "required", "Give the file as url or mediaId.")
		return false
	}
	if m.URL != "" && !publicLink(m.URL) {
		c.Add(at+"/url", "invalid", "Write a public http or https URL.")
	}
	return true
}

// mediaType checks type and size as far as they are known.
func (c *checker) mediaType(at, kind string, m *channels.Media) {
	rule := mediaRules[kind]
	base, _, _ := strings.Cut(mimeType(m.MimeType), ";")
	if base != "" && rule.types != nil && !slices.Contains(rule.types, base) {
		c.Add(at+"/mimeType", "unsupported", "LINK takes "+strings.Join(rule.types, ", ")+" here.")
	}
	if m.Size > rule.bytes {
		c.AddLimit(at, "too_long", int(rule.bytes), "This file may have at most "+strconv.FormatInt(rule.bytes>>20, 10)+" MB.")
	}
}

// pointedMedia is a file of a message and where it stands.
type pointedMedia struct {
	pointer string
	media   *channels.Media
}

// mediaOf lists every file of a message.
func mediaOf(c *channels.Content) []pointedMedia {
	var list []pointedMedia
	add := func(pointer string, m *channels.Media) {
		if m != nil {
			list = append(list, pointedMedia{pointer, m})
		}
	}
	add("/content/"+c.Type, c.MediaPart())
	if c.Type == channels.TypeInteractive && c.Interactive != nil && c.Interactive.Header != nil {
		h := c.Interactive.Header
		add("/content/interactive/header/image", h.Image)
		add("/content/interactive/header/video", h.Video)
		add("/content/interactive/header/document", h.Document)
	}
	if c.Type == channels.TypeTemplate && c.Template != nil {
		walkParameters("/content/template", c.Template.Components, func(at string, p *channels.TemplateParameter) {
			add(at+"/image", p.Image)
			add(at+"/video", p.Video)
			add(at+"/document", p.Document)
		})
	}
	return list
}

// walkParameters visits the parameters of components and of the cards in them.
func walkParameters(at string, list []channels.TemplateComponent, visit func(string, *channels.TemplateParameter)) {
	for i := range list {
		here := at + "/components/" + strconv.Itoa(i)
		for j := range list[i].Parameters {
			visit(here+"/parameters/"+strconv.Itoa(j), &list[i].Parameters[j])
		}
		for j := range list[i].Cards {
			walkParameters(here+"/cards/"+strconv.Itoa(j), list[i].Cards[j].Components, visit)
		}
	}
}
