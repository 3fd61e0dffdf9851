// Package personal finds values that look like identifiers of a person in objects that must not hold any. It says which
// field and which kind of identifier, never the value.
package personal

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Kind is what a value looks like, in the words of messages.
type Kind string

// Kinds of identifiers.
const (
	Email Kind = "an e-mail address"
	Phone Kind = "a phone number"
	IBAN  Kind = "a bank account number (IBAN)"
	NIR   Kind = "a French social security number (NIR)"
)

// Hit is a field that holds what looks like an identifier.
type Hit struct {
	Field string
	Kind  Kind
}

// minPhoneDigits is the least digits after a + that make a phone number; E.164 allows 15 at most.
const minPhoneDigits, maxPhoneDigits = 8, 15

var (
	// email is a local part, an at sign in one of its forms, and a host. A digest such as name@sha256:… is none.
	email = regexp.MustCompile(`[\pL\pN._%+'-]+(?:@|%40|＠|﹫)([\pL\pN][\pL\pN.-]*)(:?)`)
	phone = regexp.MustCompile(`(?:\+|＋)[ (]{0,2}[0-9](?:[0-9]|[ ./()-]{1,2}[0-9])*`)
	iban  = regexp.MustCompile(`[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}`)
	nir   = regexp.MustCompile(`[1-478](?:[ .-]?[0-9]){4}(?:[ .-]?[0-9][ .-]?[0-9ABab])(?:[ .-]?[0-9]){8}`)
)

// ibanLength is the length of the account numbers of each country of the IBAN registry that Rempart's users meet.
var ibanLength = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "BA": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
	"ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23,
	"IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MA": 28, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MT": 31, "NL": 18,
	"NO": 15, "PL": 28, "PT": 25, "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24, "TR": 26, "UA": 29,
	"VA": 22, "XK": 20,
}

// Look tells what a text seems to hold; empty when nothing.
func Look(text string) Kind {
	switch {
	case hasEmail(text):
		return Email
	case hasPhone(text):
		return Phone
	case hasIBAN(text):
		return IBAN
	case hasNIR(text):
		return NIR
	default:
		return ""
	}
}

func hasEmail(text string) bool {
	for _, match := range email.FindAllStringSubmatch(text, -1) {
		isDigest := match[2] == ":" && (match[1] == "sha256" || match[1] == "sha512")
		if !isDigest {
			return true
		}
	}
	return false
}

func hasPhone(text string) bool {
	for _, match := range phone.FindAllString(text, -1) {
		if n := len(digits(match)); minPhoneDigits <= n && n <= maxPhoneDigits {
			return true
		}
	}
	return false
}

// hasIBAN tries every start: a number may stand beside other letters.
func hasIBAN(text string) bool {
	for from := 0; from < len(text); {
		at := iban.FindStringIndex(text[from:])
		if at == nil {
			return false
		}
		start := from + at[0]
		if (start == 0 || !alphanumeric(text[start-1])) && isIBAN(text[start:from+at[1]], text[from+at[1]:]) {
			return true
		}
		from = start + 1
	}
	return false
}

// isIBAN checks the length of the country and the check digits (ISO 7064, mod 97-10). What follows the number within the
// match or after it must not go on with letters or digits.
func isIBAN(match, after string) bool {
	compact := strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(match))
	length := ibanLength[compact[:2]]
	if length == 0 || len(compact) < length {
		return false
	}
	if len(compact) > length && !strings.ContainsAny(match, " -") {
		return false
	}
	if len(compact) == length && after != "" && alphanumeric(after[0]) {
		return false
	}
	compact = compact[4:length] + compact[:4]
	rest := 0
	for _, c := range []byte(compact) {
		value, shift := int(c-'0'), 10
		if c >= 'A' {
			value, shift = int(c-'A')+10, 100
		}
		rest = (rest*shift + value) % 97
	}
	return rest == 1
}

func hasNIR(text string) bool {
	for _, at := range nir.FindAllStringIndex(text, -1) {
		if (at[0] > 0 && alphanumeric(text[at[0]-1])) || (at[1] < len(text) && alphanumeric(text[at[1]])) {
			continue
		}
		if isNIR(strings.NewReplacer(" ", "", ".", "", "-", "").Replace(text[at[0]:at[1]])) {
			return true
		}
	}
	return false
}

// isNIR checks month and key: 97 less the first thirteen digits modulo 97, where 2A counts as 19 and 2B as 18.
func isNIR(number string) bool {
	number = strings.ToUpper(number)
	if len(number) != 15 {
		return false
	}
	month, err := strconv.Atoi(number[3:5])
	if err != nil || month == 0 {
		return false
	}
	body := number[:13]
	switch number[5:7] {
	case "2A":
		body = number[:5] + "19" + number[7:13]
	case "2B":
		body = number[:5] + "18" + number[7:13]
	}
	value, err := strconv.ParseInt(body, 10, 64)
	if err != nil {
		return false
	}
	key, err := strconv.ParseInt(number[13:], 10, 64)
	return err == nil && key == 97-value%97
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// Scan looks into every text of an object that a user writes: name, labels and annotations with their keys, and spec.
// Hits are in the order of the fields.
func Scan(raw []byte) ([]Hit, error) {
	var object struct {
		Metadata struct {
			Name         string            `json:"name"`
			GenerateName string            `json:"generateName"`
			Labels       map[string]string `json:"labels"`
			Annotations  map[string]string `json:"annotations"`
			Finalizers   []string          `json:"finalizers"`
		} `json:"metadata"`
		Spec any `json:"spec"`
	}
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, fmt.Errorf("reading the object's texts: %w", err)
	}
	var hits []Hit
	look := func(field, text string) {
		if kind := Look(text); kind != "" {
			hits = append(hits, Hit{field, kind})
		}
	}
	look("metadata.name", object.Metadata.Name)
	look("metadata.generateName", object.Metadata.GenerateName)
	keyed(look, "metadata.labels", object.Metadata.Labels)
	keyed(look, "metadata.annotations", object.Metadata.Annotations)
	for i, finalizer := range object.Metadata.Finalizers {
		look(fmt.Sprintf("metadata.finalizers[%d]", i), finalizer)
	}
	walk(look, "spec", object.Spec)
	return hits, nil
}

// keyed looks at keys and values. A key that hits is not named: the hit would repeat it.
func keyed(look func(field, text string), path string, entries map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		if Look(key) != "" {
			look(path+" (a key)", key)
			continue
		}
		look(path+"["+key+"]", entries[key])
	}
}

func walk(look func(field, text string), path string, value any) {
	switch v := value.(type) {
	case string:
		look(path, v)
	case []any:
		for i, item := range v {
			walk(look, fmt.Sprintf("%s[%d]", path, i), item)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			walk(look, path+"."+key, v[key])
		}
	}
}
