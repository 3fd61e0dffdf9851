package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNamesOfColumnsThatAreAPersons(t *testing.T) {
	for class, names := range map[Class]string{
		Text: `first_name lastName FULLNAME full_name FirstName given-name surname maiden_name nickname contact_name fname customer_last_name
			prenom Prénom nom_famille nom_de_naissance Vorname nachname geburtsname apellidos primer_apellido nombre_completo cognome
			iban IBAN customer_iban bank_account card_number cardHolder rib kontonummer kontoinhaber cuenta_bancaria conto_corrente
			tax_id taxNumber ssn national_insurance social_security_number passport passport_no passportNumber numero_secu nir numero_fiscal passeport steuer_id Steuernummer
			sozialversicherungsnummer ausweisnummer dni nif pasaporte codice_fiscale passaporto
			ip ip_address last_login_ip current_sign_in_ip remote_addr clientIp ipv4 birthdate date_naissance geburtsort`,
		Date:      `birth_date dateOfBirth dob birthday date_de_naissance geburtsdatum fecha_nacimiento data_di_nascita`,
		Timestamp: `born_birth_date`,
	} {
		for name := range strings.FieldsSeq(names) {
			if c := (Column{Name: name, Class: class}); !c.tells() {
				t.Errorf("%s (%s) is not known", name, class)
			}
		}
	}
	for name := range strings.FieldsSeq(`street street_name address address1 address_line_2 home_address billing_address postal_code zipcode adresse adresse_postale rue code_postal
		Straße strasse hausnummer plz anschrift lieferadresse direccion domicilio calle indirizzo account_number numero_compte numero_de_cuenta`) {
		if c := (Column{Name: name, Class: Text}); !c.places() || c.tells() {
			t.Errorf("%s is not known beside a person", name)
		}
	}
}

func TestNamesOfColumnsThatAreNobodys(t *testing.T) {
	for name := range strings.FieldsSeq(`filename file_name hostname host_name host_ip server_ip username user_name table_name schema_name product_name category_name company_name
		display_name event_name nominal nomination title description status type kind currency country city region state locale
		ribbon ipsum zip shipping tip recipe tax tax_rate tax_code account account_type account_id card_type card streetlight ip_range ip_pool_name mac_address
		memory_address contract_address address_type email_template name names domain hash token url path street_view_url strategy plzen via cap description_name`) {
		c := Column{Name: name, Class: Text}
		if c.tells() || c.places() {
			t.Errorf("%s (%s) is taken for a person's", name, wordsOf(name))
		}
	}
	for _, c := range []Column{{Name: "iban_verified", Class: OtherClass}, {Name: "birth_date", Class: Integer}, {Name: "tax_id", Class: UUID}, {Name: "address", Class: Integer}} {
		if c.tells() || c.places() {
			t.Errorf("%s (%s) is taken for a person's", c.Name, c.Class)
		}
	}
}

func TestScanFindsWhatStaysOfAPersonAndIsNotDeclared(t *testing.T) {
	schema := tables("people: id! email name full_name iban street nick", "gone: id! email full_name", "books: id! email full_name", "tags: id! name street", "staff: id! first_name street", "loose: id! name street owner>people.id first_name last_name")
	got := Scan(dataset(t, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email, mask: Pseudonym}, {name: iban}], onErasure: MaskColumns}
- {name: gone, subjectKeys: [{column: email, identifier: Email}], onErasure: DeleteRows}
- {name: books, subjectKeys: [{column: email, identifier: Email}], onErasure: Keep, keep: {reason: books, article: 17(3)(b), legalReference: code, period: P10Y, fromColumn: id}}
- {name: loose, detach: [owner, first_name], onErasure: Detach}`), schema)
	want := Findings{Personal: []string{"public.loose.last_name", "public.loose.street", "public.people.full_name", "public.people.name", "public.people.street", "public.staff.first_name", "public.staff.street"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestScanLeavesOutWhatFollowsFromDeclaredColumns: a generated column is masked with what it is computed from, and cannot be declared. One
// that is computed from a column of which the register says nothing is told.
func TestScanLeavesOutWhatFollowsFromDeclaredColumns(t *testing.T) {
	schema := tables("people: id! email name home full_name email_lower street")
	for name, from := range map[string][]string{"full_name": {"name"}, "email_lower": {"email"}, "street": {"home", "name"}} {
		c := schema.Tables[0].Column(name)
		c.From, c.Computed = from, true
	}
	got := Scan(dataset(t, `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email, mask: Pseudonym}, {name: name}], onErasure: MaskColumns}`), schema)
	if diff := cmp.Diff(Findings{Personal: []string{"public.people.street"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestColumnsWithTheTwoPartsOfAName(t *testing.T) {
	for columns, want := range map[string]string{
		"first_name last_name":         "first_name last_name",
		"lastName firstName":           "firstName lastName",
		"id firstname surname":         "firstname surname",
		"prenom nom":                   "prenom nom",
		"Vorname Nachname":             "Vorname Nachname",
		"nombre apellidos":             "nombre apellidos",
		"cognome nome":                 "nome cognome",
		"fname lname":                  "fname lname",
		"name last_name":               " ",
		"first_name":                   " ",
		"first_login last_login":       " ",
		"filename surname":             " ",
		"nom adresse":                  " ",
		"first_name middle_name nick":  " ",
		"billing_first_name last_seen": " ",
	} {
		table := &Table{}
		for name := range strings.FieldsSeq(columns) {
			table.Columns = append(table.Columns, Column{Name: name, Class: Text})
		}
		if first, last := table.NameParts(); first+" "+last != want {
			t.Errorf("%s: %s %s", columns, first, last)
		}
	}
}

func TestColumnsWithWordsOfTheApplication(t *testing.T) {
	for name, want := range map[string]bool{"source_type": true, "type": true, "itemType": true, "status": true, "timezone": true, "time_zone": true, "name": false, "street": false, "typist": false, "state": false, "model_name": false} {
		if c := (Column{Name: name, Class: Text}); c.Labels() != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	if c := (Column{Name: "status", Class: OtherClass}); c.Labels() {
		t.Error("a document has more than a word")
	}
}

func TestColumnsWithAWholeName(t *testing.T) {
	for name, want := range map[string][2]bool{ // in a table that finds people by itself, and in another one
		"name": {true, false}, "full_name": {true, true}, "displayName": {true, true}, "recipient": {true, true}, "Nom": {true, false}, "contact_name": {true, true},
		"first_name": {}, "Nachname": {}, "shipping_last_name": {}, "title": {}, "file_name": {}, "city": {},
	} {
		for i, keyed := range []bool{true, false} {
			if got := (&Table{}).Names(&Column{Name: name, Class: Text}, keyed); got != want[i] {
				t.Errorf("%s, keyed %v: %v", name, keyed, got)
			}
		}
	}
	if (&Table{}).Names(&Column{Name: "full_name", Class: OtherClass}, true) {
		t.Error("a document is no name")
	}
}
