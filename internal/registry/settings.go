package registry

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/fault"
)

// object is a JSON object of one level: settings or secrets.
type object map[string]json.RawMessage

func (o object) keys() []string { return slices.Sorted(maps.Keys(o)) }

// text returns a member that is a string; empty if it is none.
func (o object) text(key string) (s string) {
	if err := json.Unmarshal(o[key], &s); err != nil {
		return ""
	}
	return s
}

// with returns the members of both.
func (o object) with(other object) object {
	all := maps.Clone(o)
	if all == nil {
		all = object{}
	}
	maps.Copy(all, other)
	return all
}

func (o object) json() json.RawMessage {
	if o == nil {
		return json.RawMessage(`{}`)
	}
	raw, err := json.Marshal(map[string]json.RawMessage(o))
	if err != nil {
		panic(err) // the members were decoded from JSON
	}
	return raw
}

// randomToken is 32 random bytes in base64url: 43 characters.
func randomToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// merge applies a change to stored settings and secrets: a member replaces, null
// removes, what is absent stays. A secret shown as {"set":true} stays, so that a
// client can send back what it read. Then values that we make are made.
func merge(d channels.Description, settings, secrets, change object) (object, object, error) {
	settings, secrets = maps.Clone(settings), maps.Clone(secrets)
	inv := &channels.Invalid{}
	for _, key := range change.keys() {
		value := change[key]
		i := slices.IndexFunc(d.Settings, func(s channels.Setting) bool { return s.Key == key })
		if i < 0 {
			inv.Add("/settings/"+key, "unknown", "This channel type has no such setting.")
			continue
		}
		target := settings
		if d.Settings[i].Secret() {
			if isShown(value) {
				continue
			}
			target = secrets
		}
		if isEmpty(value) {
			delete(target, key)
		} else {
			target[key] = value
		}
	}
	for _, s := range d.Settings {
		target := settings
		if s.Secret() {
			target = secrets
		}
		if _, ok := target[s.Key]; ok {
			continue
		}
		if s.Generate {
			target[s.Key], _ = json.Marshal(randomToken()) // a string
		} else if s.Required && s.Default == nil {
			inv.Add("/settings/"+s.Key, "required", s.Label+" is required.")
		}
	}
	if err := inv.Err(); err != nil {
		return nil, nil, fault.FromInvalid(err, "")
	}
	return settings, secrets, nil
}

func isEmpty(v json.RawMessage) bool {
	v = bytes.TrimSpace(v)
	return len(v) == 0 || string(v) == "null" || string(v) == `""`
}

// isShown reports whether v is how the API shows a secret.
func isShown(v json.RawMessage) bool {
	var shown struct {
		Set *bool `json:"set"`
	}
	return len(v) > 0 && bytes.TrimSpace(v)[0] == '{' && json.Unmarshal(v, &shown) == nil && shown.Set != nil
}

// generated returns the values of the settings that we make, which the operator
// must be able to read.
func generated(d channels.Description, settings, secrets object) map[string]string {
	values := map[string]string{}
	all := settings.with(secrets)
	for _, s := range d.Settings {
		var text string
		if s.Generate && json.Unmarshal(all[s.Key], &text) == nil {
			values[s.Key] = text
		}
	}
	return values
}

// settingsFault points an adapter's problems to the settings object.
func settingsFault(err error) error {
	inv, ok := errors.AsType[*channels.Invalid](err)
	if !ok {
		return err
	}
	moved := &channels.Invalid{}
	for _, p := range inv.Problems {
		if !strings.HasPrefix(p.Pointer, "/settings/") {
			p.Pointer = "/settings" + p.Pointer
		}
		moved.Problems = append(moved.Problems, p)
	}
	return fault.FromInvalid(moved, "")
}
