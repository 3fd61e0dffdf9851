package export_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/piprate/json-gold/ld"

	"github.com/rempart-dev/rempart/internal/consent/export"
)

// spaces are the vocabularies that records use, by the prefixes that this file and export_test.go write.
var spaces = map[string]string{
	"dct": "http://purl.org/dc/terms/", "dpv": "https://w3id.org/dpv#", "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
	"foaf": "http://xmlns.com/foaf/0.1/", "legal-eu": "https://w3id.org/dpv/legal/eu#", "loc": "https://w3id.org/dpv/loc#",
	"rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "rempart": "https://gdpr.rempart.dev/consent/v1#",
	"skos": "http://www.w3.org/2004/02/skos/core#", "xsd": "http://www.w3.org/2001/XMLSchema#",
}

// full is the IRI of a name with a prefix.
func full(name string) string {
	prefix, local, _ := strings.Cut(name, ":")
	return spaces[prefix] + local
}

// offline refuses every context that is not in the document: a reader needs no network.
type offline struct{}

func (offline) LoadDocument(url string) (*ld.RemoteDocument, error) {
	return nil, fmt.Errorf("the records would fetch %s", url)
}

// triples are what a processor of JSON-LD reads from the records, and the records as JSON.
func triples(t *testing.T, in export.Input) (quads []*ld.Quad, graph []any) {
	t.Helper()
	text, err := export.Records(in)
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	graph = document["@graph"].([]any)
	options := ld.NewJsonLdOptions("") // without a base, a relative name stays relative
	options.DocumentLoader, options.SafeMode = offline{}, true
	set, err := ld.NewJsonLdProcessor().ToRDF(document, options)
	if err != nil {
		t.Fatal(err)
	}
	return set.(*ld.RDFDataset).GetQuads("@default"), graph
}

// statements counts what a value says: each value of each relation is one, and so are those of the things inside.
func statements(value any) int {
	switch v := value.(type) {
	case []any:
		sum := 0
		for _, one := range v {
			sum += statements(one)
		}
		return sum
	case map[string]any:
		if _, is := v["@value"]; is {
			return 1
		}
		sum := 1 // that somebody has a relation to it
		for key, inner := range v {
			if key != "@id" {
				sum += statements(inner)
			}
		}
		return sum
	default:
		return 1
	}
}

// variants are a full policy, the least, and what the API lets people write besides.
func variants() map[string]export.Input {
	least, odd := person(), person()
	least.Controller.Organisation.Address, least.Controller.Organisation.Website = "", ""
	least.Controller.Officer.Email = ""
	for i := range least.Purposes {
		least.Purposes[i].DataFields, least.Purposes[i].Recipients, least.Purposes[i].DPV = nil, nil, ""
	}
	odd.Controller.Organisation.Website = "shop.example"
	odd.Purposes[0].DPV, odd.Purposes[0].Retention = "letters, monthly", "P1Y8W"
	odd.Purposes[1].DPV = "health:Advice"
	odd.Purposes[2].DPV = "https://w3id.org/dpv#ServiceProvision"
	return map[string]export.Input{"a full policy": person(), "the least": least, "odd words": odd}
}

// TestAProcessorReadsAllThatIsWritten: as many triples as the records have statements, and no name without its vocabulary.
func TestAProcessorReadsAllThatIsWritten(t *testing.T) {
	for name, in := range variants() {
		quads, graph := triples(t, in)
		if want := statements(graph) - len(graph); len(quads) != want {
			t.Errorf("%s: %d triples of %d statements", name, len(quads), want)
		}
		for _, quad := range quads {
			for _, node := range []ld.Node{quad.Subject, quad.Predicate, quad.Object} {
				if problem := wrongName(quad.Predicate.GetValue(), node); problem != "" {
					t.Errorf("%s: %s in %s", name, problem, quad.Predicate.GetValue())
				}
			}
		}
	}
}

var (
	local    = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	page     = regexp.MustCompile(`^https://[^\s<>"{}|\\^]+$`)
	uuidName = regexp.MustCompile(`^urn:uuid:[0-9a-f-]{36}$`)
)

// wrongName says what is wrong with a name, or a literal's type: it is no term of a vocabulary, no page and no record.
func wrongName(relation string, node ld.Node) string {
	value := node.GetValue()
	if literal, is := node.(ld.Literal); is {
		value = literal.Datatype
	}
	if ld.IsBlankNode(node) || uuidName.MatchString(value) || value == export.Profile || relation == full("foaf:page") && page.MatchString(value) {
		return ""
	}
	for _, space := range spaces {
		if word, is := strings.CutPrefix(value, space); is && local.MatchString(word) {
			return ""
		}
	}
	return fmt.Sprintf("%q is no name of a known vocabulary", value)
}

// kinds are what the values of fields are; text where none is given.
var kinds = map[string]string{
	"event_time": "xsd:dateTime", "validity_duration": "xsd:duration", "retention_period": "xsd:duration", "withdrawal_method": "page",
	"schema_version": "dpv", "event_type": "dpv", "event_state": "dpv", "party_type": "dpv", "pii_type": "dpv", "special_pii_category": "dpv",
	"lawful_basis": "eu-gdpr", "storage_locations": "loc", "jurisdiction": "loc",
}

// follow returns all that a field's way in the JSON leads to, as triples.
func follow(quads []*ld.Quad, from ld.Node, way string) []ld.Node {
	nodes := []ld.Node{from}
	for part := range strings.SplitSeq(strings.ReplaceAll(way, "@type", "rdf:type"), "/") {
		if !strings.Contains(part, ":") { // a place in an array
			continue
		}
		var next []ld.Node
		for _, quad := range quads {
			is := func(node ld.Node) bool { return node.GetValue() == quad.Subject.GetValue() }
			if quad.Predicate.GetValue() == full(part) && slices.ContainsFunc(nodes, is) {
				next = append(next, quad.Object)
			}
		}
		nodes = next
	}
	return nodes
}

// TestEveryMandatoryFieldIsATriple walks the table of ISO/IEC TS 27560 again, in what a processor made of each record.
func TestEveryMandatoryFieldIsATriple(t *testing.T) {
	for name, in := range variants() {
		quads, graph := triples(t, in)
		for _, row := range rows(t, "iso27560.csv") {
			if row["iso_mandatory"] == "O" {
				continue
			}
			for i, record := range graph {
				found := follow(quads, ld.NewIRI(record.(map[string]any)["@id"].(string)), at[row["field"]])
				if len(found) == 0 {
					t.Errorf("%s: record %d has no triple for %s", name, i, row["field"])
				}
				for _, node := range found {
					if !isKind(node, kinds[row["field"]]) {
						t.Errorf("%s: record %d: %s is %#v, want %q", name, i, row["field"], node, kinds[row["field"]])
					}
				}
			}
		}
	}
}

// xsdDuration is a duration of XML Schema: it knows no weeks.
var xsdDuration = regexp.MustCompile(`^P(\d+Y)?(\d+M)?(\d+D)?(T\d+[HS])?$`)

func isKind(node ld.Node, kind string) bool {
	literal, isLiteral := node.(ld.Literal)
	switch kind {
	case "":
		return isLiteral && literal.Datatype == ld.XSDString && literal.Value != ""
	case "page":
		return ld.IsIRI(node) && page.MatchString(node.GetValue())
	case "xsd:dateTime":
		_, err := time.Parse(time.RFC3339Nano, node.GetValue())
		return isLiteral && literal.Datatype == full(kind) && err == nil
	case "xsd:duration":
		return isLiteral && literal.Datatype == full(kind) && xsdDuration.MatchString(literal.Value)
	default:
		return ld.IsIRI(node) && (node.GetValue() == export.Profile || strings.HasPrefix(node.GetValue(), spaces[kind]))
	}
}

// TestTheLawIsTheOneOfTheVocabulary: DPV has the GDPR among the laws of the Union, not among the terms of the GDPR itself.
func TestTheLawIsTheOneOfTheVocabulary(t *testing.T) {
	quads, graph := triples(t, person())
	for _, record := range graph {
		found := follow(quads, ld.NewIRI(record.(map[string]any)["@id"].(string)), "dpv:hasProcess/dpv:hasApplicableLaw")
		if len(found) != 1 || found[0].GetValue() != full("legal-eu:law-GDPR") {
			t.Errorf("the law is %v", found)
		}
	}
}

// TestWordsKeepTheirDigest: the words that a processor hands on are those of the event, to the byte.
func TestWordsKeepTheirDigest(t *testing.T) {
	quads, graph := triples(t, person())
	for _, record := range graph {
		from := ld.NewIRI(record.(map[string]any)["@id"].(string))
		words, digest := follow(quads, from, "dpv:hasNotice/rdf:value"), follow(quads, from, "dpv:hasNotice/rempart:digest")
		if len(words) != 1 || len(digest) != 1 || words[0].(ld.Literal).Datatype != full("rdf:JSON") {
			t.Fatalf("words %v, digest %v", words, digest)
		}
		if sum := sha256.Sum256([]byte(words[0].GetValue())); "sha256:"+hex.EncodeToString(sum[:]) != digest[0].GetValue() {
			t.Errorf("the words became %s", words[0].GetValue())
		}
	}
}

// TestWhatIsNoTermIsANote: a policy's word that is in no vocabulary of the records is kept as it was written.
func TestWhatIsNoTermIsANote(t *testing.T) {
	quads, _ := triples(t, variants()["odd words"])
	var notes, broader []string
	for _, quad := range quads {
		switch quad.Predicate.GetValue() {
		case full("skos:note"):
			notes = append(notes, quad.Object.GetValue())
		case full("skos:broader"):
			broader = append(broader, quad.Object.GetValue())
		}
	}
	slices.Sort(notes)
	if want := []string{"health:Advice", "letters, monthly"}; !slices.Equal(slices.Compact(notes), want) {
		t.Errorf("notes %q, want %q", notes, want)
	}
	if want := []string{full("dpv:ServiceProvision")}; !slices.Equal(broader, want) {
		t.Errorf("kinds %q, want %q", broader, want)
	}
}
