package task

// Failure is why a step stopped: a Reason, and words that name tables, columns and constraints, never a value. It is
// made without the text of the error that caused it, since a database quotes rows in its errors.
type Failure struct {
	Reason  Reason
	Message string
	// Names of the tables and columns that Message is about.
	Names []string
	// Trace is for the log: SQLSTATE and the names that came with it.
	Trace Trace
}

// Trace is what may be logged of a database's error.
type Trace struct {
	SQLState, Schema, Table, Column, Constraint string
}

// Error returns the reason and the message.
func (f *Failure) Error() string { return string(f.Reason) + ": " + f.Message }
