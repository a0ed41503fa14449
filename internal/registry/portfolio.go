package registry

import (
	"strings"

	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/limits"
)

// businessAccount is the setting whose channels share a messaging tier unless
// somebody says otherwise.
const businessAccount = "businessAccountId"

// shares reports whether the channels of a portfolio share a tier of the table.
func shares(preset string) bool {
	p, ok := limits.PresetOf(preset)
	return ok && p.Scope == "portfolio"
}

// place gives a changed channel its portfolio: this is the one place that decides
// who shares a messaging tier, everybody else reads the column. named is what the
// change says about it, before and account are the channel and its business account
// as they were.
func (x *row) place(before row, account string, settings object, named *string) error {
	own := settings.text(businessAccount)
	switch {
	case !shares(x.TierPreset):
		if named != nil && *named != "" {
			return fault.Field("/portfolioId", "not_allowed", "By this tierPreset each channel has a messaging tier of its own.")
		}
		x.Portfolio = ""
	case named != nil:
		x.Portfolio = *named
	case !shares(before.TierPreset), before.Portfolio == account && account != own:
		x.Portfolio = own
	}
	return nil
}

func trimmed(s *string) *string {
	if s == nil {
		return nil
	}
	t := strings.TrimSpace(*s)
	return &t
}
