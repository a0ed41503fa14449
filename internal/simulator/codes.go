package simulator

// metaCode describes one error of the Graph API.
type metaCode struct {
	http  int
	title string
}

// metaCodes are the HTTP status and title of each error code. Source: Meta, Cloud
// API "Error codes", read Nov 2025 and Sept 2026; codes the pages give no HTTP
// status for have 400.
var metaCodes = map[int]metaCode{
	0:      {401, "AuthException"},
	1:      {400, "API Unknown"},
	2:      {503, "API Service"},
	3:      {500, "API Method"},
	4:      {400, "API Too Many Calls"},
	10:     {403, "Permission Denied"},
	17:     {400, "User request limit reached"},
	32:     {400, "Page request limit reached"},
	33:     {400, "Parameter value is not valid"},
	100:    {400, "Invalid parameter"},
	104:    {401, "An access token is required to request this resource"},
	190:    {401, "Access token has expired"},
	200:    {403, "API Permission"},
	368:    {403, "Temporarily blocked for policies violations"},
	613:    {400, "Calls to this api have exceeded the rate limit"},
	803:    {404, "Some of the aliases you requested do not exist"},
	80007:  {400, "Rate limit issues"},
	80008:  {429, "There have been too many calls to this WhatsApp Business account"},
	130403: {400, "Business is blocked by the user"},
	130429: {400, "Rate limit hit"},
	130472: {400, "User's number is part of an experiment"},
	130497: {403, "Business account is restricted from messaging users in this country"},
	131000: {500, "Something went wrong"},
	131005: {403, "Access denied"},
	131008: {400, "Required parameter is missing"},
	131009: {400, "Parameter value is not valid"},
	131016: {500, "Service unavailable"},
	131021: {400, "Recipient cannot be sender"},
	131026: {400, "Message undeliverable"},
	131030: {400, "Recipient phone number not in allowed list"},
	131031: {403, "Account has been locked"},
	131036: {400, "Message payload no longer available"},
	131037: {400, "WhatsApp provided number needs display name approval before message can be sent"},
	131042: {400, "Business eligibility payment issue"},
	131044: {400, "Business eligibility payment issue for calling"},
	131045: {500, "Incorrect certificate"},
	131047: {400, "Re-engagement message"},
	131048: {400, "Spam rate limit hit"},
	131049: {400, "This message was not delivered to maintain healthy ecosystem engagement"},
	131050: {400, "User has stopped receipt of marketing messages from you on WhatsApp"},
	131051: {400, "Unsupported message type"},
	131052: {400, "Media download error"},
	131053: {400, "Media upload error"},
	131055: {400, "Method not allowed"},
	131056: {400, "(Business Account, Consumer Account) pair rate limit hit"},
	131057: {500, "Account in maintenance mode"},
	131060: {400, "This message is currently unavailable"},
	131062: {400, "Business-scoped User ID (BSUID) recipients are not supported for this message"},
	131063: {400, "Marketing templates are not available on Cloud API"},
	131064: {400, "Messaging limit reduced"},
	132000: {400, "Number of parameters does not match the expected number of params"},
	132001: {404, "Template name does not exist in the translation"},
	132005: {400, "Template hydrated text too long"},
	132007: {400, "Template format character policy violated"},
	132008: {400, "Template parameter value is not valid"},
	132012: {400, "Parameter format does not match format in the created template"},
	132015: {400, "Template is paused"},
	132016: {400, "Template is disabled"},
	132018: {400, "There's an issue with the parameters in your template"},
	132068: {400, "Flow is blocked"},
	132069: {400, "Flow is throttled"},
	133000: {500, "Incomplete deregistration"},
	133004: {503, "Server temporarily unavailable"},
	133005: {400, "Two step verification PIN mismatch"},
	133006: {400, "Phone number re-verification needed"},
	133008: {400, "Too many two step verification PIN guesses"},
	133009: {400, "Two step verification PIN guessed too fast"},
	133010: {400, "Phone number not registered"},
	133015: {400, "Please wait a few minutes before attempting to register this phone number"},
	133016: {400, "Account register/deregister rate limit exceeded"},
	134011: {400, "WhatsApp Payments terms of service has not been accepted"},
	134100: {400, "Only marketing messages supported"},
	134101: {400, "Template is syncing"},
	134102: {500, "Template unavailable for use"},
	135000: {400, "Generic user error"},
	137000: {400, "Recipient identity key hash mismatch"},
}

// metaError looks code up; an unknown one is a 400.
func metaErrorOf(code int) metaCode {
	if c, ok := metaCodes[code]; ok {
		return c
	}
	return metaCode{400, "Simulated error"}
}

// fault is a refusal by the Graph API. details goes to error_data.
type graphFault struct {
	code, sub  int
	message    string // after "(#code) "; empty means the code's title
	details    string
	retryAfter int // seconds
}

func refuse(code int, details string) *graphFault { return &graphFault{code: code, details: details} }

// missing and invalid are the Graph API's (#100) answers.
func missing(param string) *graphFault {
	return &graphFault{code: 100, message: "The parameter " + param + " is required.", details: "The parameter " + param + " is required."}
}

func invalid(details string) *graphFault { return &graphFault{code: 100, details: details} }

// transient reports whether Meta marks the code is_transient.
func transient(code int) bool {
	switch code {
	case 1, 2, 4, 17, 130429, 131000, 131016, 131056, 131057, 133004:
		return true
	}
	return false
}
