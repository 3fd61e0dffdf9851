// Package job builds the Jobs in which the eraser works, and reads what their containers answered. It is pure: the same
// Spec always gives the same Job.
//
// # Building
//
// A Spec lists the containers of one pod, each by the task.Step that it does; the container's name and only argument are
// the step. Init containers run first, one after the other, and a later one never starts when an earlier one failed.
// An execution is
//
//	job.Spec{
//		Name: …, Namespace: …, Owner: child.OwnedBy(run, "ErasureRun"), Image: run.Spec.Image,
//		Labels:     job.Labels(register, store, job.ComponentRun),
//		Init:       []job.Container{{Step: task.Erase, Roles: map[task.Role]string{task.Eraser: eraserSecret}}},
//		Containers: []job.Container{{Step: task.Verify, Roles: map[task.Role]string{task.Verifier: verifierSecret}}},
//		TaskSecret: …,                              // a Secret of ours: task.json holds the task.Task, subjects.json the task.People
//	}.Build()
//
// The names of a store's Secrets, its connection and its node affinity are in package register: Roles, Connection,
// CASecret and Affinity. Labels are the ones that the NetworkPolicies of package register select: without them the pod
// reaches nothing.
//
// The template of a live Job is immutable. Apply a Job when it is not there yet; to suspend or resume one that is there,
// apply it again with the very same Spec but for Suspend (record the image at the start).
//
// # Reading
//
// Ended says whether the Job has ended, and how. Answers reads what the containers of its own newest pod left: a
// missing or malformed answer, an answer of success with a bad exit code, and one of the last containers while the Job is not
// complete, is a failure (Reason task.Internal). A Job has no TTL: record what it came to, then delete it with propagation Background.
package job
