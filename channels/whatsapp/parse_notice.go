package whatsapp

import (
	"fmt"
	"time"

	gojson "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/linktor/linktor/channels"
)

// The types of change that this adapter emits; see channels.Change.
const (
	changeTemplateStatus     = "template.status"
	changeTemplateQuality    = "template.quality"
	changeTemplateCategory   = "template.category"
	changeTemplateComponents = "template.components"
	changeQuality            = "channel.quality"
	changeTier               = "channel.tier"
	changeAlert              = "channel.alert"
	changeAccount            = "channel.account"
	changePreference         = "contact.preference"
	changeIdentity           = "contact.identity"
	changeCall               = "call.event"
	changeProvider           = "provider.change"

	severityInfo     = "info"
	severityWarning  = "warning"
	severityCritical = "critical"
)

// notice is a change whose value is one announcement, not a list of items.
type notice struct {
	field string
	waba  string
	at    time.Time
	raw   jsontext.Value
}

// noticeValue joins the members of all announcements that we interpret; each
// field uses a few. Source: Meta, "Webhooks reference", a page per field.
type noticeValue struct {
	Event         loose `json:"event"`
	Decision      loose `json:"decision"`
	DisplayNumber loose `json:"display_phone_number"`

	TemplateID     loose       `json:"message_template_id"`
	TemplateName   loose       `json:"message_template_name"`
	TemplateLang   loose       `json:"message_template_language"`
	TemplateCat    loose       `json:"message_template_category"`
	Reason         loose       `json:"reason"`
	RejectionInfo  noticeInfo  `json:"rejection_info"`
	OtherInfo      noticeInfo  `json:"other_info"`
	QualityOld     loose       `json:"previous_quality_score"`
	QualityNew     loose       `json:"new_quality_score"`
	CategoryNew    loose       `json:"new_category"`
	CategoryRight  loose       `json:"correct_category"`
	CurrentLimit   loose       `json:"current_limit"`
	PerBusiness    loose       `json:"max_daily_conversations_per_business"`
	PerPhone       loose       `json:"max_daily_conversation_per_phone"`
	Alert          noticeAlert `json:"alert_info"`
	AlertState     loose       `json:"alert_state"`
	Ban            noticeBan   `json:"ban_info"`
	Violation      noticeInfo  `json:"violation_info"`
	UsernameStatus loose       `json:"status"`
}

type (
	noticeInfo struct {
		Title         loose `json:"title"`
		Description   loose `json:"description"`
		Reason        loose `json:"reason"`
		ViolationType loose `json:"violation_type"`
	}
	noticeAlert struct {
		Severity loose `json:"alert_severity"`
		Type     loose `json:"alert_type"`
	}
	noticeBan struct {
		State loose `json:"waba_ban_state"`
		Date  loose `json:"waba_ban_date"`
	}
)

// notice emits one change for n. Unknown fields are passed on whole.
func (p *parser) notice(n notice) {
	var v noticeValue
	if err := gojson.Unmarshal(n.raw, &v, lenient); err != nil {
		p.invalid(reason("value", err), n.raw)
		return
	}
	if why := p.account.foreignNotice(n, &v); why != "" {
		p.add(n.field, channels.Change{
			Type: changeProvider, At: n.at, Summary: why, Severity: severityInfo,
		}, n.raw)
		return
	}
	c := v.read(n.field)
	c.At = n.at
	p.add(n.field, c, n.raw)
}

// foreignNotice says why an announcement is not about this channel: another WABA
// of the app, or another number of the WABA.
func (a *Account) foreignNotice(n notice, v *noticeValue) string {
	if ours := a.set.BusinessAccountID; ours != "" && n.waba != "" && n.waba != ours {
		return fmt.Sprintf("This announcement is about business account id %.32s, not this channel's.", n.waba)
	}
	ours := digits(a.set.DisplayPhoneNumber)
	if theirs := digits(string(v.DisplayNumber)); ours != "" && theirs != "" && theirs != ours {
		return "This announcement is about another phone number of the business account."
	}
	return ""
}

// read interprets v. Meta's own sample of a quality update bears the name of the
// status field, so templates are told apart by their members.
func (v *noticeValue) read(field string) channels.Change {
	switch field {
	case "message_template_status_update", "message_template_quality_update", "template_category_update",
		"message_template_components_update":
		return v.template(field)
	case "phone_number_quality_update":
		return v.quality()
	case "business_capability_update":
		return v.capability()
	case "account_alerts":
		return v.alert()
	case "account_update":
		return v.account()
	case "account_review_update":
		return v.review()
	case "phone_number_name_update":
		return v.name()
	case "security":
		return channels.Change{
			Type: changeAlert, Severity: severityWarning,
			Summary: "Security notice about the two-step PIN: " + word(v.Event) + ". Check who did this.",
		}
	case "business_username_update", "business_username_updates":
		return channels.Change{Type: changeAccount, Summary: "The business username is now " + word(v.UsernameStatus) + "."}
	case "flows":
		return v.flow()
	case "account_settings_update", "payment_configuration_update", "partner_solutions", "messaging_handovers":
		return channels.Change{Type: changeProvider, Summary: "Meta announced a change of " + words(field) + "."}
	}
	return channels.Change{
		Type:    changeProvider,
		Summary: "Meta sent a kind of announcement that Linktor does not interpret. It is passed on whole.",
	}
}

// template reads the four announcements about a template.
func (v *noticeValue) template(field string) channels.Change {
	t := &channels.TemplateChange{
		ProviderID: string(v.TemplateID), Name: string(v.TemplateName), Language: string(v.TemplateLang),
	}
	c := channels.Change{Template: t, Severity: severityInfo}
	switch {
	case v.QualityNew != "":
		c.Type, t.Quality = changeTemplateQuality, string(v.QualityNew)
		if t.Quality == "RED" || t.Quality == "YELLOW" {
			c.Severity = severityWarning
		}
		c.Summary = fmt.Sprintf("The quality of template %.64s is now %s.", t.Name, word(v.QualityNew))
	case v.CategoryNew != "" || v.CategoryRight != "":
		c.Type = changeTemplateCategory
		t.Category = string(v.CategoryNew)
		c.Summary = fmt.Sprintf("Template %.64s is now in category %s.", t.Name, word(v.CategoryNew))
		if v.CategoryRight != "" && v.CategoryRight != v.CategoryNew { // notice of 24 hours: new is still the old one
			c.Severity = severityWarning
			c.Summary = fmt.Sprintf("Meta will move template %.64s to category %s within 24 hours.", t.Name, word(v.CategoryRight))
		}
	case field == "message_template_components_update":
		c.Type = changeTemplateComponents
		c.Summary = fmt.Sprintf("Template %.64s was edited: fetch it again.", t.Name)
	default:
		v.templateStatus(&c, t)
	}
	return c
}

func (v *noticeValue) templateStatus(c *channels.Change, t *channels.TemplateChange) {
	c.Type = changeTemplateStatus
	t.Status, t.Category = string(v.Event), string(v.TemplateCat)
	if v.Reason != "NONE" {
		t.Reason = string(v.Reason)
	}
	for _, s := range []loose{v.RejectionInfo.Reason, v.OtherInfo.Description} {
		if s != "" {
			t.Reason = string(s)
		}
	}
	c.Summary = fmt.Sprintf("Template %.64s is now %s.", t.Name, word(v.Event))
	switch v.Event {
	case "REJECTED", "PAUSED", "DISABLED", "FLAGGED", "LIMIT_EXCEEDED", "LOCKED", "PENDING_DELETION", "DELETED":
		c.Severity = severityWarning
	}
}
