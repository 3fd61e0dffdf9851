package dataregister

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/plan"
	"github.com/rempart-dev/rempart/internal/residency"
	"github.com/rempart-dev/rempart/internal/webhook/review"
)

// stores judges the places of stores that are new, moved, or under another policy than before.
func stores(answer *review.Answer, guard *residency.Guard, req request) {
	samePolicy := req.Old != nil && residency.PolicyName(req.Old) == residency.PolicyName(req.Object)
	for s := range req.Object.Spec.Stores {
		store := &req.Object.Spec.Stores[s]
		old := oldStore(req, store.Name)
		switch {
		case store.Managed != nil:
			if old != nil && old.Managed != nil && samePolicy && old.Managed.Storage.StorageClassName == store.Managed.Storage.StorageClassName {
				continue
			}
			managed(answer, guard, store)
		case store.External != nil:
			if old != nil && samePolicy && equality.Semantic.DeepEqual(old.External, store.External) && equality.Semantic.DeepEqual(transfers(req.Old), transfers(req.Object)) {
				continue
			}
			external(answer, guard, req.Object, store)
		}
	}
}

// datasets refuses paths that mean nothing, in datasets that are new or changed. A rule in the schema would cost too much for so
// many columns.
func datasets(answer *review.Answer, req request) {
	for s := range req.Object.Spec.Stores {
		store := &req.Object.Spec.Stores[s]
		if old := oldStore(req, store.Name); store.Dataset == nil || old != nil && equality.Semantic.DeepEqual(old.Dataset, store.Dataset) {
			continue
		}
		for t := range store.Dataset.Tables {
			table := &store.Dataset.Tables[t]
			if at, why := plan.Misdeclared(table); why != "" {
				answer.Refuse(RulePaths, field(store, fmt.Sprintf("dataset.tables[%d].%s", t, at)), fmt.Sprintf("store %q: %s of %s %s (rule %s)", store.Name, at, table.Name, why, RulePaths))
			}
		}
	}
}

// managed refuses a class that is not allowed, with the words of the storage webhook.
func managed(answer *review.Answer, guard *residency.Guard, store *v1alpha1.DataStore) {
	for _, objection := range guard.JudgeClass(string(store.Managed.Storage.StorageClassName), nil) {
		message := fmt.Sprintf("store %q: %s", store.Name, objection.Message)
		if objection.Enforced {
			answer.Refuse(objection.Rule, field(store, "managed.storage.storageClassName"), message)
		} else {
			answer.Warn(message)
		}
	}
}

// external judges a declared place. Outside of the EEA, data are transferred: the record must say by which mechanism
// (Article 30(1)(e), Chapter V).
func external(answer *review.Answer, guard *residency.Guard, register *v1alpha1.DataRegister, store *v1alpha1.DataStore) {
	for _, policy := range guard.Policies {
		message := judgeExternal(policy.Rules, register, store)
		switch {
		case message == "":
		case policy.Rules.Enforcement == v1alpha1.EnforcementAudit:
			answer.Warn(message)
		default:
			answer.Refuse(residency.RuleDeclaredPlace, field(store, "external"), message)
		}
	}
}

func judgeExternal(rules *residency.Rules, register *v1alpha1.DataRegister, store *v1alpha1.DataStore) string {
	judged := rules.JudgeExternal(register, store)
	if judged.Message == "" {
		return ""
	}
	return fmt.Sprintf("store %q: %s, rule %s: %s", store.Name, rules.Title(), residency.RuleDeclaredPlace, judged.Message)
}

// transfers are all that the record says of transfers, to see whether it changed.
func transfers(register *v1alpha1.DataRegister) []v1alpha1.ProcessingActivity {
	var said []v1alpha1.ProcessingActivity
	for _, activity := range register.Spec.Activities {
		said = append(said, v1alpha1.ProcessingActivity{Name: activity.Name, Stores: activity.Stores, Transfers: activity.Transfers})
	}
	return said
}

func field(store *v1alpha1.DataStore, member string) string {
	path := "spec.stores[" + string(store.Name) + "]"
	if member == "" {
		return path
	}
	return path + "." + member
}

func join(names []string) string { return strings.Join(names, ", ") }
