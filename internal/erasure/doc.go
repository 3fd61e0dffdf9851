// Package erasure decides about ErasureRequests and ErasureRuns (Article 17). It is pure: the clock and everything that
// was read are inputs, and the same input always gives the same answer.
//
// A request moves by JudgeRequest; Dispatch gathers requests that wait for the same store into runs; Admit says, for each
// request of a run and from live reads, whether it may still run; DesiredRun builds the Job, and JudgeRun says what it
// came to. Fold counts the ends of runs into the targets of a request, each end once.
package erasure
