package fides

import (
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// identities are the kinds of identifiers by what Fides calls identities; all others are Custom.
var identities = map[string]v1alpha1.IdentifierKind{
	"email":                v1alpha1.IdentifierEmail,
	"phone_number":         v1alpha1.IdentifierPhone,
	"phone":                v1alpha1.IdentifierPhone,
	"account_id":           v1alpha1.IdentifierAccountID,
	"user_id":              v1alpha1.IdentifierAccountID,
	"customer_id":          v1alpha1.IdentifierCustomerID,
	"device_id":            v1alpha1.IdentifierDeviceID,
	"fides_user_device_id": v1alpha1.IdentifierDeviceID,
}

// Categories of Fideslang, each with all below it. Special is Article 9(1); Sensitive is our choice, with Article 10.
var (
	special = []string{
		"user.biometric", "user.authorization.biometric", "user.health_and_medical", "user.genetic",
		"user.demographic.political_opinion", "user.demographic.race_ethnicity", "user.demographic.religious_belief", "user.demographic.sexual_orientation",
		"user.political_opinion", "user.race", "user.religious_belief", "user.sexual_orientation", // the names before Fideslang 2
	}
	sensitive = []string{"user.authorization", "user.credentials", "user.criminal_history", "user.financial", "user.government_id", "user.location.precise"}
)

// personal tells whether a category is about people.
func personal(category string) bool { return under(category, "user") }

func under(category string, roots ...string) bool {
	for _, root := range roots {
		if category == root || strings.HasPrefix(category, root+".") {
			return true
		}
	}
	return false
}

// sensitivity of the most sensitive of the categories; empty for an ordinary one.
func sensitivity(categories []string) v1alpha1.Sensitivity {
	var worst v1alpha1.Sensitivity
	for _, c := range categories {
		switch {
		case under(c, special...):
			return v1alpha1.SensitivitySpecial
		case under(c, sensitive...):
			worst = v1alpha1.SensitivitySensitive
		}
	}
	return worst
}

// masks are the masking strategies of Fides that have a mask here. What hides a value behind a key or a hash becomes a
// pseudonym that no one can undo.
var masks = map[string]v1alpha1.ColumnMask{
	"null_rewrite":          v1alpha1.MaskNull,
	"string_rewrite":        v1alpha1.MaskConstant,
	"random_string_rewrite": v1alpha1.MaskPseudonym,
	"hash":                  v1alpha1.MaskPseudonym,
	"hmac":                  v1alpha1.MaskPseudonym,
	"aes_encrypt":           v1alpha1.MaskPseudonym,
}
