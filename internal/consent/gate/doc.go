// Package gate decides which fields of a person's data may be used for what: a field passes only if a record lists it and one
// of its purposes is usable for that person now (Articles 5(1)(b), 6(1) and 25(2) of the GDPR). All else is dropped.
package gate
