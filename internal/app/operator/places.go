package operator

import (
	"errors"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/register"
	"github.com/rempart-dev/rempart/internal/residency"
)

// errNoSnapshot means that residency was not judged yet since the start. It is over in moments.
var errNoSnapshot = errors.New("judging places: no snapshot yet")

// places answers the questions of DataRegisters from the newest residency snapshot.
type places struct {
	snapshots *residency.Holder
	scans     *residency.ScanHolder
	clock     clock.PassiveClock
}

func (p places) policy(r *v1alpha1.DataRegister) *residency.Judged {
	snapshot := p.snapshots.Load()
	if snapshot == nil {
		return nil
	}
	return snapshot.Policy(residency.PolicyName(r))
}

// Ready is a readiness check: a replica without a snapshot can judge nothing.
func (p places) Ready(*http.Request) error {
	if p.snapshots.Load() == nil {
		return errNoSnapshot
	}
	return nil
}

// AllowedRegions are the regions of the cluster's nodes that the register's policy allows.
func (p places) AllowedRegions(r *v1alpha1.DataRegister) ([]string, error) {
	policy := p.policy(r)
	if policy == nil {
		return nil, errNoSnapshot
	}
	return policy.AllowedRegions(), nil
}

// JudgeNode judges the place of a node.
func (p places) JudgeNode(r *v1alpha1.DataRegister, node *corev1.Node) register.Place {
	policy := p.policy(r)
	if policy == nil {
		return unknown()
	}
	judged := policy.Rules.JudgeNode(node)
	return placeOf(judged.Place, judged.Verdict, judged.Reason, "Node "+node.Name+" lies in "+judged.Place.Words())
}

// JudgeClass judges where a StorageClass keeps data.
func (p places) JudgeClass(r *v1alpha1.DataRegister, class string) register.Place {
	policy := p.policy(r)
	if policy == nil {
		return unknown()
	}
	guard := &residency.Guard{Policies: []*residency.Judged{policy}}
	if objections := guard.JudgeClass(class, nil); len(objections) > 0 {
		o := objections[0]
		return placeOf(o.Place, o.Verdict, o.Reason, o.Message)
	}
	verdict := policy.Classes[class]
	return placeOf(verdict.Decisive, verdict.Verdict, verdict.Reason, residency.Sentence(verdict))
}

// JudgeDeclared judges the declared place of a store outside the cluster.
func (p places) JudgeDeclared(r *v1alpha1.DataRegister, external *v1alpha1.ExternalStore) register.Place {
	policy := p.policy(r)
	if policy == nil {
		return unknown()
	}
	place := policy.Rules.LocateCountry(external.Country)
	if external.Country == "" {
		place = policy.Rules.Locate(external.Provider, external.Region, "")
	}
	verdict, reason := policy.Rules.JudgePlace(place)
	return placeOf(place, verdict, reason, "The store is declared in "+place.Words())
}

// Found returns what the newest scan found of the objects that the register governs.
func (p places) Found(r *v1alpha1.DataRegister) []residency.Finding {
	policy := p.policy(r)
	if policy == nil {
		return nil
	}
	return p.scans.Load().About(r.Namespace, r.Name, policy.Rules.Name)
}

// ZoneOf says how the law sees a country today.
func (p places) ZoneOf(country v1alpha1.Country) v1alpha1.LegalZone {
	return residency.ZoneOf(country, residency.Day(p.clock.Now()))
}

func placeOf(place residency.Place, verdict v1alpha1.PlacementVerdict, reason residency.Reason, message string) register.Place {
	return register.Place{Region: place.Region, Country: place.Country, Zone: place.Law, Verdict: verdict, Reason: string(reason), Message: message}
}

func unknown() register.Place {
	return register.Place{Zone: v1alpha1.ZoneUnknown, Verdict: v1alpha1.VerdictUnknown, Reason: v1alpha1.ReasonNotYetKnown, Message: "Places were not judged yet"}
}
