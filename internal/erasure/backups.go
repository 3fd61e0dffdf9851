package erasure

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/condition"
	consent "github.com/rempart-dev/rempart/internal/consent/place"
	"github.com/rempart-dev/rempart/internal/erasure/backup"
	"github.com/rempart-dev/rempart/internal/register"
	"github.com/rempart-dev/rempart/internal/register/database"
)

// Bounds of status.backupsUnclear: its entries, and the objects that each names.
const maxUnclear, maxEndless = 16, 4

// backupsClear records when the last backup that can hold the person goes: the latest over the places that were changed. There is none
// where no day is known of a store, or where a copy does not go by itself; the status says which place it is, and which object. A ledger
// of consents of whose backups nothing is known is named, and moves nothing: nobody can declare them, and one that comes back forgets
// again by itself.
func (j *judgement) backupsClear() {
	j.status.BackupsClearTime, j.status.BackupsUnclear = nil, nil
	zone, _, err := calendarOf(j.status)
	if err != nil {
		return
	}
	var last *metav1.Time
	var unclear []string
	unknown := false
	for i := range j.status.Targets {
		t := &j.status.Targets[i]
		if t.ExecutedTime == nil || t.Result == v1alpha1.TargetNothing && t.Reason != v1alpha1.ReasonCountedWithOthers {
			continue
		}
		store, declared := j.backupPlace(t)
		end, endless := backup.Clear(backup.Of(j.Backups, store, t.ExecutedTime.Time), t.ExecutedTime.Time, declared, zone)
		if end == nil {
			unclear = append(unclear, placeOf(t).String()+": "+endlessWords(endless))
			unknown = unknown || len(endless) > 0 || kindOf(t.Kind) == v1alpha1.TargetStore
		} else if last == nil || end.After(last.Time) {
			last = ptr.To(metav1.NewTime(*end))
		}
	}
	if !unknown {
		j.status.BackupsClearTime = last
	}
	if more := len(unclear) - maxUnclear; more > 0 {
		unclear = append(unclear[:maxUnclear-1], fmt.Sprintf("%d more", more+1))
	}
	j.status.BackupsUnclear = unclear
}

// endlessWords say why no day is known.
func endlessWords(endless []string) string {
	if len(endless) == 0 {
		return "nothing is known of its backups"
	}
	return "to be removed, for nothing removes it by itself: " + condition.Names(endless, maxEndless)
}

// backupPlace says how the backups of a target are told from others, and what is declared of them. Of a target that the registers no
// longer have nothing is known.
func (j *judgement) backupPlace(t *v1alpha1.ErasureTarget) (backup.Store, *v1alpha1.StoreBackups) {
	if kindOf(t.Kind) == v1alpha1.TargetConsentLedger {
		return ledgerPlace(j.Policies, t), nil
	}
	r, store := storeOf(j.Registers, t.Register, t.Store)
	if store == nil {
		return backup.Store{}, nil
	}
	place := backup.Store{Home: r.Namespace, Local: store.Connection == nil || store.WorkloadRef != nil, Host: register.Connection(r, store).Host}
	if store.Managed != nil {
		place.Claim = register.ClaimName(string(t.Register), string(store.Name))
	}
	return place, store.Backups
}

// ledgerPlace is the database of a ledger of consents: its own, or one that the policy names.
func ledgerPlace(policies []v1alpha1.ConsentPolicy, t *v1alpha1.ErasureTarget) backup.Store {
	for i := range policies {
		p := &policies[i]
		if p.Name != string(t.Store) {
			continue
		}
		if c := p.Spec.Service.Database.Connection; c != nil {
			return backup.Store{Home: p.Namespace, Host: c.Host}
		}
		name := consent.Database(p.Name)
		return backup.Store{Home: p.Namespace, Local: true, Claim: database.ClaimName(name), Host: name}
	}
	return backup.Store{}
}

// storeOf returns a store with its register; nil when there is none.
func storeOf(registers []v1alpha1.DataRegister, name v1alpha1.ObjectName, store v1alpha1.PartName) (*v1alpha1.DataRegister, *v1alpha1.DataStore) {
	for i := range registers {
		if registers[i].Name == string(name) {
			return &registers[i], register.Store(&registers[i], string(store))
		}
	}
	return nil, nil
}
