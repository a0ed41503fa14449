package channeltest

import (
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/linktor/linktor/channels"
)

var (
	typeName   = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	settingKey = regexp.MustCompile(`^[a-z][A-Za-z0-9]*$`)

	settingKinds = []string{"text", "secret", "url", "number", "boolean", "choice", "list", "map"}
	sendable     = []string{
		channels.TypeText, channels.TypeImage, channels.TypeAudio, channels.TypeVideo, channels.TypeDocument,
		channels.TypeSticker, channels.TypeLocation, channels.TypeContacts, channels.TypeInteractive,
		channels.TypeTemplate, channels.TypeReaction,
	}
)

// Describe checks that a description can be served and drawn as a form. It needs
// no settings, so channels/all runs it for every adapter.
func Describe(t *testing.T, a channels.Adapter) {
	d := a.Describe()
	if !typeName.MatchString(d.Type) {
		t.Errorf("type %q is not lower-case letters, digits and underscores", d.Type)
	}
	if d.Name == "" || d.Summary == "" || d.Identity == "" {
		t.Error("name, summary and identity must be set")
	}
	if d.MaxBody <= 0 || d.Throughput <= 0 || d.Validity <= 0 {
		t.Error("maxWebhookBytes, throughputPerSecond and defaultValiditySeconds must be positive")
	}
	if len(d.Contents) == 0 {
		t.Error("no content type can be sent")
	}
	for _, c := range d.Contents {
		if !slices.Contains(sendable, c) {
			t.Errorf("content type %q cannot be sent by any channel", c)
		}
	}
	if slices.Contains(d.Contents, channels.TypeInteractive) != (len(d.Interactive) > 0) {
		t.Error("interactive kinds and the content type interactive go together")
	}
	settingFields(t, d.Settings)
	for _, l := range d.Limits {
		if l.Field == "" || l.Max <= 0 || !slices.Contains([]string{"characters", "items", "bytes"}, l.Unit) {
			t.Errorf("limit %+v is incomplete", l)
		}
	}
	if _, err := json.Marshal(d); err != nil {
		t.Errorf("the description cannot be served: %v", err)
	}
}

func settingFields(t *testing.T, fields []channels.Setting) {
	seen := map[string]bool{}
	for _, f := range fields {
		if !settingKey.MatchString(f.Key) || f.Label == "" {
			t.Errorf("setting %q needs a camelCase key and a label", f.Key)
		}
		if seen[f.Key] {
			t.Errorf("setting %q is described twice", f.Key)
		}
		seen[f.Key] = true
		if !slices.Contains(settingKinds, f.Kind) || (f.Kind == "choice") != (len(f.Choices) > 0) {
			t.Errorf("setting %q: kind %q and its choices do not fit", f.Key, f.Kind)
		}
		if f.Unique && (f.Kind != "text" || !f.Required) {
			t.Errorf("setting %q: what names the account is required text", f.Key)
		}
		if f.Secret() && f.Default != nil {
			t.Errorf("setting %q: a secret has no default", f.Key)
		}
	}
}

// settings checks that Open names every required field that is missing and
// refuses keys it does not know.
func (s Suite) settings(t *testing.T) {
	for _, f := range s.Adapter.Describe().Settings {
		if f.Required {
			set := maps.Clone(s.Settings)
			delete(set, f.Key)
			s.refused(t, set, "/settings/"+f.Key)
		}
	}
	set := maps.Clone(s.Settings)
	set["misspeltSetting"] = "x"
	s.refused(t, set, "/settings/misspeltSetting")
	for _, raw := range []string{"", "null", "[]", "{"} {
		if _, err := s.Adapter.Open(json.RawMessage(raw), channels.Env{}); err == nil {
			t.Errorf("settings %q were accepted", raw)
		}
	}
}

func (s Suite) refused(t *testing.T, set map[string]any, pointer string) {
	t.Helper()
	_, err := s.Adapter.Open(marshal(t, set), channels.Env{})
	bad, ok := errors.AsType[*channels.Invalid](err)
	if !ok || !slices.ContainsFunc(bad.Problems, func(p channels.Problem) bool { return p.Pointer == pointer }) {
		t.Errorf("Open does not name %s: %v", pointer, err)
	}
}
