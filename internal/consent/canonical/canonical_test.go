package canonical

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

func TestCanonicalJSONIsThatOfTheRFC(t *testing.T) {
	for _, row := range []struct{ in, want string }{
		{`{ "b" : 1, "a" : [ null , "x", true ] }`, `{"a":[null,"x",true],"b":1}`},
		// Names and order are of the example in RFC 8785, section 3.2.3: the emoji is a surrogate pair and comes before U+FB33.
		{`{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}`, "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,\"\u20ac\":1,\"\U0001F600\":5,\"\ufb33\":3}"},
		// Section 3.2.2.2.
		{`"\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\/"`, "\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\""},
		{`"\u007f<>&\u2028"`, "\"\u007f<>&\u2028\""},
		{`-0`, `0`},
		{`9007199254740991`, `9007199254740991`},
	} {
		got, err := Again([]byte(row.in))
		if err != nil || string(got) != row.want {
			t.Errorf("%s: got %s, %v; want %s", row.in, got, err, row.want)
		}
	}
}

func TestWhatHasNoOneFormIsRefused(t *testing.T) {
	for _, text := range []string{`1.5`, `1e3`, `9007199254740992`, `{"a":`, `{} {}`, ``, `nul`} {
		if got, err := Again([]byte(text)); err == nil {
			t.Errorf("%s became %s", text, got)
		}
	}
	for _, value := range []any{"\xff", 1.5, map[string]any{"\xff": nil}, []any{struct{}{}}, int64(1) << 60} {
		if got, err := Marshal(value); err == nil {
			t.Errorf("%v became %s", value, got)
		}
	}
}

func TestEveryStringComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		var back string
		written := AppendString(nil, text)
		if err := json.Unmarshal(written, &back); err != nil || back != text {
			t.Fatalf("%q was written %s and read %q, %v", text, written, back, err)
		}
		again, err := Again(written)
		if err != nil || string(again) != string(written) {
			t.Fatalf("%s is written %s the second time, %v", written, again, err)
		}
	})
}
