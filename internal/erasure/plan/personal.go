package plan

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// about is what a column's name says of its content, in English, French, German, Spanish and Italian as schemas have them. A
// name is compared as its words in lower case, without accents, between underscores: _first_name_. Each pattern asks for whole
// words, since filename, hostname, username and table_name are nobody's.
var about = struct{ name, birth, number, net, place, plain, machine *regexp.Regexp }{
	name: regexp.MustCompile(`_(first|last|full|given|family|middle|maiden|birth|nick|contact|recipient|patient|customer|employee|billing|holder|cardholder)_?names?_|_(sur|fore)names?_|_[fl]name_` +
		`|_prenoms?_|_nom_(de_)?(famille|naissance|usage|complet|client|patient)_` +
		`|_(vor|nach|familien|geburts)namen?_|_apellidos?_|_(primer|segundo)_(nombre|apellido)_|_nombre_(completo|cliente)_|_cognome_|_nome_(completo|cliente)_`),
	birth: regexp.MustCompile(`_(date|place|year)_of_birth_|_birth_?(date|day|place|year)_|_dob_|_naissance_|_geburts(datum|tag|ort)_|_geb_?datum_|_nacimiento_|_nascita_`),
	number: regexp.MustCompile(`_iban_|_bank_account_|_account_holder_|_(credit_)?card_?(number|no|nr|holder)_|_rib_|_compte_bancaire_` +
		`|_carte_bancaire_|_konto(nummer|nr|inhaber)_|_bankverbindung_|_cuenta_bancaria_|_conto_corrente_` +
		`|_tax_?(id|number|no|nr)_|_fiscal_(code|number)_|_ssn_|_nino_|_(national_insurance|social_security|national_id|identity_card|id_card)_|_passport(_?(no|nr|number|id))?_|_driv(er|ers|ing)_licen[cs]e_` +
		`|_(num|numero)_(de_)?secu(rite_sociale)?_|_securite_sociale_|_nir_|_numero_fiscal_|_passeport_|_carte_(d_)?identite_` +
		`|_steuer_?(id|nummer|nr|identifikationsnummer)_|_sozialversicherungs_?(nummer|nr)_|_svnr_|_(personal)?ausweis_?(nummer|nr)?_|_reisepass_?(nummer|nr)?_` +
		`|_dni_|_nif_|_nie_|_pasaporte_|_seguridad_social_|_codice_fiscale_|_passaporto_|_tessera_sanitaria_`),
	net: regexp.MustCompile(`_ip(v[46])?_?(addr|address|adresse)?_|_remote_addr(ess)?_`),
	place: regexp.MustCompile(`_(street|postal|home|billing|shipping|delivery|mailing|residential|private)_?address(_(line_?)?[0-9])?_|^_(full_)?address(_?line)?(_?[0-9])?_$|_street(_?(name|line|number|no|nr|[0-9]))?_$|_(zip|post|postal)_?code_` +
		`|^_adresse(_?[0-9])?_$|_adresse_(postale|domicile|de_livraison|livraison|de_facturation|facturation)_|_rue_|_codes?_postal_` +
		`|_strasse_|_str_?nr_|_haus_?(nummer|nr)_|_plz_|_postleitzahl_|_wohnort_|_anschrift_|_(wohn|liefer|rechnungs|post)(adresse|anschrift)_` +
		`|^_direccion(_?[0-9])?_$|_direccion_(postal|envio|facturacion)_|_domicilio_|_codigo_postal_|_calle_|^_indirizzo(_?[0-9])?_$|_codice_postale_` +
		`|_account_(number|no|nr)_|_sort_code_|_numero_(de_|di_)?(compte|cuenta|conto)_`),
	plain:   regexp.MustCompile(`^_(name|nom|nombre|nome)_$`),
	machine: regexp.MustCompile(`_(server|host|node|pod|gateway|router|dns|listen|bind|proxy|cluster|device|range|pool|subnet|mask|version)_`),
}

// accents takes off what people leave out in names of columns.
var accents = strings.NewReplacer("é", "e", "è", "e", "ê", "e", "ë", "e", "à", "a", "â", "a", "ä", "a", "á", "a", "ç", "c", "ñ", "n", "ö", "o", "ó", "o", "ô", "o", "ü", "u", "ú", "u", "û", "u", "í", "i", "î", "i", "ß", "ss")

// wordsOf writes a name as its words: firstName and First-Name are _first_name_.
func wordsOf(name string) string {
	out, before := []rune{'_'}, '_'
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			r = '_'
		case unicode.IsUpper(r) && unicode.IsLower(before):
			out = append(out, '_')
		}
		if before = r; r != '_' || out[len(out)-1] != '_' {
			out = append(out, unicode.ToLower(r))
		}
	}
	return strings.TrimSuffix(accents.Replace(string(out)), "_") + "_"
}

// tells says that the name and type of a column are those of what is known of a person whoever they are: their name, birth,
// bank, papers, or the address of their device.
func (c *Column) tells() bool {
	w := wordsOf(c.Name)
	switch {
	case about.net.MatchString(w):
		return (c.Class == Text || c.Inet) && !about.machine.MatchString(w)
	case about.birth.MatchString(w):
		return c.Class == Text || c.Class == Date || c.Class == Timestamp
	}
	return c.Class == Text && (about.name.MatchString(w) || about.number.MatchString(w))
}

// places says that a column holds a postal address or the number of an account, which can be those of a shop and of its books too.
func (c *Column) places() bool { return c.Class == Text && about.place.MatchString(wordsOf(c.Name)) }

// personal lists the columns of a live table that look like a person's. Ours says that the dataset has the table, and keyed that
// it has subject keys of its own: a name alone is then a person's. A place alone can be anybody's.
func personal(t *Table, ours, keyed bool) []string {
	ours = ours || slices.ContainsFunc(t.Columns, func(c Column) bool { return c.tells() })
	var names []string
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.tells() || ours && c.places() || keyed && c.Class == Text && about.plain.MatchString(wordsOf(c.Name)) {
			names = append(names, c.Name)
		}
	}
	return names
}

// stays tells whether rows of a table stay for good, without what is masked or detached.
func stays(action v1alpha1.TableErasure) bool {
	return action == v1alpha1.EraseMaskColumns || action == v1alpha1.EraseDetach
}

// given and family are the names of columns with the two parts of a person's name, which other tables have as one.
var (
	given  = regexp.MustCompile(`^_((customer|contact|billing|shipping|ship|bill)_)?((first|given|fore)_?names?|first|f_?name|prenoms?|vornamen?|(primer_)?nombres?|nome)_$`)
	family = regexp.MustCompile(`^_((customer|contact|billing|shipping|ship|bill)_)?((last|family|sur)_?names?|last|l_?name|nom(_de_famille)?|(nach|familien)namen?|(primer_)?apellidos?|cognome)_$`)
)

// NameParts returns the columns with the first and the last name of a person, by what they are called; empty where there are not both.
func (t *Table) NameParts() (first, last string) {
	for i := range t.Columns {
		switch c := &t.Columns[i]; {
		case c.Class != Text:
		case first == "" && given.MatchString(wordsOf(c.Name)):
			first = c.Name
		case last == "" && family.MatchString(wordsOf(c.Name)):
			last = c.Name
		}
	}
	if first == "" || last == "" {
		return "", ""
	}
	return first, last
}

// shown are the names of columns with a name as others see it, which may be a thing's too.
var shown = regexp.MustCompile(`_(display|real|complete|user|account|author|ship|shipping)_?name_|^_(recipient|author|addressee|destinataire)_$`)

// Names says that a column of the table holds the whole name of a person, by what it is called: not one of its two parts.
func (t *Table) Names(c *Column, keyed bool) bool {
	w := wordsOf(c.Name)
	if c.Class != Text {
		return false
	}
	if about.plain.MatchString(w) {
		return keyed
	}
	return !given.MatchString(w) && !family.MatchString(w) && (about.name.MatchString(w) || shown.MatchString(w))
}

// labels are the names of columns with a word that the application chose among few, such as the table to which a reference leads.
var labels = regexp.MustCompile(`_(type|kind|class|model|table|status|role|provider|action|event|locale|language|currency|time_?zone)_$`)

// Labels says that a column holds a word that the application chose and no value of a person, by its name.
func (c *Column) Labels() bool { return c.Class == Text && labels.MatchString(wordsOf(c.Name)) }
