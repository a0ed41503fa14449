package whatsapp

import (
	"strconv"
	"strings"

	"github.com/linktor/linktor/channels"
)

// upgradedThroughput is what Meta calls HIGH: messages per second in and out.
// Source: Meta, "Throughput".
const upgradedThroughput = 1000

// tierRecipients are the messaging limits: unique customers in a moving 24 h
// outside service windows; -1 is unlimited. TIER_1K is the older ladder's.
// Source: Meta, "Messaging limits".
var tierRecipients = map[string]int{
	"TIER_50": 50, "TIER_250": 250, "TIER_1K": 1_000, "TIER_2K": 2_000, "TIER_10K": 10_000,
	"TIER_100K": 100_000, "TIER_UNLIMITED": -1,
}

// limitOf reads a tier that is a name or a number: both are documented.
func limitOf(l loose) *channels.LimitChange {
	out := &channels.LimitChange{Tier: string(l)}
	if n, err := strconv.Atoi(string(l)); err == nil {
		out.Tier, out.Recipients = "", n
	} else {
		out.Recipients = tierRecipients[out.Tier]
	}
	return out
}

// quality reads phone_number_quality_update, which is about tiers more often
// than about quality.
func (v *noticeValue) quality() channels.Change {
	limit := limitOf(v.PerBusiness)
	if v.PerBusiness == "" {
		limit = limitOf(v.CurrentLimit)
	}
	c := channels.Change{Type: changeTier, Limit: limit, Severity: severityInfo}
	switch v.Event {
	case "FLAGGED":
		c.Type, c.Severity, limit.Quality = changeQuality, severityWarning, "RED"
		c.Summary = "The number's quality is low: send less marketing, or its limit will be lowered."
	case "UNFLAGGED":
		c.Type, c.Summary = changeQuality, "The number's quality is no longer low."
	case "THROUGHPUT_UPGRADE":
		limit.Throughput = upgradedThroughput
		c.Summary = "The number may now send " + strconv.Itoa(upgradedThroughput) + " messages per second."
	case "DOWNGRADE":
		c.Severity = severityWarning
		c.Summary = "The messaging limit was lowered to " + tierWords(limit) + "."
	default:
		c.Summary = "The messaging limit is " + tierWords(limit) + "."
	}
	return c
}

func (v *noticeValue) capability() channels.Change {
	limit := limitOf(v.PerBusiness)
	if v.PerBusiness == "" {
		limit = limitOf(v.PerPhone)
	}
	return channels.Change{Type: changeTier, Limit: limit, Summary: "The messaging limit is " + tierWords(limit) + "."}
}

func tierWords(l *channels.LimitChange) string {
	switch {
	case l.Recipients < 0:
		return "unlimited"
	case l.Recipients > 0:
		return strconv.Itoa(l.Recipients) + " customers in 24 hours"
	case l.Tier == "" || l.Tier == "TIER_NOT_SET":
		return "not set yet"
	}
	return l.Tier
}

func (v *noticeValue) alert() channels.Change {
	c := channels.Change{Type: changeAlert, Severity: severityInfo, Summary: "Meta alert: " + word(v.Alert.Type) + "."}
	switch v.Alert.Severity {
	case "CRITICAL":
		c.Severity = severityCritical
	case "WARNING":
		c.Severity = severityWarning
	}
	return c
}

// accountEvent says how grave an account_update is and what it means.
type accountEvent struct{ severity, summary string }

// accountEvents are the documented events of account_update.
var accountEvents = map[loose]accountEvent{
	"ACCOUNT_DELETED":                            {severityCritical, "The WhatsApp Business Account was deleted."},
	"ACCOUNT_VIOLATION":                          {severityWarning, "Meta found a policy violation of the account: read it in WhatsApp Manager."},
	"ACCOUNT_RESTRICTION":                        {severityCritical, "Meta restricted the account: see the restriction and its end in WhatsApp Manager."},
	"ACCOUNT_OFFBOARDED":                         {severityCritical, "The number was disconnected from the Cloud API in the WhatsApp Business app."},
	"ACCOUNT_RECONNECTED":                        {severityInfo, "The number is connected to the Cloud API again."},
	"VERIFIED_ACCOUNT":                           {severityInfo, "The account was verified."},
	"AD_ACCOUNT_LINKED":                          {severityInfo, "An ad account was linked."},
	"AUTH_INTL_PRICE_ELIGIBILITY_UPDATE":         {severityInfo, "The rates for international authentication messages change."},
	"BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE":   {severityInfo, "The primary business location was set."},
	"MM_LITE_TERMS_SIGNED":                       {severityInfo, "The terms of the Marketing Messages API were accepted."},
	"PARTNER_ADDED":                              {severityInfo, "The account was shared with a partner."},
	"PARTNER_REMOVED":                            {severityWarning, "The account is no longer shared with the partner: sending may stop."},
	"PARTNER_APP_INSTALLED":                      {severityInfo, "A partner's app was installed on the account."},
	"PARTNER_APP_UNINSTALLED":                    {severityWarning, "A partner's app was removed from the account: webhooks may stop."},
	"PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE": {severityInfo, "The business verification led by the partner has a new state."},
	"VOLUME_BASED_PRICING_TIER_UPDATE":           {severityInfo, "The account reached another price tier."},
}

func (v *noticeValue) account() channels.Change {
	c := channels.Change{Type: changeAccount, Severity: severityInfo}
	if e, ok := accountEvents[v.Event]; ok {
		c.Severity, c.Summary = e.severity, e.summary
	} else {
		c.Summary = "The account has a new state: " + word(v.Event) + "."
	}
	if v.Event == "DISABLED_UPDATE" {
		switch v.Ban.State {
		case "REINSTATE":
			c.Summary = "The account was reinstated."
		case "SCHEDULE_FOR_DISABLE":
			c.Severity, c.Summary = severityCritical, "Meta will disable the account: appeal in Business Support Home."
		default:
			c.Severity, c.Summary = severityCritical, "Meta disabled the account: nothing can be sent. Appeal in Business Support Home."
		}
	}
	return c
}

func (v *noticeValue) review() channels.Change {
	c := channels.Change{Type: changeAccount, Summary: "The account review ended: " + word(v.Decision) + "."}
	if v.Decision == "REJECTED" {
		c.Severity = severityCritical
	}
	return c
}

func (v *noticeValue) name() channels.Change {
	c := channels.Change{Type: changeAccount, Summary: "The display name was reviewed: " + word(v.Decision) + "."}
	if v.Decision == "REJECTED" {
		c.Severity = severityWarning
	}
	return c
}

func (v *noticeValue) flow() channels.Change {
	c := channels.Change{Type: changeProvider, Summary: "A Flow reports " + word(v.Event) + "."}
	if v.AlertState == "ACTIVATED" {
		c.Type, c.Severity = changeAlert, severityWarning
	}
	return c
}

// word makes an enumeration value readable: PIN_CHANGED becomes "pin changed".
// Values are cut, because a summary is one sentence.
func word(l loose) string {
	if l == "" {
		return "unknown"
	}
	return words(string(l[:min(len(l), 64)]))
}

func words(s string) string {
	return strings.ToValidUTF8(strings.ToLower(strings.ReplaceAll(s, "_", " ")), "")
}
