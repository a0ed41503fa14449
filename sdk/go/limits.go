package linktor

import (
	"context"
	"net/http"
	"time"
)

// ChannelLimits are every limit of a channel and what waits for it.
type ChannelLimits struct {
	Throughput struct {
		Limit          float64    `json:"limit"` // messages per second, as configured
		Rate           float64    `json:"rate"`  // the present one: lower after the provider complained
		Used           int64      `json:"used"`  // of what may go out at once
		Remaining      int64      `json:"remaining"`
		ResetsAt       *time.Time `json:"resetsAt"`
		ThrottledUntil *time.Time `json:"throttledUntil"` // the provider asked to wait
	} `json:"throughput"`
	Pair struct {
		Limit          int64      `json:"limit"`          // messages to one recipient at once; 0: not limited
		EverySeconds   int64      `json:"everySeconds"`   // what each of them has to be paid back with
		RecipientsHeld int64      `json:"recipientsHeld"` // who have to wait
		ResetsAt       *time.Time `json:"resetsAt"`       // when the first of them may get another
	} `json:"pair"`
	Tier struct {
		Scope     string     `json:"scope"` // channel, portfolio
		Preset    string     `json:"preset"`
		Policy    string     `json:"policy"` // wait, reject
		Name      string     `json:"name"`
		Limit     int64      `json:"limit"` // people written to first in 24 hours; 0: not known, -1: unlimited
		Used      int64      `json:"used"`
		Remaining *int64     `json:"remaining"` // nil if nothing is limited
		ResetsAt  *time.Time `json:"resetsAt"`  // when the next place is free
		Source    string     `json:"source"`    // provider, operator, check
	} `json:"tier"`
	Marketing *struct {
		Until   *time.Time `json:"until"`   // of the whole channel
		Persons int64      `json:"persons"` // to whom the provider holds marketing back
	} `json:"marketing"`
	Templates []struct { // those that the provider paused or disabled
		Name     string     `json:"name"`
		Language string     `json:"language"`
		Status   string     `json:"status"`
		Until    *time.Time `json:"until"`
	} `json:"templates"`
	Breaker struct {
		State  string     `json:"state"` // closed, open, probing
		Until  *time.Time `json:"until"`
		Reason string     `json:"reason"`
		Opens  int64      `json:"opens"` // in a row
	} `json:"breaker"`
	TierPresets []TierPreset `json:"tierPresets"`
	Queued      int64        `json:"queued"` // messages that are not sent yet
	Waiting     []struct {   // those that have waited for more than a moment
		Reason     string     `json:"reason"`
		Count      int64      `json:"count"`
		Until      *time.Time `json:"until"`      // of the first; nil: until somebody acts
		MessageIDs []string   `json:"messageIds"` // a few of them
	} `json:"waiting"`
}

// TierPreset is a table of messaging tiers.
type TierPreset struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Scope string `json:"scope"`
	Tiers []struct {
		Name         string `json:"name"`
		Recipients   int64  `json:"recipients"` // -1: unlimited
		Requirements string `json:"requirements"`
	} `json:"tiers"`
}

// Limits returns every limit of a channel and what waits for it.
func (c Channels) Limits(ctx context.Context, id string, options ...CallOption) (*ChannelLimits, error) {
	body, err := fetch[struct{ Data ChannelLimits }](ctx, c.t, http.MethodGet, path("channels", id, "limits"), nil, options)
	if err != nil {
		return nil, err
	}
	return &body.Data, nil
}
