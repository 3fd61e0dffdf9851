package register

import (
	"bytes"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

func named(uid string, minute int, hosts ...string) v1alpha1.DataRegister {
	r := v1alpha1.DataRegister{ObjectMeta: metav1.ObjectMeta{Name: uid, Namespace: "shop", UID: types.UID(uid), CreationTimestamp: metav1.NewTime(noon.Add(time.Duration(minute) * time.Minute))}}
	for i, host := range hosts {
		r.Spec.Stores = append(r.Spec.Stores, v1alpha1.DataStore{Name: v1alpha1.PartName([]string{"a", "b"}[i]), Connection: &v1alpha1.StoreConnection{Host: host, Database: "crm"}})
	}
	return r
}

// run says of each store that one and the same workload runs it.
func run(r v1alpha1.DataRegister) v1alpha1.DataRegister {
	for i := range r.Spec.Stores {
		r.Spec.Stores[i].WorkloadRef = &v1alpha1.WorkloadRef{Kind: "StatefulSet", Name: "postgres"}
	}
	return r
}

func TestTheOlderRegisterKeepsAStore(t *testing.T) {
	managed := *readRegister(t, "managed")
	managed.CreationTimestamp = metav1.NewTime(noon)
	cases := []struct {
		name   string
		mine   v1alpha1.DataRegister
		others []v1alpha1.DataRegister
		rival  types.UID
		store  v1alpha1.PartName
	}{
		{"alone", named("x", 5, "db"), []v1alpha1.DataRegister{named("x", 5, "db")}, "", ""},
		{"younger", named("x", 5, "db"), []v1alpha1.DataRegister{named("y", 4, "db")}, "y", "a"},
		{"older", named("x", 3, "db"), []v1alpha1.DataRegister{named("y", 4, "db")}, "", ""},
		{"made at the same instant", named("x", 4, "db"), []v1alpha1.DataRegister{named("w", 4, "db")}, "w", "a"},
		{"another database", named("x", 5, "db"), []v1alpha1.DataRegister{named("y", 4, "other")}, "", ""},
		{"the same Service in other words", named("x", 5, "DB.shop.svc.cluster.local."), []v1alpha1.DataRegister{named("y", 4, "db")}, "y", "a"},
		{"a managed store of another register", named("x", 5, "crm-main.shop"), []v1alpha1.DataRegister{managed}, managed.UID, "a"},
		{"an address in other words", named("x", 5, "::ffff:10.0.0.1"), []v1alpha1.DataRegister{named("y", 4, "10.0.0.1")}, "y", "a"},
		{"one workload, two databases", run(named("x", 5, "db")), []v1alpha1.DataRegister{run(named("y", 4, "other"))}, "y", "a"},
		{"one workload in two stores", run(named("x", 5, "db", "other")), nil, "", ""},
		{"twice in one register", named("x", 5, "db", "db.shop.svc"), nil, "x", "b"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rival, claim := Rival(&c.mine, c.others)
			var uid types.UID
			if rival != nil {
				uid = rival.UID
			}
			if uid != c.rival || claim.Store != c.store {
				t.Errorf("got %q, %q", uid, claim.Store)
			}
		})
	}
}

func TestAPasswordHoldsThirtyTwoBytesOfChance(t *testing.T) {
	password, err := NewPassword(bytes.NewReader(bytes.Repeat([]byte{0xff}, 32)))
	if err != nil || len(password) != 43 {
		t.Errorf("got %q, %v", password, err)
	}
	if _, err := NewPassword(strings.NewReader("short")); err == nil {
		t.Error("a source that ran dry must be an error")
	}
}

func TestOnlyTheAdminsSecretOutlivesTheRegister(t *testing.T) {
	dreg := readRegister(t, "managed")
	for role, owners := range map[task.Role]int{task.Admin: 0, task.Eraser: 1, task.Verifier: 1} {
		secret := Credentials(dreg, "main", role, "x")
		if len(secret.OwnerReferences) != owners || !Kept(secret, "crm", "main") || Kept(secret, "crm", "other") {
			t.Errorf("%s: %+v", role, secret.ObjectMeta)
		}
	}
}

func TestLongNamesStayDistinctAndShort(t *testing.T) {
	long := strings.Repeat("a", 60)
	one, two := cut(long+"1", 46), cut(long+"2", 46)
	if one == two || len(one) > 46 || cut("short", 46) != "short" {
		t.Errorf("got %q and %q", one, two)
	}
}
