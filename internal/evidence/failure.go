package evidence

import "errors"

// What is wrong with evidence. Each is told to people, so none quotes what was read.
var (
	// ErrKey means that a text is not a public key of evidence, or bytes are not a seed.
	ErrKey = errors.New("not a key of evidence")
	// ErrForm means that a file is not written as Rempart writes it: it is something else, or it was edited.
	ErrForm = errors.New("not in the form in which Rempart writes it")
	// ErrSignature means that no trusted key signed this: it was changed, or another key signed it.
	ErrSignature = errors.New("not signed by a key that is trusted, or changed after it was signed")
	// ErrChain means that the rotations of a log do not follow each other: a key was swapped.
	ErrChain = errors.New("the keys of the log do not follow each other: one was swapped without being replaced by the one before it")
	// ErrNotEnded means that a request has not ended, so there is nothing to certify.
	ErrNotEnded = errors.New("the request has not ended")
	// ErrAbsent means that the log has no such leaf.
	ErrAbsent = errors.New("the certificate is not in the log")
	// ErrContradicted means that the log has a leaf for the request that names another certificate.
	ErrContradicted = errors.New("the log names another certificate for the request")
	// ErrTail means that the log has fewer leaves than its checkpoint signs: the tail is missing.
	ErrTail = errors.New("leaves are missing at the end of the log")
	// ErrUnsigned means that the log has more leaves than its checkpoint signs.
	ErrUnsigned = errors.New("the log has leaves that its checkpoint does not sign")
	// ErrLeaves means that the leaves are not those that the checkpoint signs: one was changed, removed, added or moved.
	ErrLeaves = errors.New("the leaves of the log are not those that its checkpoint signs")
	// ErrTwice means that the log has two leaves for one request.
	ErrTwice = errors.New("the log has two leaves for one request")
	// ErrRolledBack means that a checkpoint that was seen before is of a longer log: an older copy was put back.
	ErrRolledBack = errors.New("the log is shorter than one that was signed before: an older copy was put back")
	// ErrForked means that a checkpoint that was seen before is of another log: history was written anew.
	ErrForked = errors.New("the log does not continue one that was signed before: its history was written anew")
	// ErrNotShown means that a checkpoint alone does not show whether its log continues a shorter one.
	ErrNotShown = errors.New("a proof does not show whether its log continues a shorter one; the whole log does")
)
