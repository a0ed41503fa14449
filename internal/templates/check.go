package templates

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/fault"
)

// at is where a message's template is in the request.
const at = "/content/template"

// Check compares a message's parameters with its template, so that a message that
// the provider would refuse costs no call. It returns the template's category and
// how long a message made from it may wait, both empty if they are not known.
func (s *Store) Check(ctx context.Context, tenantID, channelID string, use *channels.TemplateUse) (category string, ttl time.Duration, err error) {
	inv := &channels.Invalid{}
	if use.Name == "" {
		inv.Add(at+"/name", "required", "A template message names its template.")
	}
	if use.Language.Code == "" {
		inv.Add(at+"/language/code", "required", "A template message names its language, such as en_US.")
	}
	if err := inv.Err(); err != nil {
		return "", 0, fault.FromInvalid(err, "")
	}
	t, err := s.one(ctx, selectTemplates+` AND name = $3 AND language = $4`, tenantID, channelID, use.Name, use.Language.Code)
	if fault.KindOf(err) == fault.NotFound {
		return "", 0, s.unknown(ctx, tenantID, channelID, use.Name)
	}
	if err != nil {
		return "", 0, err
	}
	lapsed, err := s.pauseLapsed(ctx, t)
	if err != nil {
		return "", 0, err
	}
	if t.Status != "" && !strings.EqualFold(t.Status, "APPROVED") && !lapsed {
		f := fault.Field(at+"/name", "not_allowed", "The template's status is "+strings.ToUpper(t.Status)+": only approved templates can be sent.")
		f.Code = "template_not_approved"
		return "", 0, f
	}
	c := checker{inv: inv}
	c.components(parse(t.Components), use.Components, at+"/components")
	if err := inv.Err(); err != nil {
		f := fault.FromInvalid(err, "").(*fault.Error) //nolint:errorlint,forcetypeassert // made from an Invalid
		f.Code = "template_parameters"
		f.Message = "The parameters do not fit the template."
		return "", 0, f
	}
	return t.Category, time.Duration(t.TTLSeconds) * time.Second, nil
}

// pauseLapsed reports whether t was paused for a time that is over: a refusal told
// of the pause, and nobody tells of its end.
func (s *Store) pauseLapsed(ctx context.Context, t Template) (lapsed bool, err error) {
	if t.Status != "PAUSED" {
		return false, nil
	}
	err = s.db.GetContext(ctx, &lapsed, `SELECT paused_until > 0 AND paused_until <= `+s.db.Dialect.Clock()+` FROM templates WHERE id = $1`, t.ID)
	if err != nil {
		return false, fmt.Errorf("read the pause of template %s: %w", t.ID, err)
	}
	return lapsed, nil
}

// unknown is the fault for a template that the provider's list does not have. If
// the list was never read, there is no fault: the provider decides.
func (s *Store) unknown(ctx context.Context, tenantID, channelID, name string) error {
	var listed, sameName int
	err := s.db.QueryRowContext(ctx, `
		SELECT COUNT(*), COALESCE(SUM(CASE WHEN name = $3 THEN 1 ELSE 0 END), 0) FROM templates
		WHERE tenant_id = $1 AND channel_id = $2 AND synced_at > 0`, tenantID, channelID, name).Scan(&listed, &sameName)
	if err != nil {
		return fmt.Errorf("count templates: %w", err)
	}
	if listed == 0 {
		return nil
	}
	f := fault.Field(at+"/name", "not_found", "The channel has no template of this name. If it is new, sync the templates.")
	if sameName > 0 {
		f = fault.Field(at+"/language/code", "not_found", "The template does not exist in this language.")
	}
	f.Code = "template_unknown"
	return f
}

// checker collects what does not fit.
type checker struct{ inv *channels.Invalid }

// components compares the parts of a template, or of a card, with what fills them.
func (c *checker) components(defs []definition, use []channels.TemplateComponent, at string) {
	if defs == nil {
		return
	}
	if body := find(defs, "BODY"); body != nil && body.Text != nil {
		c.texts(variables(*body.Text), use, "body", at)
	}
	c.header(find(defs, "HEADER"), use, at)
	c.buttons(find(defs, "BUTTONS"), use, at)
	if carousel := find(defs, "CAROUSEL"); carousel != nil {
		c.cards(carousel.Cards, use, at)
	}
	if offer := find(defs, "LIMITED_TIME_OFFER"); offer != nil && offer.Offer != nil && offer.Offer.HasExpiration && part(use, "limited_time_offer") < 0 {
		c.inv.Add(at, "required", "The template has a limited-time offer: add a component of type limited_time_offer.")
	}
}

func part(use []channels.TemplateComponent, typ string) int {
	return slices.IndexFunc(use, func(u channels.TemplateComponent) bool { return strings.EqualFold(u.Type, typ) })
}

// texts compares placeholders with the text parameters of one component.
func (c *checker) texts(names []string, use []channels.TemplateComponent, typ, at string) {
	i := part(use, typ)
	if i < 0 {
		if len(names) > 0 {
			c.inv.AddLimit(at, "required", len(names), fmt.Sprintf("The template's %s has %d parameter(s): add a component of type %s.", typ, len(names), typ))
		}
		return
	}
	params, at := use[i].Parameters, fmt.Sprintf("%s/%d/parameters", at, i)
	if len(params) != len(names) {
		code := "too_few"
		if len(params) > len(names) {
			code = "too_many"
		}
		c.inv.AddLimit(at, code, len(names), fmt.Sprintf("The template's %s has %d parameter(s); this has %d.", typ, len(names), len(params)))
		return
	}
	for j, p := range params {
		at := at + "/" + strconv.Itoa(j)
		switch p.Type {
		case "text":
			if p.Text == "" {
				c.inv.Add(at+"/text", "required", "A parameter may not be empty.")
			}
		case "currency", "date_time":
		default:
			c.inv.Add(at+"/type", "invalid", "A parameter of the "+typ+" is of type text, currency or date_time.")
		}
		if named(names) && !slices.Contains(names, p.ParameterName) {
			c.inv.Add(at+"/parameter_name", "invalid", "The template names its parameters: "+strings.Join(names, ", ")+".")
		}
	}
	if named(names) {
		c.eachNamedOnce(names, params, at)
	}
}

func (c *checker) eachNamedOnce(names []string, params []channels.TemplateParameter, at string) {
	for _, name := range names {
		n := 0
		for _, p := range params {
			if p.ParameterName == name {
				n++
			}
		}
		if n > 1 {
			c.inv.Add(at, "invalid", "The parameter "+name+" is given more than once.")
		}
	}
}

// header compares the header: text placeholders, one file, or a location.
func (c *checker) header(def *definition, use []channels.TemplateComponent, at string) {
	i := part(use, "header")
	if def == nil {
		if i >= 0 && len(use[i].Parameters) > 0 {
			c.inv.Add(fmt.Sprintf("%s/%d", at, i), "not_allowed", "The template has no header.")
		}
		return
	}
	format := strings.ToLower(def.Format)
	if format == "" || format == "text" {
		if def.Text != nil {
			c.texts(variables(*def.Text), use, "header", at)
		}
		return
	}
	if i < 0 || len(use[i].Parameters) == 0 {
		c.inv.Add(at, "required", "The template's header is of type "+format+": add a component of type header with it.")
		return
	}
	p, at := use[i].Parameters[0], fmt.Sprintf("%s/%d/parameters/0", at, i)
	if p.Type != format {
		c.inv.Add(at+"/type", "invalid", "The template's header is of type "+format+".")
		return
	}
	file := map[string]*channels.Media{"image": p.Image, "video": p.Video, "document": p.Document, "gif": p.GIF}
	m, isFile := file[format]
	if isFile && (m == nil || m.URL+m.MediaID+m.ProviderID == "") {
		c.inv.Add(at+"/"+format, "required", "Name the file by url, mediaId or providerId.")
	}
	if format == "location" && p.Location == nil {
		c.inv.Add(at+"/location", "required", "The header is a location.")
	}
}

// cards compares the cards of a carousel, by their index.
func (c *checker) cards(defs []cardLayout, use []channels.TemplateComponent, at string) {
	i := part(use, "carousel")
	if i < 0 {
		c.inv.AddLimit(at, "required", len(defs), fmt.Sprintf("The template has %d cards: add a component of type carousel.", len(defs)))
		return
	}
	at = fmt.Sprintf("%s/%d/cards", at, i)
	if n := len(use[i].Cards); n != len(defs) {
		c.inv.AddLimit(at, "invalid", len(defs), fmt.Sprintf("The template has %d cards; this has %d.", len(defs), n))
		return
	}
	for j, card := range use[i].Cards {
		if card.CardIndex < 0 || card.CardIndex >= len(defs) {
			c.inv.Add(fmt.Sprintf("%s/%d/card_index", at, j), "invalid", "There is no such card.")
			continue
		}
		c.components(defs[card.CardIndex].Components, card.Components, fmt.Sprintf("%s/%d/components", at, j))
	}
}
