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

// Categories of Fideslang, each with all below it. Special is Article 9(1); Sensitive is our choice, with Article 10. Fideslang 3.2
// renamed some of those of version 2, and the migration 7abe778b7082 of Fides says which were those before version 1.
var (
	special = []string{
		"user.biometrics", "user.authorization.biometrics", "user.health",
		"user.demographic.political_opinion", "user.demographic.race_ethnicity", "user.demographic.religious_belief", "user.demographic.sexual_orientation",
		"user.demographic.philosophical_belief", "user.demographic.union_membership",
		"user.biometric", "user.authorization.biometric", "user.health_and_medical", // the names before Fideslang 3.2
		"user.genetic", "user.biometric_health", "user.credentials.biometric_credentials",
		"user.political_opinion", "user.race", "user.religious_belief", "user.sexual_orientation", // the names before Fideslang 2
	}
	sensitive = []string{
		"user.authorization", "user.credentials", "user.criminal_history", "user.financial", "user.payment", "account.payment", "user.government_id", "user.location.precise",
		"user.demographic.protected_classifications", "user.demographic.citizenship_or_immigration_status",
	}
	// provenance is what the names before Fideslang 1 said of where data comes from.
	provenance = []string{"user.provided.identifiable.", "user.derived.identifiable."}
)

// personal tells whether a category is about people. Before Fideslang 1, account was beside user.
func personal(category string) bool { return under(category, "user", "account") }

// technical tells whether a category is about no people.
func technical(category string) bool { return under(category, "system") }

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
		for _, prefix := range provenance {
			if rest, old := strings.CutPrefix(c, prefix); old {
				c = "user." + rest
			}
		}
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
