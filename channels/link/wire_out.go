package link

import "encoding/json"

// messageRequest is the body of POST {base}/messages. Source: "MessageRequest".
type messageRequest struct {
	PlatformID            string            `json:"platformId"`
	PlatformPartnerID     string            `json:"platformPartnerId"`
	PlatformServiceID     string            `json:"platformServiceId,omitempty"`
	PlatformServiceType   string            `json:"platformServiceType,omitempty"`
	PlatformTransactionID string            `json:"platformTransactionId,omitempty"`
	Priority              string            `json:"priority"`
	RelativeValidityTime  int64             `json:"relativeValidityTime,omitempty"` // milliseconds
	AbsoluteValidityTime  string            `json:"absoluteValidityTime,omitempty"` // RFC 3339
	EventReportGates      []string          `json:"eventReportGates,omitempty"`
	RefID                 string            `json:"refId"`
	CustomParameters      map[string]string `json:"customParameters,omitempty"`
	Source                string            `json:"source"`
	Destinations          []string          `json:"destinations"`
	Messages              []outMessage      `json:"messages"`
}

// outMessage is one message: type names the member that is set. Source: "Messages".
type outMessage struct {
	Type        string          `json:"type"`
	PreviewURL  *bool           `json:"previewUrl,omitempty"` // beside text, unlike Meta
	Text        *outText        `json:"text,omitempty"`
	Image       *outMedia       `json:"image,omitempty"`
	Audio       *outMedia       `json:"audio,omitempty"`
	Video       *outMedia       `json:"video,omitempty"`
	Document    *outMedia       `json:"document,omitempty"`
	Location    *outLocation    `json:"location,omitempty"`
	Contacts    []outContact    `json:"contacts,omitempty"`
	Interactive *outInteractive `json:"interactive,omitempty"`
	Template    *outTemplate    `json:"template,omitempty"`
}

type outText struct {
	Body string `json:"body"`
}

// outMedia names a file by link; id is documented for interactive headers and
// carousel cards only. Source: "Interactive media".
type outMedia struct {
	ID       string `json:"id,omitempty"`
	Link     string `json:"link,omitempty"`
	Caption  string `json:"caption,omitempty"`
	Filename string `json:"filename,omitempty"`
}

type outLocation struct {
	Longitude float64 `json:"longitude"`
	Latitude  float64 `json:"latitude"`
	Name      string  `json:"name,omitempty"`
	Address   string  `json:"address,omitempty"`
}

// outContact and its parts are camelCase. Source: "Message content property".
type outContact struct {
	Addresses []outAddress `json:"addresses,omitempty"`
	Birthday  string       `json:"birthday,omitempty"`
	Emails    []outEmail   `json:"emails,omitempty"`
	Name      outName      `json:"name"`
	Org       *outOrg      `json:"org,omitempty"`
	Phones    []outPhone   `json:"phones,omitempty"`
	URLs      []outURL     `json:"urls,omitempty"`
}

type outAddress struct {
	City        string `json:"city,omitempty"`
	Country     string `json:"country,omitempty"`
	CountryCode string `json:"countryCode,omitempty"`
	State       string `json:"state,omitempty"`
	Street      string `json:"street,omitempty"`
	Type        string `json:"type,omitempty"`
	Zip         string `json:"zip,omitempty"`
}

type outEmail struct {
	Email string `json:"email,omitempty"`
	Type  string `json:"type,omitempty"`
}

type outName struct {
	FormattedName string `json:"formattedName"`
	FirstName     string `json:"firstName,omitempty"`
	LastName      string `json:"lastName,omitempty"`
	MiddleName    string `json:"middleName,omitempty"`
	Suffix        string `json:"suffix,omitempty"`
	Prefix        string `json:"prefix,omitempty"`
}

type outOrg struct {
	Company    string `json:"company,omitempty"`
	Department string `json:"department,omitempty"`
	Title      string `json:"title,omitempty"`
}

type outPhone struct {
	Phone string `json:"phone,omitempty"`
	Type  string `json:"type,omitempty"`
	WaID  string `json:"waId,omitempty"`
}

type outURL struct {
	URL  string `json:"url,omitempty"`
	Type string `json:"type,omitempty"`
}

// outInteractive keeps Meta's snake_case. Source: "Interactive message".
type outInteractive struct {
	Type   string     `json:"type"`
	Header *outHeader `json:"header,omitempty"`
	Body   *outPart   `json:"body,omitempty"`
	Footer *outPart   `json:"footer,omitempty"`
	Action outAction  `json:"action"`
}

type outPart struct {
	Text string `json:"text"`
}

type outHeader struct {
	Type     string    `json:"type"`
	Text     string    `json:"text,omitempty"`
	Image    *outMedia `json:"image,omitempty"`
	Video    *outMedia `json:"video,omitempty"`
	Document *outMedia `json:"document,omitempty"`
}

type outAction struct {
	Name              string          `json:"name,omitempty"`
	Button            string          `json:"button,omitempty"`
	Buttons           []outButton     `json:"buttons,omitempty"`
	Sections          []outSection    `json:"sections,omitempty"`
	CatalogID         string          `json:"catalog_id,omitempty"`
	ProductRetailerID string          `json:"product_retailer_id,omitempty"`
	Parameters        json.RawMessage `json:"parameters,omitempty"`
}

type outButton struct {
	Type  string   `json:"type"`
	Reply outReply `json:"reply"`
}

type outReply struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

type outSection struct {
	Title        string       `json:"title,omitempty"`
	Rows         []outRow     `json:"rows,omitempty"`
	ProductItems []outProduct `json:"product_items,omitempty"`
}

type outRow struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
}

type outProduct struct {
	ProductRetailerID string `json:"product_retailer_id"`
}
