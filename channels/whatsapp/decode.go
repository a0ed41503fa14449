package whatsapp

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// lenient accepts what the strict defaults of the library refuse: a repeated key
// or a broken UTF-8 sequence in one message must not hold up a batch.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// text is a scalar written as a string, a number or a boolean: Meta and its
// partners disagree on ids, timestamps, prices and coordinates. Numbers keep
// their digits, because ids exceed 2^53.
type text string

// errScalar names no value, because reasons are shown to operators.
var errScalar = errors.New("expected a string or a number")

func (t *text) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	switch v.Kind() {
	case '"':
		s, err := jsontext.AppendUnquote(nil, v)
		if err != nil && len(s) == 0 {
			return err
		}
		*t = text(s)
	case '0', 't', 'f':
		*t = text(v)
	case 'n':
		*t = ""
	default:
		return &json.SemanticError{JSONKind: v.Kind(), Err: errScalar}
	}
	return nil
}

// loose is a text that ignores objects and arrays: used where a surprise must
// not make the rest of a body unreadable.
type loose string

func (l *loose) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if k := dec.PeekKind(); k == '{' || k == '[' {
		return dec.SkipValue()
	}
	return (*text)(l).UnmarshalJSONFrom(dec)
}

// flag is a boolean that may be written as text or number.
type flag bool

func (f *flag) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	var t text
	if err := t.UnmarshalJSONFrom(dec); err != nil {
		return err
	}
	*f = t == "true" || t == "1"
	return nil
}

// side is an object beside the content. Anything else in its place, such as the
// [] that some producers write for an empty object, is no reason to lose the
// message.
type side[T any] struct{ v *T }

func (s *side[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '{' {
		return dec.SkipValue()
	}
	s.v = new(T)
	return json.UnmarshalDecode(dec, s.v)
}

// many is an array, or a single item in its place.
type many[T any] []T

func (m *many[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return each(dec, func() error {
		var v T
		err := json.UnmarshalDecode(dec, &v)
		*m = append(*m, v)
		return err
	})
}

// list is an array whose items are decoded one by one later, so that a bad one
// does not spoil its neighbours.
type list []jsontext.Value

func (l *list) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return each(dec, func() error {
		v, err := dec.ReadValue()
		if err == nil {
			*l = append(*l, v.Clone())
		}
		return err
	})
}

// each calls read for every item of an array. null is an empty array and
// anything else an array of one, as some producers write it.
func each(dec *jsontext.Decoder, read func() error) error {
	switch dec.PeekKind() {
	case 'n':
		return dec.SkipValue()
	case '[':
	default:
		return read()
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != ']' {
		if err := read(); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// reason turns a decoding error into a sentence that names the field and never
// the value.
func reason(item string, err error) string {
	if sem, ok := errors.AsType[*json.SemanticError](err); ok {
		where := strings.ReplaceAll(strings.TrimPrefix(string(sem.JSONPointer), "/"), "/", ".")
		if where == "" {
			return item + ": not the expected kind of JSON value"
		}
		return item + ": " + where + " is not the expected kind of JSON value"
	}
	return item + ": cannot be read"
}

// seconds reads a Unix time. Values of a thousand years and more are taken as
// milliseconds, which test tools send.
func seconds[T ~string](t T) time.Time {
	n, err := strconv.ParseInt(string(t), 10, 64)
	switch {
	case err != nil || n <= 0:
		return time.Time{}
	case n >= 100_000_000_000:
		return time.UnixMilli(n).UTC()
	}
	return time.Unix(n, 0).UTC()
}
