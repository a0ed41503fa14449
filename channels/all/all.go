package all

import (
	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/channels/link"
	"github.com/linktor/linktor/channels/whatsapp"
)

// Adapters returns every channel type, in the order in which they are offered.
func Adapters() []channels.Adapter {
	return []channels.Adapter{
		whatsapp.Adapter{},
		link.Adapter{},
	}
}
