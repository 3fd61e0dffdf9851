package backup_test

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/backup"
)

func objects(t *testing.T, texts ...string) []unstructured.Unstructured {
	t.Helper()
	list := make([]unstructured.Unstructured, len(texts))
	for i, text := range texts {
		if err := yaml.Unmarshal([]byte(text), &list[i].Object); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// base is a base backup of CloudNativePG.
func base(name, cluster, at string) string {
	return "{apiVersion: postgresql.cnpg.io/v1, kind: Backup, metadata: {name: " + name + ", namespace: shop, creationTimestamp: '" + at + "'}, spec: {cluster: {name: " + cluster + "}}, status: {startedAt: '" + at + "'}}"
}

// TestTheLastBackupThatCanHoldThePersonDecides: real objects, where there are some that say when they go; else what the register
// declares.
func TestTheLastBackupThatCanHoldThePersonDecides(t *testing.T) {
	const executed = "2026-11-20T12:00:00Z"
	velero := func(more string) string {
		return "{apiVersion: velero.io/v1, kind: Backup, metadata: {name: b, namespace: velero, creationTimestamp: '2026-11-19T01:00:00Z'}, " + more + "}"
	}
	cluster := func(policy string) string {
		return "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: crm, namespace: shop}, spec: {backup: {retentionPolicy: " + policy + "}}}"
	}
	snapshot := "{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshot, metadata: {name: s, namespace: shop, creationTimestamp: '2026-11-01T00:00:00Z'}, spec: {source: {persistentVolumeClaimName: crm-main}}}"
	thirty := &v1alpha1.StoreBackups{Kind: v1alpha1.BackupVelero, Retention: "P30D"}
	for name, test := range map[string]struct {
		objects  []string
		declared *v1alpha1.StoreBackups
		want     string
	}{
		"nothing is known":                      {nil, nil, ""},
		"declared alone":                        {nil, thirty, "2026-12-21T00:00:00Z"},
		"an expiration":                         {[]string{velero("status: {startTimestamp: '2026-11-19T01:00:00Z', expiration: '2026-12-01T01:00:00Z'}")}, thirty, "2026-12-01T01:00:00Z"},
		"an expiration, nothing declared":       {[]string{velero("status: {expiration: '2026-12-01T01:00:00Z'}")}, nil, "2026-12-01T01:00:00Z"},
		"a time to live":                        {[]string{velero("spec: {ttl: 72h0m0s}, status: {startTimestamp: '2026-11-20T11:00:00Z'}")}, thirty, "2026-11-23T11:00:00Z"},
		"taken after the erasure":               {[]string{velero("status: {startTimestamp: '2026-11-20T12:00:01Z', expiration: '2027-12-01T01:00:00Z'}")}, thirty, "2026-12-21T00:00:00Z"},
		"of other namespaces":                   {[]string{velero("spec: {includedNamespaces: [hr], ttl: 9000h}")}, thirty, "2026-12-21T00:00:00Z"},
		"not of this namespace":                 {[]string{velero("spec: {includedNamespaces: ['*'], excludedNamespaces: [shop], ttl: 9000h}")}, thirty, "2026-12-21T00:00:00Z"},
		"of this and others":                    {[]string{velero("spec: {includedNamespaces: [hr, shop], ttl: 24h}")}, thirty, "2026-11-20T01:00:00Z"},
		"for ever":                              {[]string{velero("spec: {}")}, thirty, "2026-12-21T00:00:00Z"},
		"for ever, and another for long":        {[]string{velero("spec: {}"), velero("status: {expiration: '2027-12-01T01:00:00Z'}")}, thirty, "2027-12-01T01:00:00Z"},
		"the register says that it knows":       {[]string{velero("status: {expiration: '2026-11-21T01:00:00Z'}")}, &v1alpha1.StoreBackups{Kind: v1alpha1.BackupDeclared, Retention: "P30D"}, "2026-12-21T00:00:00Z"},
		"a snapshot, which nobody removes":      {[]string{snapshot}, thirty, "2026-12-21T00:00:00Z"},
		"a window of 7 days, and a day between": {[]string{cluster("7d"), base("a", "crm", "2026-11-19T00:00:00Z"), base("b", "crm", "2026-11-20T00:00:00Z")}, thirty, "2026-11-29T00:00:00Z"},
		"a week between":                        {[]string{cluster("7d"), base("a", "crm", "2026-11-09T00:00:00Z"), base("b", "crm", "2026-11-16T00:00:00Z")}, thirty, "2026-12-05T00:00:00Z"},
		"of another cluster":                    {[]string{cluster("7d"), base("a", "hr", "2026-11-19T00:00:00Z")}, thirty, "2026-12-21T00:00:00Z"},
		"a window in words":                     {[]string{cluster("forever"), base("a", "crm", "2026-11-19T00:00:00Z")}, thirty, "2026-12-21T00:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, executed)
			if err != nil {
				t.Fatal(err)
			}
			store := backup.Store{Namespace: "shop", Claim: "crm-main", Host: "crm-rw.shop.svc"}
			got := ""
			if end := backup.Clear(backup.Of(objects(t, test.objects...), store, at), at, test.declared, time.UTC); end != nil {
				got = end.UTC().Format(time.RFC3339)
			}
			if got != test.want {
				t.Errorf("clear %s, want %s", got, test.want)
			}
		})
	}
}
