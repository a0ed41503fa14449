package api

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// describe completes an operation for the OpenAPI document and for decoding.
func (s *Server) describe(op *huma.Operation, rule access) {
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = s.bodyLimit(maxJSONBody)
	}
	if !rule.open {
		op.Security = []map[string][]string{{"apiKey": {}}, {"bearer": {}}}
	}
	if op.Extensions == nil {
		op.Extensions = map[string]any{}
	}
	op.Extensions["x-access"] = rule.String()
	if op.Method == http.MethodPost && !rule.open && op.Metadata[ownIdempotency] == nil {
		op.Parameters = append(op.Parameters, idempotencyParameter())
	}
	schema := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	op.Responses["default"] = &huma.Response{
		Description: "A problem (RFC 9457)",
		Content:     map[string]*huma.MediaType{problemType: {Schema: schema}},
	}
}

func idempotencyParameter() *huma.Param {
	limit := maxIdempotencyKey
	return &huma.Param{Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: "string", MaxLength: &limit},
		Description: "A repeat with the same key and the same request answers what the first one did."}
}

// setBodyType remembers the type of an operation's body for error messages.
func setBodyType[I any](op *huma.Operation) {
	f, ok := reflect.TypeFor[I]().FieldByName("Body")
	if !ok {
		return
	}
	if op.Metadata == nil {
		op.Metadata = map[string]any{}
	}
	op.Metadata[bodyType] = f.Type
}
