package badjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Depth is how deep the nested cases go. The parsers in use stop at 10,000, as
// encoding/json documents of itself.
const Depth = 20_000

// Long is the size of the long cases, in bytes: three times what a JSON body of
// the API may have.
const Long = 3 << 20

// Canary is the text that stands wherever a case holds a value of the caller's: no
// answer and no reason may contain it.
const Canary = "canary-7f3a91"

// Case is one text.
type Case struct {
	Name string
	JSON []byte
	// Valid tells whether RFC 8259 allows it, repeated names and lone surrogates
	// included: it leaves both to the reader.
	Valid bool
}

// Values returns texts to put in the place of a value. All but the ones that
// SmallValues leaves out are short.
func Values() []Case {
	return append(SmallValues(),
		yes("10 kB string", `"`+strings.Repeat("k", 10_000)+`"`),
		yes("3 MB string", `"`+strings.Repeat("a", Long)+`"`),
		yes("3 MB of escapes", `"`+strings.Repeat(`\u0061`, Long/6)+`"`),
		yes("many members", members(50_000)),
		yes("many items", "["+strings.TrimSuffix(strings.Repeat("1,", 200_000), ",")+"]"),
		yes("number of 100,000 digits", strings.Repeat("9", 100_000)),
		yes("deep array", strings.Repeat("[", Depth)+strings.Repeat("]", Depth)),
		yes("deep object", strings.Repeat(`{"a":`, Depth)+"1"+strings.Repeat("}", Depth)),
		no("unclosed deep array", strings.Repeat("[", Depth)),
		no("unclosed deep object", strings.Repeat(`{"a":`, Depth)),
	)
}

// SmallValues returns the values of at most a few hundred bytes.
func SmallValues() []Case {
	return append(oddValues(), brokenValues()...)
}

// oddValues are JSON, though seldom what is expected.
func oddValues() []Case {
	return []Case{
		yes("null", `null`), yes("true", `true`), yes("zero", `0`), yes("minus zero", `-0`),
		yes("empty string", `""`), yes("empty object", `{}`), yes("empty array", `[]`),
		yes("string", `"`+Canary+`"`), yes("object", `{"x":"`+Canary+`"}`), yes("array", `["`+Canary+`",null,{}]`),
		yes("fraction", `1.5`), yes("beyond 2^53", `9007199254740993`), yes("beyond int64", `9223372036854775808`),
		yes("beyond float64", `1e999`), yes("beyond float64, negative", `-1e999`), yes("near zero", `1e-999`),
		yes("number of 400 digits", strings.Repeat("7", 400)),
		yes("escaped NUL", `"a\u0000`+Canary+`"`), yes("only NUL", `"\u0000"`),
		yes("lone high surrogate", `"\ud800`+Canary+`"`), yes("lone low surrogate", `"\udc00"`),
		yes("swapped surrogates", `"\udc00\ud800"`), yes("noncharacter", `"\uffff"`),
		yes("control characters", `"\u0001\u001b[2J\u007f\r\n\t`+Canary+`"`),
		yes("right-to-left override", `"\u202e`+Canary+`"`), yes("line separator", `"\u2028"`),
		yes("repeated name", `{"x":"`+Canary+`","x":2}`), yes("repeated name, escaped", `{"x":1,"\u0078":2}`),
		yes("empty name", `{"":"`+Canary+`"}`), yes("NUL in a name", `{"\u0000":1}`),
		yes("prototype", `{"__proto__":{"x":1},"constructor":null}`),
		yes("name with a slash", `{"a/b~c":"`+Canary+`"}`),
		yes("nested 100", strings.Repeat("[", 100)+strings.Repeat("]", 100)),
		yes("spaces around", " \t\r\n\""+Canary+"\" \n"),
	}
}

// brokenValues are not JSON, though some parser or other takes them.
func brokenValues() []Case {
	return []Case{
		no("nothing", ``), no("NaN", `NaN`), no("Infinity", `-Infinity`), no("undefined", `undefined`),
		no("leading zero", `01`), no("hexadecimal", `0x1f`), no("leading plus", `+1`), no("bare point", `.5`), no("trailing point", `5.`),
		no("upper case", `TRUE`), no("single quotes", `'`+Canary+`'`), no("no quotes", Canary),
		no("unclosed string", `"`+Canary), no("unclosed object", `{"x":1`), no("unclosed array", `[1`),
		no("trailing comma", `[1,]`), no("trailing comma in an object", `{"x":1,}`), no("comment", `/* x */1`), no("two values", `1 2`),
		no("raw newline", "\"a\n"+Canary+"\""), no("raw NUL", "\"a\x00"+Canary+"\""), no("bad escape", `"\x41"`), no("short escape", `"\u12"`),
		no("byte order mark", "\ufeff\""+Canary+"\""),
		no("bad UTF-8", "\"a\xff"+Canary+"\""), no("overlong UTF-8", "\"\xc0\xaf\""), no("encoded surrogate", "\"\xed\xa0\x80\""),
		no("cut UTF-8", "\"\xf0\x9f\x98\""), no("Latin-1", "\"caf\xe9\""), no("UTF-16", "\"\x00a\x00\"\x00"),
	}
}

// Bodies returns whole bodies: each value alone, and what only a body can be.
func Bodies() []Case {
	return append(Values(),
		no("BOM before an object", "\ufeff{}"), no("object and more", `{} {}`), no("object and garbage", `{}x`),
		no("UTF-16 object", "{\x00}\x00"), no("gzip header", "\x1f\x8b\x08\x00"), no("NUL bytes", strings.Repeat("\x00", 1000)),
		no("XML", `<a>`+Canary+`</a>`), no("form", "x="+Canary),
	)
}

// Spliced returns copies of body, which must be JSON, in which one value is
// replaced by one of values: each position meets each of them. A name is never
// replaced.
func Spliced(body []byte, values []Case) []Case {
	var out []Case
	for _, at := range positions(body) {
		for _, v := range values {
			text := bytes.Join([][]byte{body[:at.start], v.JSON, body[at.end:]}, nil)
			out = append(out, Case{fmt.Sprintf("%s at byte %d", v.Name, at.start), text, v.Valid})
		}
	}
	return out
}

type span struct{ start, end int }

// positions lists where the values of body are, objects and arrays included.
func positions(body []byte) []span {
	var out []span
	var open []int // starts of the values that are not closed
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	for {
		before := int(dec.InputOffset())
		token, err := dec.Token()
		if err != nil {
			return out
		}
		start := before + len(body[before:]) - len(bytes.TrimLeft(body[before:], " \t\r\n,:"))
		end := int(dec.InputOffset())
		switch token {
		case json.Delim('{'), json.Delim('['):
			open = append(open, start)
			continue
		case json.Delim('}'), json.Delim(']'):
			start = open[len(open)-1]
			open = open[:len(open)-1]
		default:
			if bytes.HasPrefix(bytes.TrimLeft(body[end:], " \t\r\n"), []byte(":")) {
				continue // a name: nothing else stands before a colon
			}
		}
		out = append(out, span{start, end})
	}
}

func yes(name, text string) Case { return Case{name, []byte(text), true} }
func no(name, text string) Case  { return Case{name, []byte(text), false} }

// members is an object with n names.
func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"m%d":%d`, i, i)
	}
	return "{" + b.String()[1:] + "}"
}
