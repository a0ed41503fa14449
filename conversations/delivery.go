package conversations

import (
	"time"

	"github.com/linktor/linktor/channels"
)

// Ordering says whether later messages to the same contact may pass a message.
type Ordering string

const (
	// OrderStrict: nothing that was accepted later is sent before it, until it is
	// settled or its validity ends.
	OrderStrict Ordering = "strict"
	// OrderBestEffort: later messages pass it once it has been held up for longer
	// than passAfter by something other than a limit, and at once while a limit holds
	// it that does not hold them and can last for days: a paused template, marketing,
	// the messaging tier.
	OrderBestEffort Ordering = "bestEffort"
)

// passAfter is how long a message of OrderBestEffort holds up those behind it.
const passAfter = 120 * time.Second

// orderingOf is the ordering of a message that asks for none: a conversation is
// read in its order, a notification stands for itself.
func orderingOf(asked Ordering, content *channels.Content) Ordering {
	switch {
	case asked != "":
		return asked
	case content.Type == channels.TypeTemplate:
		return OrderBestEffort
	}
	return OrderStrict
}

// Delivery is what a request said about its delivery, where that differs from the
// usual. It is kept with the message, which may be tried again long after its send
// was settled.
type Delivery struct {
	OnUncertain string    `json:"onUncertain,omitempty"`
	Ordering    Ordering  `json:"ordering,omitempty"`
	ValidFor    int64     `json:"validFor,omitempty"` // seconds
	Fallback    *Fallback `json:"fallback,omitempty"`
}

// Fallback is the template that is sent if the service window is closed.
type Fallback struct {
	Content  channels.Content `json:"content"`
	Category string           `json:"category,omitempty"`
}

// delivery is d's Delivery as it is stored: empty if there is nothing unusual.
func (d *Draft) delivery() Delivery {
	v := Delivery{Ordering: d.Ordering, Fallback: d.Fallback}
	if d.OnUncertain != UncertainAuto {
		v.OnUncertain = d.OnUncertain
	}
	if d.validity() != DefaultValidity {
		v.ValidFor = int64(d.validity() / time.Second)
	}
	return v
}

// text is v as it is stored.
func (v Delivery) text() (string, error) {
	if v == (Delivery{}) {
		return "", nil
	}
	return jsonText(v)
}

func (v Delivery) validity() time.Duration {
	if v.ValidFor > 0 {
		return time.Duration(v.ValidFor) * time.Second
	}
	return DefaultValidity
}

func (v Delivery) onUncertain() string {
	if v.OnUncertain == "" {
		return UncertainAuto
	}
	return v.OnUncertain
}

// priorityOf is the place of content among what waits on a channel.
func priorityOf(content *channels.Content, category string) int64 {
	switch {
	case content.Type != channels.TypeTemplate:
		return priorityReply
	case category == "MARKETING":
		return priorityMarketing
	}
	return priorityUtility
}
