package whatsapp

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/linktor/linktor/channels"
)

const probeFields = "id,display_phone_number,verified_name,quality_rating,status,name_status,platform_type,throughput," +
	"whatsapp_business_manager_messaging_limit,account_mode"

// phoneNumber is what Meta tells of the number. Source: Meta, "Business phone
// numbers".
type phoneNumber struct {
	ID         string `json:"id"`
	Display    string `json:"display_phone_number"`
	Name       string `json:"verified_name"`
	Quality    string `json:"quality_rating"`
	Status     string `json:"status"`
	NameStatus string `json:"name_status"`
	Platform   string `json:"platform_type"`
	Throughput struct {
		Level string `json:"level"`
	} `json:"throughput"`
	Tier string `json:"whatsapp_business_manager_messaging_limit"`
	Mode string `json:"account_mode"`
}

// Probe asks Meta for the number and for the apps that receive its webhooks. An
// error means that Meta could not be asked; what Meta finds wrong is a problem.
func (a *Account) Probe(ctx context.Context) (channels.Health, error) {
	h := channels.Health{Details: map[string]string{}}
	var n phoneNumber
	err := a.graph.json(ctx, request{
		method: http.MethodGet, path: "/" + a.set.PhoneNumberID, query: url.Values{"fields": {probeFields}},
	}, nil, &n)
	if err := problem(&h, "The phone number cannot be read", err); err != nil {
		return channels.Health{}, err
	}
	if err == nil {
		n.judge(&h)
	}
	if err := a.probeWebhooks(ctx, &h); err != nil {
		return channels.Health{}, err
	}
	h.OK = len(h.Problems) == 0
	return h, nil
}

// problem turns a refusal into a sentence and returns what is no refusal.
func problem(h *channels.Health, what string, err error) error {
	if err == nil {
		return nil
	}
	refused, ok := errors.AsType[*channels.SendError](err)
	switch {
	case !ok || refused.Class == channels.ClassNotSent || refused.Class == channels.ClassUncertain:
		return err
	}
	action := refused.Action
	if !refused.Class.Final() && refused.Class != channels.ClassChannel { // it is about messages, which are sent again by themselves
		action = "Ask again in a minute."
	}
	h.Problems = append(h.Problems, what+" ("+refused.Code+", "+refused.Title+"). "+action)
	return nil
}

// judge fills in the details and says what stands in the way of sending.
func (n *phoneNumber) judge(h *channels.Health) {
	for key, v := range map[string]string{
		"displayPhoneNumber": n.Display, "verifiedName": n.Name, "qualityRating": n.Quality, "status": n.Status,
		"nameStatus": n.NameStatus, "platform": n.Platform, "throughput": n.Throughput.Level, "tier": n.Tier,
		"accountMode": n.Mode,
	} {
		if v != "" {
			h.Details[key] = v
		}
	}
	say := func(s string) { h.Problems = append(h.Problems, s) }
	switch strings.ToUpper(n.Status) {
	case "", "CONNECTED":
	case "PENDING", "UNVERIFIED", "DISCONNECTED":
		say("The number is not registered with the Cloud API: register it in WhatsApp Manager.")
	case "BANNED", "RESTRICTED", "DELETED":
		say("Meta has blocked or removed the number: see WhatsApp Manager, Account quality.")
	case "FLAGGED":
		say("The number's quality is low: send less marketing before Meta lowers its limit.")
	default:
		say("The number's state is " + word(loose(n.Status)) + ": see WhatsApp Manager.")
	}
	if n.Quality == "RED" {
		say("Customers rate the number's messages badly: check what campaigns send.")
	}
}

// probeWebhooks finds out whether webhooks can arrive and be trusted.
func (a *Account) probeWebhooks(ctx context.Context, h *channels.Health) error {
	say := func(s string) { h.Problems = append(h.Problems, s) }
	if a.set.AppSecret == "" {
		say("Set the app secret (App Dashboard, Settings, Basic): without it every webhook is refused.")
	}
	if a.set.VerifyToken == "" {
		say("Set a verify token, and enter the same one with the webhook URL at Meta.")
	}
	if a.set.BusinessAccountID == "" {
		say("Set the business account id: templates and the check of webhooks need it.")
		return nil
	}
	var apps struct {
		Data []struct {
			App struct {
				ID string `json:"id"`
			} `json:"whatsapp_business_api_data"`
		} `json:"data"`
	}
	err := a.graph.json(ctx, request{
		method: http.MethodGet, path: "/" + a.set.BusinessAccountID + "/subscribed_apps",
	}, nil, &apps)
	if err != nil {
		return problem(h, "The business account cannot be read", err)
	}
	subscribed := a.set.AppID == "" && len(apps.Data) > 0
	for _, d := range apps.Data {
		subscribed = subscribed || d.App.ID == a.set.AppID
	}
	if !subscribed {
		say("The app is not subscribed to the business account: call POST /" + a.set.BusinessAccountID +
			"/subscribed_apps with its token, or webhooks stay away.")
	}
	return nil
}
