package link

import "github.com/linktor/linktor/channels"

// callbackHosts are the addresses that LINK's callbacks come from.
// Source: both documents, "Appendix 1", 2020 data.
const callbackHosts = "195.84.162.3, 195.84.162.16, 195.84.162.34, 194.71.165.71, 194.71.165.98, 194.71.165.122, " +
	"213.242.87.36 to 213.242.87.41, 213.242.87.68 to 213.242.87.73, 62.67.62.68 to 62.67.62.73, " +
	"62.67.62.101 to 62.67.62.106, 217.163.95.196 to 217.163.95.201"

// settingFields describes the settings object, in the order of the form.
func settingFields() []channels.Setting {
	return append(accountFields(), behaviourFields()...)
}

func accountFields() []channels.Setting {
	return []channels.Setting{
		{
			Key: "baseUrl", Label: "Base URL", Kind: "url", Required: true,
			Help: "Assigned by LINK, such as https://n-eu.linkmobility.io/whatsapp-message or https://c-eu.linkmobility.io/whatsapp-message.",
		},
		{Key: "username", Label: "User name", Kind: "text", Required: true, Help: "For Basic authentication; provided by LINK."},
		{Key: "password", Label: "Password", Kind: "secret", Required: true, Help: "For Basic authentication; provided by LINK."},
		{Key: "apiKey", Label: "API key", Kind: "secret", Help: "Sent as x-api-key, for the accounts that LINK gave one to."},
		{Key: "platformId", Label: "Platform id", Kind: "text", Required: true, Help: "Provided by LINK."},
		{Key: "platformPartnerId", Label: "Platform partner id", Kind: "text", Required: true, Help: "Provided by LINK."},
		{Key: "source", Label: "Sender number", Kind: "text", Required: true, Unique: true, Help: "The WhatsApp number that sends, such as +46700000001."},
		{
			Key: "gateIds", Label: "Event report gates", Kind: "list",
			Help: "Ids of the gates behind which LINK registered this channel's webhook URL. Without a gate LINK reports no delivery.",
		},
		{Key: "platformServiceId", Label: "Platform service id", Kind: "text", Help: "Optional; a message can name its own."},
		{Key: "platformServiceType", Label: "Platform service type", Kind: "text", Help: "Optional; a message can name its own."},
	}
}

func behaviourFields() []channels.Setting {
	return []channels.Setting{
		{Key: "namespace", Label: "Template namespace", Kind: "text", Help: "Written into every template message that names none."},
		{Key: "defaultPriority", Label: "Priority", Kind: "choice", Choices: priorities, Default: "NORMAL"},
		{
			Key: "validityStyle", Label: "Validity", Kind: "choice", Default: validityAbsolute,
			Choices: []string{validityAbsolute, validityRelative},
			Help:    "Write a message's last moment as a point in time or as a number of milliseconds from now.",
		},
		{
			Key: "buttonKeyStyle", Label: "Template button keys", Kind: "choice", Default: styleDocumented,
			Choices: []string{styleDocumented, styleCamel, styleSnake},
			Help:    "How a template button names its kind. Change it only if LINK refuses buttons.",
		},
		{
			Key: "logMessageContent", Label: "Let LINK log message content", Kind: "boolean", Default: false,
			Help: "Lets LINK's support find messages by their text. It puts customers' words into LINK's logs.",
		},
		{
			Key: "enableReadReceipts", Label: "Read receipts", Kind: "boolean", Default: false,
			Help: "Mark messages read through /mo/status. LINK does not document this call; ask before switching it on.",
		},
		{
			Key: "enableMediaUpload", Label: "Media upload", Kind: "boolean", Default: false,
			Help: "Upload files through /media. LINK does not document this call; without it files are sent by public link.",
		},
		{
			Key: "extraHeaders", Label: "Extra request headers", Kind: "map",
			Help: "Fixed headers for every call to LINK. Not a place for secrets: these values are shown again.",
		},
		{Key: "callbackUsername", Label: "Callback user name", Kind: "text", Help: "If LINK's gate sends Basic authentication."},
		{Key: "callbackPassword", Label: "Callback password", Kind: "secret", Help: "If LINK's gate sends Basic authentication."},
		{
			Key: "allowedAddresses", Label: "Allowed callback addresses", Kind: "list",
			Help: "Addresses or ranges that may call. Empty allows all that know the webhook URL. LINK listed in 2020: " +
				callbackHosts + ". Ask LINK before relying on it.",
		},
	}
}
