package erasure

import (
	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// words say what a reason means and what to do. They name no person, table or time.
var words = map[string]string{
	v1alpha1.ReasonSubjectMissing:     "The subject Secret does not exist; create it in this namespace with keys such as email or accountID",
	v1alpha1.ReasonSubjectEmpty:       "The subject Secret has no identifier, or an empty one; give each key a value",
	v1alpha1.ReasonSubjectUnreadable:  "The Secret is not a subject Secret: it must be of type Opaque and have only the keys email, phone, accountID, customerID, deviceID, consentSubject, consentReceipt and custom, each with one identifier of one line and at most 1024 bytes; people are asked for one by one, each with a Secret and a request",
	v1alpha1.ReasonEmailMalformed:     "The key email of the subject Secret is no e-mail address, so that nobody would be found; write name@example.org alone, without the name of the person, angle brackets, spaces or mailto:, and put what is no address under another key",
	v1alpha1.ReasonPhoneMalformed:     "The key phone of the subject Secret is no telephone number, so that nobody would be found; write one number of 3 to 18 digits, without letters or an extension, and put what is no number under another key",
	v1alpha1.ReasonCharacterUnseen:    "An identifier of the subject Secret has a character that cannot be seen, such as a tab or a byte order mark, so that nobody would be found; write it without",
	v1alpha1.ReasonSubjectChanged:     "The subject Secret no longer names the person who was accepted; restore it, or delete this request and make a new one",
	v1alpha1.ReasonSubjectKeyMissing:  "The key of the accepted reference was destroyed, so the person cannot be compared; delete this request and make a new one",
	v1alpha1.ReasonReceivedInFuture:   "The received time has not come yet; a request that starts the month of Article 12(3) was received before",
	v1alpha1.ReasonClockNotSet:        "The times of the request and the law profile give no due time: a question that was answered before it was asked, or a profile that this version does not know; make a new request with the right times",
	v1alpha1.ReasonAwaitingIdentity:   "A question to the person is open (Article 12(6)); nothing is planned or erased until identityCheck.answeredTime is set",
	v1alpha1.ReasonTooManyStores:      "The registers have more than 64 stores; make several requests that each name some of the registers (spec.registers, mode Named)",
	v1alpha1.ReasonRequestDeleted:     "The request was deleted before the run began",
	v1alpha1.ReasonRequestEnded:       "The request ended before the run began",
	v1alpha1.ReasonRefused:            "The request was refused before the run began",
	v1alpha1.ReasonNotAccepted:        "The request was not accepted when the run began",
	v1alpha1.ReasonNotApproved:        "The request was not approved when the run began",
	v1alpha1.ReasonCancelled:          "The run was deleted before it began",
	v1alpha1.ReasonImageChanged:       "The operator was upgraded before the run began",
	v1alpha1.ReasonStoreMissing:       "The register no longer has this store, or the store has no dataset",
	v1alpha1.ReasonPurposeChanged:     "The store does not hold data for the purposes of the request alone any more, so the request no longer concerns it",
	v1alpha1.ReasonNoDataset:          "The register has no dataset for this store, so nothing was looked for and nothing erased here; give it a dataset before the decision, or erase the person here by hand",
	v1alpha1.ReasonNoRoom:             "The request did not fit into the run; the next run serves it",
	v1alpha1.ReasonRunStopped:         "While the run worked, the subject of one of its requests was lost or changed, or another purpose came to need the store; who was not erased is planned again",
	v1alpha1.ReasonSubjectLost:        "The store committed the erasure, and the subject Secret was lost or changed before anybody was looked for; make a new request, whose plan shows what is left",
	v1alpha1.ReasonCountsMissing:      "The counts of the request could not be fetched; the table rempart.ledger of the store has them",
	v1alpha1.ReasonCountedWithOthers:  "No row was counted for this request alone: a row of several people, or of one who asked twice, is counted for the first of them in the run. What it shares with them was treated",
	v1alpha1.ReasonTaskTooLarge:       "The dataset of the store does not fit into a Secret of 1 MiB; split the store in two",
	v1alpha1.ReasonNothingAdmitted:    "No request of the run may run any more",
	v1alpha1.ReasonOnLegalHold:        "A legal hold forbids the erasure; it follows by itself when the hold is over",
	v1alpha1.ReasonTooManyHolds:       "More than 256 legal holds concern the register; release those that are not needed, or join them",
	string(task.HoldUnclear):          "A legal hold names a table, a column or a literal that the store does not have; release it and make a new one",
	string(task.Withheld):             "A legal hold stopped the run before it came to the request, which is planned again, without what is held",
	v1alpha1.ReasonCommitUnknown:      "It is not known whether the store committed; make a new request, whose plan shows what is left",
	string(task.Unreachable):          "The store cannot be reached",
	string(task.AuthenticationFailed): "The store refuses the credentials",
	string(task.AuthenticationWeak):   "The store wants the password in clear or as MD5, or asks for none, and no certificate proves that it is the store",
	string(task.DatabaseMissing):      "The store has no such database",
	string(task.TLSFailed):            "The store offers no TLS, or its certificate is not trusted",
	string(task.TableMissing):         "A declared table does not exist",
	string(task.ColumnMissing):        "A declared column does not exist",
	string(task.PrivilegeMissing):     "A role lacks a privilege that the dataset needs",
	string(task.RoleTooStrong):        "A role may do more than its duty needs",
	string(task.LedgerMissing):        "The table rempart.ledger does not exist in the store",
	string(task.PlanImpossible):       "A constraint forbids what the dataset orders",
	string(task.PlanChanged):          "The plan is no longer the one that was approved: schema, dataset or database changed",
	string(task.Fenced):               "The store's ledger knows a later run",
	string(task.TooManyRows):          "One person has more rows than one transaction may treat: an identifier that stands for nobody?",
	string(task.TimedOut):             "The store did not answer within the time of the step",
	string(task.Unfinished):           "A part of the run is committed, and the next Job goes on",
	string(task.LockTimeout):          "Rows or tables were locked for too long",
	string(task.Interrupted):          "The connection was lost",
	string(task.Contradicted):         "The verifier found the person again after the erasure",
	string(task.Internal):             "The eraser ended without a usable answer; the log of its container has the cause",
}

// say returns the words of a reason; empty when there are none.
func say(reason string) string { return words[reason] }

// Words say what a reason of this package's kinds means and what to do; empty when there are none.
func Words(reason string) string { return say(reason) }

// mends are the reasons that something else is about to mend: a store that is being provisioned or scanned.
var mends = map[task.Reason]bool{task.PrivilegeMissing: true, task.LedgerMissing: true, task.AuthenticationFailed: true, task.AuthenticationWeak: true, task.DatabaseMissing: true}

// patience is how many runs may fail for a reason that another controller may mend, before a person is asked.
const patience = 4

// needsRepair tells whether only a person can make the next run succeed.
func needsRepair(target *v1alpha1.ErasureTarget) bool {
	reason := task.Reason(target.Reason)
	switch {
	case target.Reason == "" || reason.Retryable() || reason == task.PlanChanged || reason == task.Fenced:
		return false
	case mends[reason]:
		return valueOf(target.Attempts) >= patience
	case reason == task.TableMissing, reason == task.ColumnMissing, reason == task.PlanImpossible, reason == task.TooManyRows,
		reason == task.RoleTooStrong, reason == task.TLSFailed, reason == task.HoldUnclear, target.Reason == v1alpha1.ReasonTooManyHolds, target.Reason == v1alpha1.ReasonStoreMissing, target.Reason == v1alpha1.ReasonTaskTooLarge:
		return true
	default:
		return false
	}
}
