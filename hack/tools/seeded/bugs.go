package main

const (
	engine   = "internal/adapter/postgres/"
	child    = "internal/kube/child/child.go"
	requests = "controllers/erasurerequest"
	// enters is how a run writes its row of the ledger, and then commits.
	enters = "s.several(ctx, entry, query{sql: \"COMMIT\"})"
	// stops is where a test may stop it before that.
	stops = "	if err := e.at(ctx, \"commit\"); err != nil {\n		return o, err\n	}\n"
)

// bugs are those that reliability asks for: an effect that is made twice or lost, and a proof that proves nothing; and those that
// were found once.
var bugs = []bug{
	{"a delete without a UID", child, "options = append(options, client.Preconditions{UID: &uid, ResourceVersion: &version})", "_, _ = uid, version", "internal/kube/child", "."},
	{"a Job of a stranger is adopted", child, "case Ours(existing, owner):", "case owner != nil:", "internal/kube/child", "."},
	{"a finalizer comes with the effect", child, "	return true, c.Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))", "	return false, c.Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))", "internal/kube/child", "."},
	{"a Job has a name by chance", "internal/erasure/names.go", `return fmt.Sprintf("er-%s-%s-g%d", short(run.UID), run.Spec.Store, attempt)`, `return fmt.Sprintf("er-%s-%s-g%d-%p", short(run.UID), run.Spec.Store, attempt, new(int))`, requests, "TestARequestGoesTheWholePath|TestEveryWriteMayFail$"},
	{"a terminal error is tried again", "internal/kube/flow/flow.go", "return ctrl.Result{}, reconcile.TerminalError(step)", "return ctrl.Result{}, step", "internal/kube/flow", "."},
	{"a message is sent before it is recorded", "controllers/notification/reconciler.go", "	if err := (*status).Patch(ctx, in.Notification); err != nil {\n		return err\n	}\n", "", "controllers/notification", "TestTheAttemptIsWrittenBeforeItIsMade|TestAnotherProcess"},
	{"an end of a run is judged again", "internal/erasure/run.go", "	case t.status.EndedTime != nil:\n		if Certifies", "	case t.status.EndedTime != nil && in.Job != nil:\n		if Certifies", requests, "TestARequestGoesTheWholePath|TestEveryWriteMayFail$"},
	{"a subject Secret of another UID is deleted", "controllers/erasurerequest/finalize.go", "string(secret.UID) != request.Status.SubjectSecretUID", "secret.UID == \"\"", requests, "TestASecretOfAnotherUID"},
	{"a subject is not compared before the Job", "internal/erasure/subjects.go", "case err != nil || !same:", "case err != nil && !same:", histories, "TestPlays"},
	{"verification has the eraser's login", "internal/erasure/desired.go", "map[task.Role]string{task.Verifier: roles[task.Verifier]}", "map[task.Role]string{task.Verifier: roles[task.Eraser]}", histories, "TestPlays"},
	{"a legal hold is not looked at before the Job", "internal/erasure/admit.go", "	case kept(run, live.Person, holds):", "	case kept(run, live.Person, nil):", histories, "TestNothingIsErasedWhileOnHold"},
	{"a Job that was deleted is made again under its name", "internal/erasure/absent.go", "return valueOf(t.status.SeenAttempts) >= valueOf(t.status.Attempts)", "return false", histories, "TestAJobThatSomebodyDeleted"},
	{"a Job is made and not written down before", "controllers/erasurerun/reconciler.go", "erasure.Intend(*in); writes {", "erasure.Intend(*in); writes && false {", requests, "TestAJobOfAnOperatorThatDied"},
	{"another pod answers for one that was drained", "internal/erasure/job/build.go", "return c.Step == task.Erase }) {", "return c.Step == task.Report }) {", "internal/erasure/job", "TestBuild"},
	{"the second pod of a Job speaks for the first", "internal/erasure/job/outcome.go", "j.Status.Succeeded+j.Status.Failed <= 1", "true", histories, "TestTheSecondPod"},
	{"an answer without an exit code is a success", "internal/erasure/job/outcome.go", "ExitCode != 0", "ExitCode > 255", "internal/erasure/job", "."},

	{"a late run is not fenced", engine + "engine.go", "if latest > t.Epoch {", "if latest > t.Epoch+1<<40 {", "internal/adapter/postgres", "TestALowerEpochIsFenced"},
	{"the ledger has no row", engine + "engine.go", enters, "s.several(ctx, query{sql: \"SAVEPOINT seeded\"}, entry, query{sql: \"ROLLBACK TO SAVEPOINT seeded\"}, query{sql: \"COMMIT\"})", "internal/adapter/postgres", "TestTheSameRunTwice"},
	{"the ledger has its row in another transaction", engine + "engine.go", stops, "	if err := s.all(ctx, \"COMMIT\"); err != nil {\n		return o, err\n	}\n" + stops, "internal/adapter/postgres", "TestAStopAtAnyStage"},
	{"a plan that nobody approved is executed", engine + "engine.go", "if t.Connection.Bound(p.Digest) != t.PlanDigest && !t.Replay() {", "if p.Digest == \"\" && !t.Replay() {", "internal/adapter/postgres", "TestAChangedSchemaStopsTheRun"},
	{"a statement may touch fewer rows", engine + "execute.go", "if got == want {", "if got <= want {", "internal/adapter/postgres", "TestATriggerThatKeepsRows"},
	{"a structural key is always rightly there", engine + "verify.go", "ways := []string{v.keptPeriod(i)}\n	if k.Structural {", "ways := []string{v.keptPeriod(i)}\n	if k.Structural {\n		ways = append(ways, \"true\")", "internal/adapter/postgres", "TestAKeyOfTheSchemaStays"},
	{"the verifier looks into subject keys alone", engine + "verify.go", "v.byTextOf(m, m.Table, v.staying(i), table(m.Table), v.keptText(i), until(m))...", "v.byTextOf(m, m.Table, v.staying(i), table(m.Table), v.keptText(i), until(m))[:0]...", "internal/adapter/postgres", "TestATelephoneOfAnOffice"},
	{"no address is looked for where codes stay", engine + "codes.go", "	apart.terms = v.terms.withoutCodes()", "	apart.terms = terms{}", "internal/adapter/postgres", "TestAnAddressIsFoundWhereCodes"},
	{"a telephone says whose a row is", engine + "find.go", `"(" + holdsSame(m, k, text, identifier) + " AND NOT " + s.anothers(m, k, identifier+".req") + ")"`, "holdsSame(m, k, text, identifier)", "internal/adapter/postgres", "TestATelephoneOfAnOffice"},
	{"addresses in other elements hide a telephone", engine + "find.go", "if !phone.Together(k) {", "if true {", "internal/adapter/postgres", "TestWhoseATelephoneIs"},
	{"what was destroyed is not remembered", engine + "remember.go", "if err = s.write(ctx, t, m); unreadable(err) {", "if err = s.write(ctx, t, unread(t)); unreadable(err) {", "internal/adapter/postgres", "TestSecondCopies"},
	{"what others have counts as a copy", engine + "remains.go", "		r.shared[h.n] = true", "		r.shared[-h.n] = true", "internal/adapter/postgres", "TestValuesThatOthersHave"},
	{"a Job of a run has a salt of its own", "controllers/erasurerun/load.go", "known != nil && child.Ours(secret, run)", "known != nil && !child.Ours(secret, run)", requests, "TestALostPod"},
	{"json is read as jsonb", engine + "edit.go", "	if c.Verbatim {\n		return \"(CASE", "	if c.Verbatim && c.Narrow {\n		return \"(CASE", "internal/adapter/postgres", "TestDocumentsThatPostgreSQLCannotRead"},
}
