package ledger

import "context"

// Hurry is what the sequencer does when something was recorded here.
func Hurry(ctx context.Context, l *Ledger) { l.Sequencer.hurry(ctx) }

// Waits tells whether the sequencer was woken, and lets it sleep again.
func Waits(l *Ledger) bool {
	select {
	case <-l.Sequencer.waits:
		return true
	default:
		return false
	}
}

// Statements whose plans a test looks at.
var Statements = map[string]string{
	"recordNew": recordNew, "recordKnown": recordKnown, "statesOf": statesOf, "eventsOf": eventsOf, "receiptOf": receiptOf, "placeOf": placeOf, "sinceOf": sinceOf,
	"publishedSoFar": publishedSoFar, "takePending": takePending, "leavesOf": leavesOf, "pieceLeaves": pieceLeaves, "pieceEvents": pieceEvents, "tokenOf": tokenOf, "holdPerson": holdPerson, "newest": newest, "waitingOf": waitingOf, "openedOf": openedOf, "letPass": letPass,
	"formsOf": formsOf, "anyOlder": anyOlder, "renewLink": renewLink, "wrappedAfter": wrappedAfter, "rewrapKey": rewrapKey, "keysUsed": keysUsed, "lostPepper": lostPepper,
}
