package subject

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

func read(t *testing.T, key, value string) Subject {
	t.Helper()
	s, err := Read(map[string][]byte{key: []byte(value)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestIdentifiersAreMatchedAsGivenAndNormalised(t *testing.T) {
	for _, c := range []struct {
		key, value string
		kind       v1alpha1.IdentifierKind
		want       []string
	}{
		{"email", " Ada@Example.ORG\n", v1alpha1.IdentifierEmail, []string{"Ada@Example.ORG", "ada@example.org"}},
		{"email", "ada@exämple.org", v1alpha1.IdentifierEmail, []string{"ada@exämple.org", "ada@xn--exmple-cua.org"}},
		{"email", "ada@example.org", v1alpha1.IdentifierEmail, []string{"ada@example.org"}},
		{"phone", "+33 6 12 34 56 78", v1alpha1.IdentifierPhone, []string{"+33 6 12 34 56 78", "+33612345678"}},
		{"phone", "0612345678", v1alpha1.IdentifierPhone, []string{"0612345678"}},
		{"customerID", "007", v1alpha1.IdentifierCustomerID, []string{"007"}},
		{"custom", "AbC", v1alpha1.IdentifierCustom, []string{"AbC"}},
	} {
		if got := read(t, c.key, c.value).Values(c.kind); !cmp.Equal(got, c.want) {
			t.Errorf("%s %q: %q, want %q", c.key, c.value, got, c.want)
		}
	}
}

func TestAStoreMayWriteAnAddressInSeveralWays(t *testing.T) {
	for value, want := range map[string][]string{
		"ada@example.org":        {"ada@example.org"},
		"Ada@xn--exmple-cua.org": {"Ada@exa\u0308mple.org", "Ada@ex\u00e4mple.org", "Ada@xn--exmple-cua.org", "ada@exa\u0308mple.org", "ada@ex\u00e4mple.org", "ada@xn--exmple-cua.org"},
		"ren\u00e9@example.org":  {"rene\u0301@example.org", "ren\u00e9@example.org"},
		"rene\u0301@example.org": {"rene\u0301@example.org", "ren\u00e9@example.org"},
	} {
		if got := read(t, "email", value).Spellings(v1alpha1.IdentifierEmail); !cmp.Equal(got, want) {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
	if got := read(t, "custom", "Rene\u0301").Spellings(v1alpha1.IdentifierCustom); !cmp.Equal(got, []string{"Rene\u0301"}) {
		t.Errorf("%q", got)
	}
	key := []byte("key")
	if read(t, "email", "rene\u0301@example.org").MAC(key) != read(t, "email", "ren\u00e9@example.org").MAC(key) {
		t.Error("one person has two references")
	}
}

func TestWhatIsNoSubjectIsRefusedWithoutItsValue(t *testing.T) {
	for want, data := range map[error]map[string][]byte{
		ErrEmpty:      {},
		ErrUnknownKey: {"email": []byte(""), "password": []byte("secret")},
		ErrTooLong:    {"email": []byte(strings.Repeat("secret", 200))},
		ErrNotText:    {"email": []byte("secret\x00")},
	} {
		_, err := Read(data)
		if !errors.Is(err, want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v, want %v", err, want)
		}
	}
	if _, err := Read(map[string][]byte{"email": []byte(" \n")}); !errors.Is(err, ErrEmpty) {
		t.Error(err)
	}
	if _, err := Read(map[string][]byte{"email": {0xff, 0xfe}}); !errors.Is(err, ErrNotText) {
		t.Error(err)
	}
}

func TestWhatNobodyCanHaveIsRefusedAndWhatIsOnlyStrangeIsNot(t *testing.T) {
	for key, values := range map[string]map[string]error{
		"email": {
			"Ada <canary@example.org>": ErrEmail, "<canary@example.org>": ErrEmail, "canary@exa mple.org": ErrEmail, "can ary@example.org": ErrEmail, "canary@ example.org": ErrEmail,
			"canary@example.org, b@example.org": ErrEmail, "canary@example.org;b@example.org": ErrEmail, "canary@b@example.org": ErrEmail, "mailto:canary@example.org": ErrEmail,
			"canary": ErrEmail, "canary@": ErrEmail, "@example.org": ErrEmail, "@": ErrEmail, "canary at example.org": ErrEmail, "canary@example.org>": ErrEmail, "canary@.": ErrEmail,
			"canary(work)@example.org": ErrEmail, `canary\@example.org`: ErrEmail, "canary\u00a0b@example.org": ErrEmail, "canary@example.org (Ada)": ErrEmail, "canary@exam,ple.org": ErrEmail,
			"canary\t@example.org": ErrUnseen, "\ufeffcanary@example.org": ErrUnseen, "canary\u200b@example.org": ErrUnseen, "\u202acanary@example.org\u202c": ErrUnseen, "canary\x1b@example.org": ErrUnseen, "canary\x7f@example.org": ErrUnseen,
			"canary@localhost": nil, "canary..b.@example.org": nil, `"can ary <x>"@example.org`: nil, `"can\"ary"@example.org`: nil, `"can"ary"@example.org`: ErrEmail, `"canary\"@example.org`: ErrEmail, `""@example.org`: ErrEmail, "o'canary+x{y}|z@example.org": nil, "canary@[192.0.2.1]": nil, "canary@ex_ample.org": nil,
			"ren\u00e9@ex\u00e4mple.org": nil, "rene\u0301@example.org": nil, "\u7528\u6237@\u4f8b\u5b50.\u5e7f\u544a": nil, "\u0434\u043e\u043c@\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444": nil, "ABC@EXAMPLE.ORG.": nil,
		},
		"phone": {
			"0800 CANARY": ErrPhone, "+33612345678 ext. 7": ErrPhone, "tel:+33612345678": ErrPhone, "+": ErrPhone, "12": ErrPhone, "1234567890123456789": ErrPhone, "+33612345678, +33612345679": ErrPhone,
			"+33 6 12 34 56 78 +33 6 12": ErrPhone, "\u202a+33612345678\u202c": ErrUnseen, "+33\t612345678": ErrUnseen, "canary@example.org": ErrPhone, "#31#612345678": ErrPhone,
			"+33 6 12 34 56 78": nil, "(030) 1234-567/8": nil, "00 33 612345678": nil, "112": nil, "\uff0b\uff13\uff13\uff16\uff11\uff12\uff13\uff14": nil, "\u0660\u0661\u0662\u0663\u0664": nil, "+33\u00a06\u202f12\u201334\u201156": nil,
		},
		"accountID":  {"can\x00ary": ErrNotText, "can\tary": ErrUnseen, "\ufeffcanary": ErrUnseen, "can ary; DROP TABLE people --": nil, "\U0001f469\u200d\U0001f4bb": nil, "%_'\\": nil},
		"customerID": {"can\x07ary": ErrUnseen, "007": nil, "Ada <canary@example.org>": nil},
		"custom":     {"can\x00ary": ErrNotText, "can\tary": nil, "\ufeffcanary": nil, "\u202ecanary": nil, "Ada <canary@example.org>": nil, "\x1b[31mcanary": nil},
	} {
		for value, want := range values {
			s, err := Read(map[string][]byte{key: []byte(value)})
			if err == nil {
				err = s.Possible()
			}
			if !errors.Is(err, want) || (err != nil && (strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), fmt.Sprintf("%q", key)))) {
				t.Errorf("%s %q: %v, want %v", key, value, err, want)
			}
			if err == nil && s.Values(keys[key])[0] != value {
				t.Errorf("%s %q became %q", key, value, s.Values(keys[key]))
			}
		}
	}
}

func TestNoWayOfPrintingShowsThePerson(t *testing.T) {
	s := read(t, "email", "canary@example.org")
	holder := struct{ S Subject }{s}
	text, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	all := string(text)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		all += fmt.Sprintf(verb, s) + fmt.Sprintf(verb, &s) + fmt.Sprintf(verb, holder) + fmt.Sprintf(verb, []Subject{s})
	}
	if strings.Contains(all, "canary") || strings.Contains(all, "63616e617279") {
		t.Error(all)
	}
}

func TestTheSamePersonHasTheSameMAC(t *testing.T) {
	key := []byte("key")
	a, b := read(t, "email", "Ada@Example.org"), read(t, "email", "ada@example.ORG ")
	if a.MAC(key) != b.MAC(key) || a.MAC(key) == a.MAC([]byte("other")) || a.MAC(key) == read(t, "custom", "ada@example.org").MAC(key) {
		t.Error("MACs do not tell people apart by what they are")
	}
}

func TestNormalisingTwiceChangesNothing(t *testing.T) {
	kinds := []v1alpha1.IdentifierKind{v1alpha1.IdentifierEmail, v1alpha1.IdentifierPhone, v1alpha1.IdentifierCustom}
	rapid.Check(t, func(t *rapid.T) {
		kind, value := rapid.SampledFrom(kinds).Draw(t, "kind"), rapid.String().Draw(t, "value")
		once := Normalise(kind, value)
		if twice := Normalise(kind, once); twice != once {
			t.Fatalf("%q, then %q", once, twice)
		}
	})
}

func FuzzNormalise(f *testing.F) {
	f.Add("Ada@Exämple.org")
	f.Add("+33 6 12 34 56 78")
	f.Fuzz(func(t *testing.T, value string) {
		_ = Normalise(v1alpha1.IdentifierEmail, value)
		_ = Normalise(v1alpha1.IdentifierPhone, value)
	})
}

// TestTwoThousandIdentifiersAreRefused: in whichever way they are put into one Secret, up to the 1 MiB that a Secret may have.
func TestTwoThousandIdentifiersAreRefused(t *testing.T) {
	keys, known := map[string][]byte{}, map[string][]byte{}
	var lines strings.Builder
	for i := range 2000 {
		address := fmt.Sprintf("canary%d@example.org", i)
		keys[fmt.Sprintf("email%04d", i)] = []byte(address)
		lines.WriteString(address + "\n")
	}
	for _, key := range KnownKeys() {
		known[key] = []byte(strings.Repeat("canary ", 1<<17/7))
	}
	for name, c := range map[string]struct {
		data map[string][]byte
		want error
		says string
	}{
		"2000 keys":            {keys, ErrUnknownKey, `"email0000"; use email, phone,`},
		"2000 lines":           {map[string][]byte{"email": []byte(lines.String())}, ErrTooLong, `"email"`},
		"a few lines":          {map[string][]byte{"email": []byte("canary1@example.org\ncanary2@example.org\n")}, ErrManyLines, `each person has a request (key "email")`},
		"lines of Windows":     {map[string][]byte{"email": []byte("canary1@example.org\r\ncanary2@example.org")}, ErrManyLines, `"email"`},
		"lines of Unicode":     {map[string][]byte{"custom": []byte("canary1\u2028canary2")}, ErrManyLines, `"custom"`},
		"every key near 1 MiB": {known, ErrTooLong, `"accountID"`},
	} {
		for range 20 { // the order of a map is another each time; the answer, and so the condition, is not
			_, err := Read(c.data)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "canary") || len(err.Error()) > 300 {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	if allocations := testing.AllocsPerRun(10, func() { _, _ = Read(known) }); allocations > 50 {
		t.Errorf("%v allocations to refuse what is too long", allocations)
	}
	if _, err := Read(map[string][]byte{"email": []byte(strings.Repeat("a", maxIdentifier-12) + "@example.org\r\n")}); err != nil {
		t.Errorf("the longest identifier, with the line break of an editor at its end: %v", err)
	}
}
