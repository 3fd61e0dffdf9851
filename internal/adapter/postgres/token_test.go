package postgres_test

import "testing"

// How people and programs write an address into a text.
func TestAnAddressIsSeenInTextsAsPeopleWriteThem(t *testing.T) {
	s := newStore(t, twoPeople+"CREATE TABLE texts (body text)", deletesPeople)
	who := email("ada@example.org")
	s.erased("0 public.people DeleteRows 1", who)
	for _, c := range []struct {
		text string
		seen bool
	}{
		{"Ada <ada@example.org>", true}, {"mailto:ada@example.org?subject=x", true}, {"_ada@example.org_", true}, {"**ada@example.org**", true}, {"~~ada@example.org~~", true},
		{"`ada@example.org`", true}, {"ada@example.org, bob@example.org", true}, {"bob@example.org;ada@example.org", true}, {"(ada@example.org).", true}, {"to=ada@example.org&x=1", true},
		{`s:15:"ada@example.org";`, true}, {"https://ada@example.org/", true}, {"ada@example.org...", true}, {"\u00abada@example.org\u00bb", true}, {"\u201eada@example.org\u201c", true}, {"\u2039ada@example.org\u203a, \u2026", true},
		{"ada@example.org\u2014soon", true}, {"\uff1aada@example.org\u3002", true}, {"\u200bada@example.org\u200b", true}, {"\ufeffada@example.org", true}, {"\u00a0ada@example.org\u00a0", true},
		{"https://example.net/?u=Ada%40example.org&x=1", true}, {"/in?next=%2Fu%3Fto%3Dada%2540example%252Eorg%26x", true}, {"mailto%3Aada%40example.org", true}, {"<p>ada&#64;example.org</p>", true},
		{"ada&#x40;example.org", true}, {"ada&commat;example.org", true}, {`{"to":"ada\u0040example.org"}`, true}, {"bob@example.org ada%40example.org", true}, {"ada%40example.org%0d", true},
		{"backups/ada@example.org_2026.tar", true}, {"ada@example.org~", true}, {"ada@example.org+1", true}, {"/avatars/Ada@example.org.PNG", true}, {"cv/ada@example.org.pdf", true}, {"ada%40example.org.ics", true},
		{"From: ada=40example.org", true}, {"joada@example.org.png", false}, {"ada@example.org.com", false}, {"ada@example.org.pdf.uk", false}, {"ada@example.orgpdf", false}, {"x=40ada", false},
		{"joada%40example.org", false}, {"x%2Bada%40example.org", false}, {"ada%40example.org%2euk", false}, {"100%40ada", false}, {"ada%41example.org", false},
		{"joada@example.org", false}, {"ada@example.org.uk", false}, {"ada+tag@example.org", false}, {"ada@example.organic", false}, {"ada.example.org", false}, {"ada@@example.org", false}, {"x.ada@example.org", false},
	} {
		s.sql("TRUNCATE texts")
		s.sql("INSERT INTO texts VALUES ($1)", c.text)
		if o := s.verify(who); o.OK == c.seen {
			t.Errorf("%q: found %v, want %v", c.text, !o.OK, c.seen)
		}
	}
}

func TestATelephoneNumberIsSeenInTextsAsPeopleWriteIt(t *testing.T) {
	s := newStore(t, twoPeople+"CREATE TABLE texts (body text)", deletesPeople)
	who := person("email", "ada@example.org", "phone", "+33612345678")
	s.erased("0 public.people DeleteRows 1", who)
	for _, c := range []struct {
		text string
		seen bool
	}{
		{"+33612345678", true}, {"33612345678", true}, {"+33 6 12 34 56 78", true}, {"+33.6.12.34.56.78", true}, {"(+33) 612-345-678", true}, {"+33/612/345678", true},
		{"+33\u00a06\u202f12\u00a034\u202f56\u00a078", true}, {"+33 612\u2013345\u2011678", true}, {"tel:+33612345678;x", true},
		{"+336123456789", false}, {"0033 612345678", false}, {"+33 612 345 67 and 8", false},
	} {
		s.sql("TRUNCATE texts")
		s.sql("INSERT INTO texts VALUES ($1)", c.text)
		if o := s.verify(who); o.OK == c.seen {
			t.Errorf("%q: found %v, want %v", c.text, !o.OK, c.seen)
		}
	}
}

// An address may begin with a mark that people put around addresses.
func TestAnAddressThatBeginsWithAMarkIsSeen(t *testing.T) {
	s := newStore(t, twoPeople+"CREATE TABLE texts (body text)", deletesPeople)
	for text, seen := range map[string]bool{"to _ada@example.org.": true, "_ada@example.org_": true, "ada@example.org": false, "-_ada@example.org": false} {
		s.sql("TRUNCATE texts")
		s.sql("INSERT INTO texts VALUES ($1)", text)
		if o := s.verify(email("_ada@example.org")); o.OK == seen {
			t.Errorf("%q: found %v, want %v", text, !o.OK, seen)
		}
	}
}
