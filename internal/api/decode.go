package api

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/linktor/linktor/internal/telemetry"
)

// decodeStrict reads a JSON body. Duplicate names, invalid UTF-8, names in the
// wrong case and unknown names are errors: each is a mistake that would
// otherwise pass in silence.
func decodeStrict(data []byte, v any) error {
	if err := json.Unmarshal(data, v, json.RejectUnknownMembers(true)); err != nil {
		if syntax := json.Unmarshal(data, new(jsontext.Value)); syntax != nil {
			return syntax // though a value of the wrong type came before it
		}
		return err
	}
	if bytes.Contains(data, []byte(`\u0000`)) {
		return findNUL(data)
	}
	return nil
}

// errNUL refuses the character U+0000: PostgreSQL stores none, and to replace it
// would be to send something else than was asked for.
var errNUL = errors.New("the character NUL")

// findNUL returns errNUL with the place of the first text that holds a NUL, or nil:
// the six characters may also be an escaped backslash and digits.
func findNUL(data []byte) error {
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return nil //nolint:nilerr // the end: data was decoded before
		}
		if token.Kind() == '"' && strings.IndexByte(token.String(), 0) >= 0 {
			return &json.SemanticError{JSONPointer: dec.StackPointer(), Err: errNUL}
		}
	}
}

// transformError replaces huma's errors by a Problem. huma keeps only the text of
// a decoding error, and the body, so the body is decoded once more to find where
// the mistake is.
func (s *Server) transformError(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		if p, ok := v.(*Problem); ok {
			p.Instance = instance(humafiber.Unwrap(ctx))
		}
		return v, nil
	}
	c := humafiber.Unwrap(ctx)
	p := s.fromHuma(ctx, m)
	p.RequestID = telemetry.RequestID(c.UserContext())
	p.Instance = instance(c)
	if p.Status == http.StatusRequestEntityTooLarge {
		c.Context().SetConnectionClose()
	}
	if p.Status != m.Status { // huma sets its own after this; frame corrects it
		c.Locals(localStatus, p.Status)
	}
	return p, nil
}

// localStatus holds the status of an answer where ours differs from huma's.
const localStatus = "status"

func (s *Server) fromHuma(ctx huma.Context, m *huma.ErrorModel) *Problem {
	switch m.Status {
	case http.StatusRequestEntityTooLarge:
		return newProblem(m.Status, "too_large", fmt.Sprintf("The body is larger than %d bytes.", s.bodyLimit(maxJSONBody)))
	case http.StatusUnsupportedMediaType:
		return newProblem(m.Status, "unsupported_media_type", "Send the body as application/json.")
	case http.StatusRequestTimeout:
		return newProblem(m.Status, "timeout", "The body did not arrive in time.")
	case http.StatusInternalServerError:
		return newProblem(m.Status, "internal", "Something went wrong on our side.")
	case http.StatusNotAcceptable:
		return newProblem(m.Status, "not_acceptable", "Answers are application/json.")
	}
	if m.Status == http.StatusBadRequest && len(m.Errors) == 0 {
		return newProblem(m.Status, "malformed", "A JSON body is required.")
	}
	p := newProblem(http.StatusUnprocessableEntity, "validation_error", "")
	for _, e := range m.Errors {
		if body, ok := e.Value.(string); ok && e.Location == "body" {
			if q := s.locate(ctx, []byte(body)); q != nil {
				return q
			}
		}
		p.Errors = append(p.Errors, fieldOf(e))
	}
	p.Detail = fmt.Sprintf("The request has %d invalid field(s).", len(p.Errors))
	return p
}

// bodyType is the key of an operation's metadata for the type of its body.
const bodyType = "bodyType"

// locate decodes a refused body again and says what is wrong and where.
func (s *Server) locate(ctx huma.Context, body []byte) *Problem {
	var target any
	if t, ok := ctx.Operation().Metadata[bodyType].(reflect.Type); ok {
		target = reflect.New(t).Interface()
	} else {
		target = new(any)
	}
	return decodeProblem(decodeStrict(body, target))
}

// decodeProblem describes a decoding error: 400 with the byte position for what
// is not JSON, 422 with a pointer for what is JSON of another shape.
func decodeProblem(err error) *Problem {
	if syn, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		p := newProblem(http.StatusBadRequest, "malformed_json",
			fmt.Sprintf("The body is not valid JSON: see byte %d.", syn.ByteOffset))
		if errors.Is(err, jsontext.ErrDuplicateName) {
			p.Code, p.Type = "duplicate_name", "urn:linktor:error:duplicate_name"
			p.Detail = fmt.Sprintf("A member occurs twice in one object: see byte %d.", syn.ByteOffset)
		}
		p.Errors = []ProblemField{{Pointer: string(syn.JSONPointer), Code: p.Code, Message: p.Detail, Offset: syn.ByteOffset}}
		return p
	}
	sem, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return nil
	}
	f := ProblemField{Pointer: string(sem.JSONPointer), Code: "invalid", Message: "The value has the wrong type."}
	if errors.Is(err, json.ErrUnknownName) {
		f.Code, f.Message = "unknown", "There is no such field."
	} else if errors.Is(err, errNUL) {
		f.Pointer = strings.ReplaceAll(f.Pointer, "\x00", "")
		f.Message = "Text must not contain the character NUL (U+0000)."
	} else if sem.GoType != nil {
		f.Message = "The value must be " + kindName(sem.GoType) + "."
	}
	p := newProblem(http.StatusUnprocessableEntity, "validation_error", "The request has 1 invalid field(s).")
	p.Errors = []ProblemField{f}
	return p
}

func kindName(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number in range"
}

// writeTime tells how a time is written.
const writeTime = "Write the time as in 2026-11-21T10:30:00Z, with its offset."

var (
	missingName = regexp.MustCompile(`^expected required property (\S+) to be present`)
	indexPart   = regexp.MustCompile(`\[(\d+)\]`)
	limitText   = regexp.MustCompile(`(?:<=|>=|<|>|at most|at least) (\d+)`)
)

// fieldOf translates one of huma's findings. Some of its messages end in the text
// of another error, which can quote the value: that part is cut off.
func fieldOf(e *huma.ErrorDetail) ProblemField {
	place, path, _ := strings.Cut(e.Location, ".")
	f := ProblemField{Code: "invalid", Message: e.Message}
	if head, _, ok := strings.Cut(e.Message, ": "); ok {
		f.Message = head
	}
	if m := missingName.FindStringSubmatch(e.Message); m != nil {
		f.Code, f.Message = "required", "This field is required."
		path = strings.TrimPrefix(path+"."+m[1], ".")
	} else {
		f.Code = findingCode(e.Message)
		f.Message = strings.ToUpper(f.Message[:1]) + f.Message[1:] + "."
	}
	if strings.Contains(e.Message, "date/time") || strings.Contains(e.Message, "RFC 3339") {
		f.Message = writeTime
	}
	if m := limitText.FindStringSubmatch(e.Message); m != nil {
		_, _ = fmt.Sscan(m[1], &f.Limit) // digits, by the pattern
	}
	if place != "body" && place != "form" {
		f.Parameter = path
		return f
	}
	if path != "" {
		f.Pointer = "/" + strings.ReplaceAll(indexPart.ReplaceAllString(path, ".$1"), ".", "/")
	}
	return f
}

func findingCode(message string) string {
	switch {
	case strings.HasPrefix(message, "unexpected property"), strings.HasPrefix(message, "unknown query parameter"):
		return "unknown"
	case strings.HasPrefix(message, "required "):
		return "required"
	case strings.HasPrefix(message, "expected length <="):
		return "too_long"
	case strings.HasPrefix(message, "expected array length <="):
		return "too_many"
	case strings.HasPrefix(message, "expected array length >="):
		return "too_few"
	}
	return "invalid"
}
