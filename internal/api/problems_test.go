package api

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
)

const (
	thingsKey = "ten_a/contacts:manage"
	rejected  = "rejected-value" // may stand in no answer and in no line of the log
)

var problemTests = []struct {
	name, path, body, key string
	want                  int
	code, field           string
}{
	{"no credential", "/api/v1/things", `{}`, "", 401, "credential_missing", ""},
	{"bad credential", "/api/v1/things", `{}`, "nonsense", 401, "credential_invalid", ""},
	{"missing permission", "/api/v1/things", `{}`, "ten_a/messages:view", 403, "permission_missing", ""},
	{"no such route", "/api/v1/nothing", `{}`, thingsKey, 404, "route_not_found", ""},
	{"not JSON", "/api/v1/things", `{"name": ` + rejected, thingsKey, 400, "malformed_json", ""},
	{"not JSON, own validation", "/api/v1/loose", `{"name": ` + rejected, thingsKey, 400, "malformed_json", ""},
	{"not JSON after a wrong type", "/api/v1/things", `{"name":1, "parts": ` + rejected, thingsKey, 400, "malformed_json", ""},
	{"not JSON after a wrong type, own validation", "/api/v1/loose", `{"name":1} ` + rejected, thingsKey, 400, "malformed_json", ""},
	{"duplicate name", "/api/v1/things", `{"name":"a","name":"b"}`, thingsKey, 400, "duplicate_name", "/name"},
	{"duplicate name, own validation", "/api/v1/loose", `{"name":"a","name":"b"}`, thingsKey, 400, "duplicate_name", "/name"},
	{"unknown field", "/api/v1/things", `{"name":"a","nmae":"rejected-value"}`, thingsKey, 422, "validation_error", "/nmae unknown"},
	{"unknown field, own validation", "/api/v1/loose", `{"name":"a","parts":[{"size":1,"sise":2}]}`, thingsKey, 422, "validation_error", "/parts/0/sise unknown"},
	{"wrong type", "/api/v1/things", `{"name":"a","parts":[{"size":"rejected-value"}]}`, thingsKey, 422, "validation_error", "/parts/0/size invalid"},
	{"wrong type, own validation", "/api/v1/loose", `{"name":"a","parts":[{"size":"rejected-value"}]}`, thingsKey, 422, "validation_error", "/parts/0/size invalid"},
	{"too long", "/api/v1/things", `{"name":"rejected-value"}`, thingsKey, 422, "validation_error", "/name too_long"},
	{"required", "/api/v1/things", `{"count":1}`, thingsKey, 422, "validation_error", "/name required"},
	{"no body", "/api/v1/things", ``, thingsKey, 400, "malformed", ""},
	{"unknown parameter", "/api/v1/things?nope=1", `{"name":"a"}`, thingsKey, 422, "validation_error", "nope unknown"},
	{"adapter's problems", "/api/v1/things", `{"name":"bad"}`, thingsKey, 422, "validation_error", "/content/text too_long"},
	{"missing thing", "/api/v1/things", `{"name":"gone"}`, thingsKey, 404, "not_found", ""},
	{"away", "/api/v1/things", `{"name":"wait"}`, thingsKey, 503, "away", ""},
	{"disk full", "/api/v1/things", `{"name":"full"}`, thingsKey, 503, "storage_full", ""},
	{"provider away", "/api/v1/things", `{"name":"far"}`, thingsKey, 503, "provider_unavailable", ""},
	{"provider refused", "/api/v1/things", `{"name":"no"}`, thingsKey, 422, "provider_refused", ""},
	{"internal", "/api/v1/things", `{"name":"boom"}`, thingsKey, 500, "internal", ""},
	{"panic", "/api/v1/things", `{"name":"panic"}`, thingsKey, 500, "internal", ""},
	{"too large", "/api/v1/things", `{"name":"` + strings.Repeat("x", maxJSONBody) + `"}`, thingsKey, 413, "too_large", ""},
}

func TestProblems(t *testing.T) {
	var log bytes.Buffer
	s := withThings(New(Deps{Auth: credentials{}, Log: slog.New(slog.NewTextHandler(&log, nil))}))
	for _, tt := range problemTests {
		t.Run(tt.name, func(t *testing.T) {
			got := call(t, s, "POST", tt.path, tt.body, "X-API-Key", tt.key, "X-Request-Id", "caller-id-1")
			var p Problem
			if err := json.Unmarshal([]byte(got.body), &p); err != nil {
				t.Fatalf("%d %s: %v", got.status, got.body, err)
			}
			field := ""
			if len(p.Errors) > 0 && tt.field != "" {
				field = p.Errors[0].Pointer + p.Errors[0].Parameter
				if strings.Contains(tt.field, " ") {
					field += " " + p.Errors[0].Code
				}
			}
			if got.status != tt.want || p.Status != tt.want || p.Code != tt.code || field != tt.field {
				t.Errorf("got %d %s; want %d %s %s", got.status, got.body, tt.want, tt.code, tt.field)
			}
			if ct := got.header.Get("Content-Type"); ct != problemType {
				t.Errorf("content type %s", ct)
			}
			if p.RequestID != "caller-id-1" || got.header.Get("X-Request-Id") != "caller-id-1" || p.Type == "" || p.Title == "" || p.Detail == "" {
				t.Errorf("incomplete: %s", got.body)
			}
			if strings.Contains(got.body, rejected) || strings.Contains(got.body, "secret detail") {
				t.Errorf("echoes what it must not: %s", got.body)
			}
			if p.Retryable != (tt.want >= 500) {
				t.Errorf("retryable = %v", p.Retryable)
			}
		})
	}
	if got := call(t, s, "POST", "/api/v1/things", `{"name":"no"}`, "X-API-Key", thingsKey); !strings.Contains(got.body, "Invalid parameter. A body cannot end with a variable. Correct it.") {
		t.Errorf("the provider's reason is missing: %s", got.body)
	}
	if got := call(t, s, "POST", "/api/v1/things", `{"name":"wait"}`, "X-API-Key", thingsKey); got.header.Get("Retry-After") != "2" {
		t.Errorf("Retry-After = %q; want 2: rounded up", got.header.Get("Retry-After"))
	}
	if strings.Contains(log.String(), rejected) || strings.Contains(log.String(), "ten_a/contacts") {
		t.Error("the log holds a value or a credential")
	}
}
