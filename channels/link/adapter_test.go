package link

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linktor/linktor/channels"
)

func TestOpen(t *testing.T) {
	tests := []struct {
		name   string
		change map[string]any
		want   map[string]string // pointer and code of each problem
	}{
		{"complete", nil, nil},
		{"nothing", map[string]any{
			"baseUrl": "", "username": " ", "password": "", "platformId": "", "platformPartnerId": "", "source": "",
		}, map[string]string{
			"/settings/baseUrl": "required", "/settings/username": "required", "/settings/password": "required",
			"/settings/platformId": "required", "/settings/platformPartnerId": "required", "/settings/source": "required",
		}},
		{"bad URL", map[string]any{"baseUrl": "n-eu.example/whatsapp-message"}, map[string]string{"/settings/baseUrl": "invalid"}},
		{"credentials in URL", map[string]any{"baseUrl": "https://a:b@link.example"}, map[string]string{"/settings/baseUrl": "invalid"}},
		{"local number", map[string]any{"source": "0700000001"}, map[string]string{"/settings/source": "invalid"}},
		{"colon in user name", map[string]any{"username": "a:b"}, map[string]string{"/settings/username": "invalid"}},
		{"unknown choice", map[string]any{"defaultPriority": "URGENT", "buttonKeyStyle": "kebab", "validityStyle": "x"}, map[string]string{
			"/settings/defaultPriority": "invalid", "/settings/buttonKeyStyle": "invalid", "/settings/validityStyle": "invalid",
		}},
		{"own header", map[string]any{"extraHeaders": map[string]string{"authorization": "x", "a b": "x", "X-Ok": "1", "X-Bad": "a\nb"}}, map[string]string{
			"/settings/extraHeaders/authorization": "not_allowed", "/settings/extraHeaders/a b": "invalid", "/settings/extraHeaders/X-Bad": "invalid",
		}},
		{"half a login", map[string]any{"callbackUsername": "x"}, map[string]string{"/settings/callbackPassword": "required"}},
		{"other half", map[string]any{"callbackPassword": "x"}, map[string]string{"/settings/callbackUsername": "required"}},
		{"bad address", map[string]any{"allowedAddresses": []string{"socks1.example"}}, map[string]string{"/settings/allowedAddresses": "invalid"}},
		{"misspelt key", map[string]any{"gateIDs/x": []string{"1"}}, map[string]string{"/settings/gateIDs~1x": "not_allowed"}},
		{"wrong type", map[string]any{"gateIds": "g1"}, map[string]string{"/settings/gateIds": "invalid"}},
		{"wrong type inside", map[string]any{"extraHeaders": map[string]any{"X": 1}}, map[string]string{"/settings/extraHeaders": "invalid"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Adapter{}.Open(settingsJSON(t, tt.change), channels.Env{})
			if diff := cmp.Diff(tt.want, problems(t, err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
	for _, raw := range []string{"", "[]", "null", "{"} {
		if _, err := (Adapter{}).Open(json.RawMessage(raw), channels.Env{}); len(problems(t, err)) == 0 {
			t.Errorf("settings %q were accepted", raw)
		}
	}
}

// Ensure an account offers only the calls that its settings switch on.
func TestOpenCapabilities(t *testing.T) {
	for _, reads := range []bool{false, true} {
		for _, uploads := range []bool{false, true} {
			acct := openAccount(t, map[string]any{"enableReadReceipts": reads, "enableMediaUpload": uploads})
			_, isReader := acct.(channels.Reader)
			_, isUploader := acct.(channels.MediaUploader)
			if isReader != reads || isUploader != uploads {
				t.Errorf("reads %v uploads %v: reader %v uploader %v", reads, uploads, isReader, isUploader)
			}
			_, isProber := acct.(channels.Prober)
			_, isTemplater := acct.(channels.Templater)
			_, isFetcher := acct.(channels.MediaFetcher)
			if !isProber || !isTemplater || !isFetcher {
				t.Error("an account lacks probe, templates or media")
			}
			if _, isHandshaker := acct.(channels.Handshaker); isHandshaker {
				t.Error("LINK makes no handshake")
			}
		}
	}
}

// Ensure the description and the settings object name the same keys.
func TestDescribe(t *testing.T) {
	d := Adapter{}.Describe()
	var keys map[string]json.RawMessage
	convert(t, settings{}, &keys)
	for _, f := range d.Settings {
		if _, ok := keys[f.Key]; !ok {
			t.Errorf("setting %s is described but not read", f.Key)
		}
		delete(keys, f.Key)
		if f.Label == "" || f.Kind == "" || f.Kind == "choice" && len(f.Choices) == 0 {
			t.Errorf("setting %s is incomplete", f.Key)
		}
	}
	for key := range keys {
		t.Errorf("setting %s is read but not described", key)
	}
	if d.Type != "link" || d.Identity != "whatsapp" || d.Webhook.Signed || d.Window.Duration().Hours() != 24 || d.Validity.Duration().Hours() != 48 {
		t.Errorf("description %+v", d)
	}
}

// Ensure every code has a class or a status, and failures say what to do.
func TestErrorTable(t *testing.T) {
	for code, r := range codes.link {
		if r.Status == "" || (r.Status == channels.StatusFailed) != (r.Class != "") {
			t.Errorf("code %s: status %q with class %q", code, r.Status, r.Class)
		}
	}
	known := map[channels.Class]bool{
		channels.ClassTransient: true, channels.ClassThrottled: true, channels.ClassRejected: true,
		channels.ClassRecipient: true, channels.ClassTemplate: true, channels.ClassChannel: true,
	}
	for _, table := range []map[string]rule{codes.link, codes.meta} {
		for code, r := range table {
			if r.Class != "" && (!known[r.Class] || r.Title == "" || r.Action == "") {
				t.Errorf("code %s is incomplete: %+v", code, r)
			}
		}
	}
}
