package api

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/media"
	"github.com/linktor/linktor/internal/registry"
)

const (
	// maxSendAhead is how far ahead a message can be scheduled.
	maxSendAhead = 30 * 24 * time.Hour
	// lateSendAt is how far in the past sendAt may be, for the time that a request
	// takes and for clocks that differ. Earlier than that is taken for a mistake.
	lateSendAt = time.Minute
)

// sendAt reads when a message is to be sent; zero means now.
func (s *Server) sendAt(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	now := s.Now()
	switch {
	case err != nil:
		return at, fault.Field("/sendAt", "invalid", writeTime)
	case at.Before(now.Add(-lateSendAt)):
		return at, fault.Field("/sendAt", "invalid", "The time is in the past.")
	case at.After(now.Add(maxSendAhead)):
		return at, fault.Field("/sendAt", "invalid", "A message can be scheduled at most 30 days ahead.")
	}
	return at, nil
}

// fallback checks the template that is sent if the window is closed, as if it were
// the message.
func (s *Server) fallback(ctx context.Context, p *account.Principal, o *registry.Open, to channels.Recipient, quoted string, b sendBody) (*conversations.Fallback, error) {
	const at = "/fallbackTemplate"
	c := b.FallbackTemplate
	switch {
	case c == nil:
		return nil, nil //nolint:nilnil // most messages have none
	case b.Content.Type == channels.TypeTemplate:
		return nil, fault.Field(at, "not_allowed", "A template needs no fallback: it can be sent at any time.")
	case c.Type != channels.TypeTemplate || c.Template == nil:
		return nil, fault.Field(at+"/type", "invalid", "The fallback is content of type template.")
	}
	err := media.Walk(c, func(part string, m *channels.Media) error {
		return s.Media.Describe(ctx, p.TenantID, at+part, m)
	})
	if err != nil {
		return nil, err
	}
	if err := o.Account.Check(channels.Outbound{To: to, Content: *c, ReplyTo: quoted, Options: b.Options}); err != nil {
		return nil, moved(fault.FromInvalid(err, ""), at)
	}
	category, _, err := s.Templates.Check(ctx, p.TenantID, o.ID, c.Template)
	if err != nil {
		return nil, moved(err, at)
	}
	return &conversations.Fallback{Content: *c, Category: category}, nil
}

// moved lets the pointers of a fault, which were made for /content, begin with at.
func moved(err error, at string) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	for i, p := range f.Problems {
		if rest, found := strings.CutPrefix(p.Pointer, "/content"); found {
			f.Problems[i].Pointer = at + rest
		}
	}
	return f
}
