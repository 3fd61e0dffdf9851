package task

import "github.com/rempart-dev/rempart/api/v1alpha1"

// EngineConsentLedger is the engine of tasks about the ledger of a ConsentPolicy. It is no engine of a DataRegister: it is asked
// over HTTP, by the service that keeps the ledger, and Connection.Database is the policy's name.
const EngineConsentLedger v1alpha1.StoreEngine = "ConsentLedger"

// Names under which the parts of a ledger are counted, as the ledger's own tables are called.
const (
	LedgerSchema v1alpha1.Identifier = "consent"
	LedgerKeys   v1alpha1.Identifier = "subject_keys"
	LedgerLinks  v1alpha1.Identifier = "subject_links"
	LedgerStates v1alpha1.Identifier = "state"
	LedgerTokens v1alpha1.Identifier = "mailbox_proofs"
	LedgerEvents v1alpha1.Identifier = "events"
)

// LedgerTables in the order in which they are counted.
var LedgerTables = []v1alpha1.Identifier{LedgerKeys, LedgerLinks, LedgerStates, LedgerTokens, LedgerEvents}

// LedgerKinds are the identifiers by which a ledger finds people.
var LedgerKinds = []v1alpha1.IdentifierKind{v1alpha1.IdentifierAccountID, v1alpha1.IdentifierEmail, v1alpha1.IdentifierPhone,
	v1alpha1.IdentifierConsentSubject, v1alpha1.IdentifierConsentReceipt}
