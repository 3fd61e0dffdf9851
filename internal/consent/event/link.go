package event

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"github.com/google/uuid"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
)

// kinds of people whose identifiers have more than one spelling.
var kinds = map[string]v1alpha1.IdentifierKind{"email": v1alpha1.IdentifierEmail, "phone": v1alpha1.IdentifierPhone}

// Link is what a ledger keeps of a name: HMAC-SHA-256(pepper, kind ‖ 0 ‖ normalised identifier). Without the pepper, which
// is not in the database, it says nothing.
func Link(pepper []byte, person consent.Person) []byte {
	mac := hmac.New(sha256.New, pepper)
	mac.Write([]byte(person.Kind))
	mac.Write([]byte{0})
	if kind, ok := kinds[person.Kind]; ok {
		mac.Write([]byte(subject.Normalise(kind, person.ID)))
	} else {
		mac.Write([]byte(person.ID))
	}
	return mac.Sum(nil)
}

// PepperID names a pepper: the start of a digest.
func PepperID(pepper []byte) string {
	sum := sha256.Sum256(append([]byte("rempart pepper\x00"), pepper...))
	return hex.EncodeToString(sum[:4])
}

// kindForgotten is the kind under which the references of people who were forgotten are hashed. No person is named by it.
const kindForgotten = "forgotten"

// MarkOf is what is kept outside of a ledger of somebody who was forgotten in it: the start of HMAC-SHA-256(pepper, "forgotten" ‖ 0 ‖
// reference). The reference itself is in receipts; the mark can be compared by who has the pepper, and by nobody else.
func MarkOf(pepper []byte, subject uuid.UUID) consent.Mark {
	return consent.Mark(Link(pepper, consent.Person{Kind: kindForgotten, ID: subject.String()}))
}
