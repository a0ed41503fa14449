package media

import (
	"fmt"

	"github.com/linktor/linktor/channels"
)

// Walk calls fn for every file that c refers to, with its JSON pointer inside the
// content, e.g. /interactive/header/image. It stops at the first error.
func Walk(c *channels.Content, fn func(pointer string, m *channels.Media) error) error {
	w := walker{fn: fn}
	if part := c.MediaPart(); part != nil {
		w.visit("/"+c.Type, part)
	}
	if c.Interactive != nil && c.Interactive.Header != nil {
		h := c.Interactive.Header
		w.visit("/interactive/header/image", h.Image)
		w.visit("/interactive/header/video", h.Video)
		w.visit("/interactive/header/document", h.Document)
	}
	if c.Template != nil {
		w.components("/template/components", c.Template.Components)
	}
	return w.err
}

type walker struct {
	fn  func(string, *channels.Media) error
	err error
}

func (w *walker) visit(pointer string, m *channels.Media) {
	if w.err == nil && m != nil {
		w.err = w.fn(pointer, m)
	}
}

func (w *walker) components(at string, list []channels.TemplateComponent) {
	for i := range list {
		at := fmt.Sprintf("%s/%d", at, i)
		for j := range list[i].Parameters {
			p, at := &list[i].Parameters[j], fmt.Sprintf("%s/parameters/%d", at, j)
			w.visit(at+"/image", p.Image)
			w.visit(at+"/video", p.Video)
			w.visit(at+"/document", p.Document)
			w.visit(at+"/gif", p.GIF)
		}
		for j := range list[i].Cards {
			w.components(fmt.Sprintf("%s/cards/%d/components", at, j), list[i].Cards[j].Components)
		}
	}
}
