package db

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// arrayOfParts appends the values of column i to pack and returns an array that says
// where each lies: its place, from 1, times 2^32, plus its length.
func arrayOfParts(vals [][]any, i int, pack []byte) (array string, all []byte) {
	places := make([]byte, 0, 20*len(vals))
	for _, row := range vals {
		places = append(places, ',')
		at := int64(len(pack)) + 1
		switch v := row[i].(type) {
		case nil:
			places = append(places, "NULL"...)
			continue
		case string:
			pack = append(pack, Storable(v)...)
		case []byte:
			pack = append(pack, v...)
		default:
			panic(fmt.Sprintf("db: no long value: %T", v))
		}
		places = strconv.AppendInt(places, at<<32|(int64(len(pack))+1-at), 10)
	}
	places[0] = '{'
	return string(append(places, '}')), pack
}

// arrayLiteral writes column i in PostgreSQL's text form of an array.
func arrayLiteral(vals [][]any, i int) string {
	b := make([]byte, 0, 32*len(vals))
	b = append(b, '{')
	for n, row := range vals {
		if n > 0 {
			b = append(b, ',')
		}
		b = appendElement(b, row[i])
	}
	return string(append(b, '}'))
}

func appendElement(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "NULL"...)
	case string:
		return appendQuoted(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case bool:
		return strconv.AppendBool(b, v)
	case sql.NullString:
		if !v.Valid {
			return append(b, "NULL"...)
		}
		return appendQuoted(b, v.String)
	case sql.NullInt64:
		if !v.Valid {
			return append(b, "NULL"...)
		}
		return strconv.AppendInt(b, v.Int64, 10)
	}
	panic(fmt.Sprintf("db: no column type for %T", v))
}

// storable is Storable for texts among the values of a row.
func storable(v any) any {
	switch v := v.(type) {
	case string:
		return Storable(v)
	case sql.NullString:
		v.String = Storable(v.String)
		return v
	}
	return v
}

// Storable replaces what PostgreSQL's text cannot hold, NUL and bad UTF-8, by
// U+FFFD: a customer's odd name must not cost the message.
func Storable(s string) string {
	if strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func appendQuoted(b []byte, s string) []byte {
	s = Storable(s)
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}
