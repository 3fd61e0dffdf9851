package backup_test

import (
	"strings"
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

// TestTheLastBackupThatCanHoldThePersonDecides: real objects, where there are some that say when they go; what the register declares;
// and no day at all while a copy is there that does not go by itself.
func TestTheLastBackupThatCanHoldThePersonDecides(t *testing.T) {
	const executed = "2026-11-20T12:00:00Z"
	velero := func(more string) string {
		return "{apiVersion: velero.io/v1, kind: Backup, metadata: {name: b, namespace: velero, creationTimestamp: '2026-11-19T01:00:00Z'}, " + more + "}"
	}
	cluster := func(policy string) string {
		return "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: crm, namespace: shop}, spec: {backup: {retentionPolicy: " + policy + "}}}"
	}
	snapshotOf := func(claim, at string) string {
		return "{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshot, metadata: {name: s, namespace: shop, creationTimestamp: '" + at + "'}, spec: {source: {persistentVolumeClaimName: " + claim + "}}}"
	}
	snapshot := snapshotOf("data-crm-main-0", "2026-11-01T00:00:00Z")
	until := func(day string) string { return "status: {expiration: '" + day + "T01:00:00Z'}" }
	managed := backup.Store{Home: "shop", Local: true, Claim: "data-crm-main-0", Host: "crm-main.shop.svc"}
	at := func(host string) backup.Store { return backup.Store{Home: "shop", Host: host} }
	declared := func(kind v1alpha1.BackupKind, period v1alpha1.Period) *v1alpha1.StoreBackups {
		return &v1alpha1.StoreBackups{Kind: kind, Retention: period}
	}
	thirty := declared(v1alpha1.BackupVelero, "P30D")
	day := []string{cluster("1d"), base("a", "crm", "2026-11-19T00:00:00Z")}
	for name, test := range map[string]struct {
		store    backup.Store
		objects  []string
		declared *v1alpha1.StoreBackups
		want     string
		endless  string
	}{
		"nothing is known":                {managed, nil, nil, "", ""},
		"declared alone":                  {managed, nil, thirty, "2026-12-21T00:00:00Z", ""},
		"an expiration":                   {managed, []string{velero(until("2026-12-01"))}, thirty, "2026-12-01T01:00:00Z", ""},
		"an expiration, nothing declared": {managed, []string{velero(until("2026-12-01"))}, nil, "2026-12-01T01:00:00Z", ""},
		"another tool is declared":        {managed, []string{velero(until("2026-12-01"))}, declared(v1alpha1.BackupCloudNativePG, "P30D"), "2026-12-21T00:00:00Z", ""},
		"a time to live":                  {managed, []string{velero("spec: {ttl: 72h0m0s}, status: {startTimestamp: '2026-11-20T11:00:00Z'}")}, thirty, "2026-11-23T11:00:00Z", ""},
		"taken after the erasure":         {managed, []string{velero("status: {startTimestamp: '2026-11-20T12:00:01Z', expiration: '2027-12-01T01:00:00Z'}")}, thirty, "2026-12-21T00:00:00Z", ""},
		"of other namespaces":             {managed, []string{velero("spec: {includedNamespaces: [hr], ttl: 9000h}")}, thirty, "2026-12-21T00:00:00Z", ""},
		"not of this namespace":           {managed, []string{velero("spec: {includedNamespaces: ['*'], excludedNamespaces: [shop], ttl: 9000h}")}, thirty, "2026-12-21T00:00:00Z", ""},
		"of this and others":              {managed, []string{velero("spec: {includedNamespaces: [hr, shop], ttl: 24h}")}, thirty, "2026-11-20T01:00:00Z", ""},
		"of namespaces by a pattern":      {managed, []string{velero("spec: {includedNamespaces: ['sh*']}, " + until("2027-12-19"))}, nil, "2027-12-19T01:00:00Z", ""},
		"by another pattern":              {managed, []string{velero("spec: {includedNamespaces: ['h*']}, " + until("2027-12-19"))}, thirty, "2026-12-21T00:00:00Z", ""},
		"by a pattern that nobody reads":  {managed, []string{velero("spec: {includedNamespaces: ['{hr,shop}']}, " + until("2026-11-22"))}, thirty, "2026-12-21T00:00:00Z", ""},
		"by one, and for long":            {managed, []string{velero("spec: {includedNamespaces: ['{hr,shop}']}, " + until("2027-12-19"))}, thirty, "2027-12-19T01:00:00Z", ""},
		"for ever":                        {managed, []string{velero("spec: {}")}, thirty, "", "Backup.velero.io velero/b"},
		"for ever, and another for long":  {managed, []string{velero("spec: {}"), velero(until("2027-12-01"))}, thirty, "", "Backup.velero.io velero/b"},
		"there, long after its day":       {managed, []string{velero(until("2026-11-19"))}, thirty, "", "Backup.velero.io velero/b"},
		"the register says that it knows": {managed, []string{velero(until("2026-11-21"))}, declared(v1alpha1.BackupDeclared, "P30D"), "2026-12-21T00:00:00Z", ""},

		"a snapshot, which nobody removes":              {managed, []string{snapshot}, thirty, "", "VolumeSnapshot shop/s"},
		"a snapshot, nothing declared":                  {managed, []string{snapshot}, nil, "", "VolumeSnapshot shop/s"},
		"a snapshot, and a backup that goes":            {managed, []string{snapshot, velero(until("2026-12-19"))}, nil, "", "VolumeSnapshot shop/s"},
		"a snapshot, though the register knows":         {managed, []string{snapshot}, declared(v1alpha1.BackupDeclared, "P1D"), "", "VolumeSnapshot shop/s"},
		"a snapshot of another claim":                   {managed, []string{snapshotOf("data-hr-main-0", "2026-11-01T00:00:00Z")}, thirty, "2026-12-21T00:00:00Z", ""},
		"a snapshot of a claim that nobody knows":       {at("db"), []string{snapshotOf("pgdata", "2026-11-01T00:00:00Z")}, thirty, "", "VolumeSnapshot shop/s"},
		"snapshots are declared to go":                  {managed, []string{snapshot}, declared(v1alpha1.BackupVolumeSnapshot, "P30D"), "2026-12-02T00:00:00Z", ""},
		"snapshots are declared to go, and do not":      {managed, []string{snapshot}, declared(v1alpha1.BackupVolumeSnapshot, "P7D"), "", "VolumeSnapshot shop/s"},
		"a snapshot of a database that is not in there": {at("crm.abc.eu-west-3.rds.amazonaws.com"), []string{snapshot}, thirty, "2026-12-21T00:00:00Z", ""},

		"a window of 7 days, and a day between": {at("crm-rw.shop.svc"), []string{cluster("7d"), base("a", "crm", "2026-11-19T00:00:00Z"), base("b", "crm", "2026-11-20T00:00:00Z")}, declared(v1alpha1.BackupCloudNativePG, "P30D"), "2026-11-29T00:00:00Z", ""},
		"a week between":                        {at("crm-r"), []string{cluster("7d"), base("a", "crm", "2026-11-09T00:00:00Z"), base("b", "crm", "2026-11-16T00:00:00Z")}, nil, "2026-12-05T00:00:00Z", ""},
		"of another cluster":                    {at("crm-rw"), []string{cluster("7d"), base("a", "hr", "2026-11-19T00:00:00Z")}, thirty, "2026-12-21T00:00:00Z", ""},
		"a window in words":                     {at("crm-rw"), []string{cluster("forever"), base("a", "crm", "2026-11-19T00:00:00Z")}, thirty, "", "Backup.postgresql.cnpg.io shop/a"},
		"the claims of a cluster":               {at("CRM-RO.Shop.svc.cluster.local."), append(day, snapshotOf("crm-1", "2026-11-01T00:00:00Z")), nil, "", "VolumeSnapshot shop/s"},
		"the claims of others":                  {at("crm-rw"), append(day, snapshotOf("hr-1", "2026-11-01T00:00:00Z")), nil, "2026-11-23T00:00:00Z", ""},
		"its name outside of the cluster":       {at("crm.abc.eu-west-3.rds.amazonaws.com"), day, declared(v1alpha1.BackupVelero, "P1Y"), "2027-11-21T00:00:00Z", ""},
		"its service outside of the cluster":    {at("crm-rw.shop.example.org"), day, nil, "", ""},
		"its name in another namespace":         {at("crm-rw.databases.svc.cluster.local"), day, declared(v1alpha1.BackupVelero, "P1Y"), "2027-11-21T00:00:00Z", ""},
		"a service of its name alone":           {at("crm.shop.svc"), day, nil, "", ""},
		"an address":                            {at("10.0.0.7"), append(day, velero(until("2026-12-19"))), nil, "", ""},
		"another namespace, and Velero there":   {at("db.databases.svc"), []string{velero("spec: {includedNamespaces: [databases]}, " + until("2027-12-19"))}, thirty, "2027-12-19T01:00:00Z", ""},
		"another namespace, and Velero in part": {at("db.databases.svc"), []string{velero("spec: {includedNamespaces: [databases]}, " + until("2026-11-23"))}, thirty, "2026-12-21T00:00:00Z", ""},
		"another namespace, nothing declared":   {at("db.databases.svc"), []string{velero("spec: {includedNamespaces: [databases]}, " + until("2027-12-19"))}, nil, "", ""},
		"another namespace, and Velero of ours": {at("db.databases.svc"), []string{velero("spec: {includedNamespaces: [shop]}, " + until("2027-12-19"))}, thirty, "2026-12-21T00:00:00Z", ""},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, executed)
			if err != nil {
				t.Fatal(err)
			}
			end, endless := backup.Clear(backup.Of(objects(t, test.objects...), test.store, at), at, test.declared, time.UTC)
			got := ""
			if end != nil {
				got = end.UTC().Format(time.RFC3339)
			}
			if got != test.want || strings.Join(endless, ", ") != test.endless {
				t.Errorf("clear %s, without an end %q; want %s, %q", got, endless, test.want, test.endless)
			}
		})
	}
}
