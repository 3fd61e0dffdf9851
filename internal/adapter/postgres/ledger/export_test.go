package ledger

// Statements whose plans a test looks at.
var Statements = map[string]string{
	"recordNew": recordNew, "recordKnown": recordKnown, "statesOf": statesOf, "eventsOf": eventsOf, "receiptOf": receiptOf, "placeOf": placeOf, "sinceOf": sinceOf,
	"publishedSoFar": publishedSoFar, "takePending": takePending, "leavesOf": leavesOf, "pieceLeaves": pieceLeaves, "pieceEvents": pieceEvents, "tokenOf": tokenOf, "holdPerson": holdPerson, "newest": newest, "waitingOf": waitingOf, "openedOf": openedOf, "letPass": letPass,
	"formsOf": formsOf, "anyOlder": anyOlder, "renewLink": renewLink, "wrappedAfter": wrappedAfter, "rewrapKey": rewrapKey, "keysUsed": keysUsed, "lostPepper": lostPepper,
}
