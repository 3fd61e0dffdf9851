package erasure_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// acts does what each line of a play says, and lets the world settle after it.
func acts(t *testing.T, w *world, lines ...string) {
	t.Helper()
	for _, line := range lines {
		w.act(t, strings.Fields(line))
		w.settle()
	}
}

// says returns the message of a condition of the first request.
func says(w *world, conditionType string) string {
	if c := meta.FindStatusCondition(w.requests[0].Status.Conditions, conditionType); c != nil {
		return c.Message
	}
	return ""
}

// withArchive is a namespace whose register has a store of which nobody wrote down where people are in it.
func withArchive(t *testing.T) *world {
	t.Helper()
	w := newWorld()
	acts(t, w, "officer Europe/Paris FR", "register crm")
	w.registers[0].Spec.Stores = append(w.registers[0].Spec.Stores, v1alpha1.DataStore{Name: "archive", Engine: v1alpha1.EnginePostgreSQL, Managed: &v1alpha1.ManagedStore{}})
	acts(t, w, "secret p1 email=ada@example.org", "request r1 p1 2026-03-05T08:00:00Z")
	return w
}

func TestAStoreWithoutADatasetIsNeverPassedOverInSilence(t *testing.T) {
	w := withArchive(t)
	if !strings.Contains(says(w, v1alpha1.ConditionPlanned), "left to a person: crm/archive") {
		t.Errorf("planned: %s", says(w, v1alpha1.ConditionPlanned))
	}
	acts(t, w, "approve r1")
	status := w.requests[0].Status
	if status.End != v1alpha1.EndPartlyErased || len(status.Targets) != 2 || status.Targets[0].Result != v1alpha1.TargetManual || status.Targets[0].Reason != v1alpha1.ReasonNoDataset {
		t.Errorf("end %s, targets %+v", status.End, status.Targets)
	}
	for _, c := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionExecuted, v1alpha1.ConditionVerified} {
		if !strings.Contains(says(w, c), "left to a person: crm/archive") {
			t.Errorf("%s: %s", c, says(w, c))
		}
	}
}

func TestAStoreThatGetsItsDatasetBeforeTheDecisionIsPlanned(t *testing.T) {
	w := withArchive(t)
	before := w.requests[0].Status.PlanDigest
	w.registers[0].Spec.Stores[1].Dataset = w.registers[0].Spec.Stores[0].Dataset
	w.settle()
	status := w.requests[0].Status
	if len(status.Targets) != 2 || status.Targets[0].Result != v1alpha1.TargetPlanned || status.PlanDigest == before || before == "" {
		t.Fatalf("%+v", status.Targets)
	}
	acts(t, w, "approve r1")
	if end := w.requests[0].Status.End; end != v1alpha1.EndErased {
		t.Errorf("end %s", end)
	}
}

func TestARequestAtStoresWithoutDatasetsAloneEnds(t *testing.T) {
	w := newWorld()
	acts(t, w, "officer Europe/Paris FR", "register crm")
	w.registers[0].Spec.Stores[0].Dataset = nil
	acts(t, w, "secret p1 email=ada@example.org", "request r1 p1 2026-03-05T08:00:00Z")
	if end, words := w.requests[0].Status.End, says(w, v1alpha1.ConditionPlanned); end != "" || !strings.Contains(words, "left to a person: crm/main") {
		t.Errorf("before anybody decided: end %q: %s", end, words)
	}
	acts(t, w, "approve r1")
	if status := w.requests[0].Status; status.End != v1alpha1.EndNothingFound || len(status.Targets) != 1 || !strings.Contains(says(w, v1alpha1.ConditionReady), "none was searched") {
		t.Errorf("end %s: %s", status.End, says(w, v1alpha1.ConditionReady))
	}
}

func TestWhereTheLawKeepsAllNothingWasErased(t *testing.T) {
	w := newWorld()
	acts(t, w, "officer Europe/Paris FR", "register crm partner=webhook", "store deletes 0 keeps 3", "secret p1 email=ada@example.org", "request r1 p1 2026-03-05T08:00:00Z", "approve r1")
	status := w.requests[0].Status
	if status.End != v1alpha1.EndNothingErased || !strings.Contains(says(w, v1alpha1.ConditionReady), "12(4)") {
		t.Errorf("end %s: %s", status.End, says(w, v1alpha1.ConditionReady))
	}
	if len(status.Recipients) != 0 || len(w.messages) != 0 {
		t.Errorf("told %+v that something was erased", status.Recipients)
	}
}

func TestAStoreOfARequestThatNothingCanSearchGetsItsDataset(t *testing.T) {
	w := newWorld()
	acts(t, w, "officer Europe/Paris FR", "register crm")
	dataset := w.registers[0].Spec.Stores[0].Dataset
	w.registers[0].Spec.Stores[0].Dataset = nil
	acts(t, w, "secret p1 email=ada@example.org", "request r1 p1 2026-03-05T08:00:00Z")
	w.registers[0].Spec.Stores[0].Dataset = dataset
	w.settle()
	acts(t, w, "approve r1")
	if status := w.requests[0].Status; w.erased != 1 || status.End != v1alpha1.EndErased {
		t.Errorf("%d erasures, end %s, targets %+v", w.erased, status.End, status.Targets)
	}
}
