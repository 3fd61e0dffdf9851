package erasure

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	consent "github.com/rempart-dev/rempart/internal/consent/place"
	"github.com/rempart-dev/rempart/internal/erasure/task"
	"github.com/rempart-dev/rempart/internal/register"
)

// place is where a run works: a store of a register, or the ledger of a ConsentPolicy that names the register.
type place struct {
	register v1alpha1.ObjectName
	kind     v1alpha1.TargetKind
	name     v1alpha1.PartName
}

// kindOf reads a kind that the API server has not defaulted yet.
func kindOf(kind v1alpha1.TargetKind) v1alpha1.TargetKind {
	if kind == "" {
		return v1alpha1.TargetStore
	}
	return kind
}

func placeOf(t *v1alpha1.ErasureTarget) place { return place{t.Register, kindOf(t.Kind), t.Store} }

func workplace(run *v1alpha1.ErasureRun) place {
	return place{run.Spec.RegisterRef.Name, kindOf(run.Spec.Kind), run.Spec.Store}
}

// String names a place for people, sorted by register.
func (p place) String() string {
	if p.kind == v1alpha1.TargetConsentLedger {
		return fmt.Sprintf("Consent ledger %s of register %s", p.name, p.register)
	}
	return fmt.Sprintf("Store %s of register %s", p.name, p.register)
}

// key tells places apart in digests, names and orders. That of a store is what it was before there were ledgers.
func (p place) key() string {
	if p.kind == v1alpha1.TargetConsentLedger {
		return string(p.register) + "/" + string(p.kind) + ":" + string(p.name)
	}
	return string(p.register) + "/" + string(p.name)
}

// site is a place with what erasure does there.
type site struct {
	place
	dataset *v1alpha1.Dataset
}

// sitesOf are the stores with a dataset of a register, then the ledgers of the policies that name it, each in the order of its list.
func sitesOf(r *v1alpha1.DataRegister, policies []v1alpha1.ConsentPolicy) []site {
	var list []site
	name := v1alpha1.ObjectName(r.Name)
	for i := range r.Spec.Stores {
		if s := &r.Spec.Stores[i]; s.Dataset != nil {
			list = append(list, site{place{name, v1alpha1.TargetStore, s.Name}, s.Dataset})
		}
	}
	for i := range policies {
		if p := &policies[i]; p.Namespace == r.Namespace && p.Spec.RegisterRef.Name == name && p.DeletionTimestamp == nil {
			list = append(list, site{place{name, v1alpha1.TargetConsentLedger, v1alpha1.PartName(p.Name)}, ledgerDataset(p)})
		}
	}
	return list
}

// proofArticle stands with the events of a ledger: whoever must prove that a person had consented (Article 7(1)) keeps what
// proves it for legal claims. They name the person by a random reference only.
const proofArticle, proofReference = "17(3)(e)", "Article 7(1): proof of consents, pseudonymous once the links are gone"

// waitingReference stands with events of a ledger that keeps no proof of who is forgotten, while they wait: the log of the others
// could not be proven without their hashes, which are kept apart once their tile of the log is full. There is no day for that.
const waitingReference = "Article 7(1): proof of the consents of others. Removed as soon as the log has its next full tile of 256 events; pseudonymous until then"

// ledgerDataset is a ledger of consents as plans count it: keys, links, states and mailed tokens are destroyed, events are kept, or
// destroyed where the policy keeps no proof; then those stay that must wait.
func ledgerDataset(p *v1alpha1.ConsentPolicy) *v1alpha1.Dataset {
	retention := p.Spec.Ledger.ProofRetention
	if retention == "" {
		retention = "P5Y"
	}
	dataset := &v1alpha1.Dataset{}
	for _, name := range task.LedgerTables {
		table := v1alpha1.DatasetTable{Schema: task.LedgerSchema, Name: name, OnErasure: v1alpha1.EraseDeleteRows}
		if name == task.LedgerEvents {
			table.OnErasure = v1alpha1.EraseKeep
			table.Keep = &v1alpha1.KeepRule{Reason: "Proof of consents", Article: proofArticle, LegalReference: proofReference,
				Period: retention, FromColumn: "recorded_at"}
		}
		if name == task.LedgerEvents && p.Spec.Ledger.OnErasure == v1alpha1.ProofErased {
			table.Keep = &v1alpha1.KeepRule{Reason: "Waits for the log", Article: proofArticle, LegalReference: waitingReference}
			gone := v1alpha1.DatasetTable{Schema: table.Schema, Name: name, OnErasure: v1alpha1.EraseDeleteRows}
			dataset.Tables = append(dataset.Tables, table, gone)
			continue
		}
		dataset.Tables = append(dataset.Tables, table)
	}
	return dataset
}

// siteOf is where a run works; nil when that is gone, or has no dataset.
func siteOf(in *RunInput) *site {
	r := in.Register
	if r == nil || r.DeletionTimestamp != nil && valueOf(in.Run.Status.Attempts) == 0 {
		return nil
	}
	var policies []v1alpha1.ConsentPolicy
	if in.Policy != nil {
		policies = []v1alpha1.ConsentPolicy{*in.Policy}
	}
	sites := sitesOf(r, policies)
	i := slices.IndexFunc(sites, func(s site) bool { return s.place == workplace(in.Run) })
	if i < 0 {
		return nil
	}
	return &sites[i]
}

// connectionOf says how the eraser reaches a place, and what speaks there.
func connectionOf(in *RunInput, s *site) (v1alpha1.StoreEngine, task.Connection) {
	if s.kind == v1alpha1.TargetConsentLedger {
		return task.EngineConsentLedger, task.Connection{Host: consent.Host(in.Policy.Namespace, in.Policy.Name), Port: consent.Port, Database: in.Policy.Name,
			TLS: task.TLS{Mode: v1alpha1.TLSDisable}}
	}
	store := register.Store(in.Register, string(s.name))
	return store.Engine, register.Connection(in.Register, store)
}

// blind are the kinds of identifiers by which a store finds people, when the person gave none of them: nothing can be looked for
// there, and "nothing found" would say more than is known.
func blind(dataset *v1alpha1.Dataset, kind v1alpha1.TargetKind, person Person) []string {
	known := map[v1alpha1.IdentifierKind]bool{}
	for _, k := range person.Kinds {
		known[k] = true
	}
	wanted := map[string]bool{}
	if kind == v1alpha1.TargetConsentLedger {
		for _, k := range task.LedgerKinds {
			wanted[string(k)] = true
		}
	}
	for i := range dataset.Tables {
		for _, k := range dataset.Tables[i].SubjectKeys {
			wanted[string(k.Identifier)] = true
		}
	}
	var list []string
	for k := range wanted {
		if known[v1alpha1.IdentifierKind(k)] {
			return nil
		}
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// markBlind writes, at each target that cannot be searched with what the person gave, that this is so. It is never silent: the
// reason stays in status and in the certificate.
func (j *judgement) markBlind() {
	if j.Person.Problem != "" || len(j.Person.Kinds) == 0 {
		return
	}
	for i := range j.Registers {
		for _, s := range sitesOf(&j.Registers[i], j.Policies) {
			missing := blind(s.dataset, s.kind, j.Person)
			for k := range j.status.Targets {
				t := &j.status.Targets[k]
				if placeOf(t) == s.place && len(missing) > 0 && (t.Result == v1alpha1.TargetPlanned || t.Result == v1alpha1.TargetNothing) {
					t.Reason = v1alpha1.ReasonNotSearchable
					t.Message = fmt.Sprintf("The request has no identifier by which this target finds people (%s), so nothing could be looked for; make another request with one, if there is one", strings.Join(missing, ", "))
				}
			}
		}
	}
}
