package archive_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/archive"
	"github.com/rempart-dev/rempart/internal/evidence"
	"github.com/rempart-dev/rempart/internal/kube/flow"
)

const system = "rempart-system"

var errInjected = errors.New("injected")

// cluster is what an operator writes to; a hook sees each write before and after it takes effect, and may fail it.
type cluster struct {
	t    *testing.T
	real client.WithWatch
	hook func(n int, after bool) error
	// writes that were tried.
	writes int
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return &cluster{t: t, real: fake.NewClientBuilder().WithScheme(scheme).Build()}
}

// operator is a process that starts: it remembers nothing, and its writes go past the hook.
func (c *cluster) operator() *archive.Archive {
	write := func(do func() error) error {
		c.writes++
		n := c.writes
		if c.hook == nil {
			return do()
		}
		if err := c.hook(n, false); err != nil {
			return err
		}
		if err := do(); err != nil {
			return err
		}
		return c.hook(n, true)
	}
	hooked := interceptor.NewClient(c.real, interceptor.Funcs{
		Create: func(ctx context.Context, w client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return write(func() error { return w.Create(ctx, o, opts...) })
		},
		Update: func(ctx context.Context, w client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			return write(func() error { return w.Update(ctx, o, opts...) })
		},
	})
	return &archive.Archive{Reader: c.real, Client: hooked, Namespace: system, Random: rand.Reader}
}

// quiet is an operator whose writes nobody sees.
func (c *cluster) quiet() *archive.Archive {
	return &archive.Archive{Reader: c.real, Client: c.real, Namespace: system, Random: rand.Reader}
}

// ended is a request that has ended.
func ended(n int) *v1alpha1.ErasureRequest {
	r := &v1alpha1.ErasureRequest{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprintf("r%d", n), UID: types.UID(fmt.Sprintf("uid-%d", n))}}
	r.Status.End, r.Status.EndedTime = v1alpha1.EndErased, ptr.To(metav1.NewTime(time.Date(2026, 11, 24, 8, 0, n, 0, time.UTC)))
	return r
}

func (c *cluster) certify(a *archive.Archive, n int) *v1alpha1.ErasureEvidence {
	c.t.Helper()
	found, err := a.Certify(c.t.Context(), ended(n))
	if err != nil {
		c.t.Fatalf("request %d: %v", n, err)
	}
	return found
}

func (c *cluster) config(namespace, name string) *corev1.ConfigMap {
	c.t.Helper()
	object := &corev1.ConfigMap{}
	if err := c.real.Get(c.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object); err != nil {
		c.t.Fatal(err)
	}
	return object
}

func (c *cluster) public() evidence.Keys {
	c.t.Helper()
	public, err := evidence.ParseKeys(c.config(system, evidence.PublicKeyName).Data[evidence.PublicKeyFile])
	if err != nil {
		c.t.Fatal(err)
	}
	return public
}

// holds checks all that is in the cluster: the log is whole and signed to its last leaf, each of the requests is in it once,
// and each certificate is good, is the one of the log, and has a proof.
func (c *cluster) holds(found map[int]*v1alpha1.ErasureEvidence) {
	c.t.Helper()
	leaves := &corev1.ConfigMapList{}
	if err := c.real.List(c.t.Context(), leaves, client.InNamespace(system), client.MatchingLabels{evidence.Label: evidence.LabelLeaf}); err != nil {
		c.t.Fatal(err)
	}
	var text strings.Builder
	for index := range leaves.Items {
		object := c.config(system, evidence.EntryName(int64(index)))
		if object.Immutable == nil || !*object.Immutable {
			c.t.Error("a leaf can be changed")
		}
		text.WriteString(object.Data[evidence.LeafData] + "\n")
	}
	log, err := evidence.ReadLog([]byte(text.String()), []byte(c.config(system, evidence.HeadName).Data[evidence.CheckpointFile]), c.public())
	if err != nil {
		c.t.Fatalf("the log does not hold: %v\n%s", err, text.String())
	}
	if len(leaves.Items) != len(found)+len(log.Keys)-1 || log.Keys.String() != c.public().String() {
		c.t.Errorf("%d leaves for %d requests", len(leaves.Items), len(found))
	}
	for n, e := range found {
		object := c.config("shop", string(e.CertificateRef.Name))
		certificate, err := evidence.Open([]byte(object.Data[evidence.CertificateFile]), c.public())
		if err != nil || certificate.Digest != e.Digest || !*object.Immutable || object.OwnerReferences[0].UID != ended(n).UID {
			c.t.Fatalf("certificate %d: %+v, %v", n, certificate, err)
		}
		if index, err := log.Find(certificate.Leaf()); err != nil || index != *e.LogIndex {
			c.t.Errorf("certificate %d is leaf %d, %v; want %d", n, index, err, *e.LogIndex)
		}
		proof, err := evidence.ReadProof(e.Proof, certificate.Leaf(), c.public())
		if err != nil || proof.Index != *e.LogIndex || log.Extends(proof.Checkpoint) != nil || len(e.Proof) > 4096 {
			c.t.Errorf("proof %d: %+v, %v", n, proof, err)
		}
	}
}

func TestEachRequestIsCertifiedOnceAndASecondTimeWritesNothing(t *testing.T) {
	c := newCluster(t)
	a := c.operator()
	found := map[int]*v1alpha1.ErasureEvidence{}
	for n := range 70 {
		found[n] = c.certify(a, n)
		if n%16 == 7 {
			a = c.operator() // a restart
		}
	}
	c.holds(found)
	tried := c.writes
	for n := range 70 {
		if again := c.certify(a, n); again.Digest != found[n].Digest || *again.LogIndex != *found[n].LogIndex {
			t.Errorf("request %d has another certificate: %+v", n, again)
		}
	}
	c.holds(found)
	if c.writes-tried != 70 { // the certificate is offered, and is there
		t.Errorf("%d writes were tried", c.writes-tried)
	}
}

func TestAnOpenRequestIsNotCertified(t *testing.T) {
	open := ended(1)
	open.Status.End = ""
	if _, err := newCluster(t).operator().Certify(t.Context(), open); !errors.Is(err, evidence.ErrNotEnded) {
		t.Error(err)
	}
}

// TestEveryWriteMayFail fails each write once, before and after it takes effect, with and without a restart, on a log of
// every small size.
func TestEveryWriteMayFail(t *testing.T) {
	for size := range 5 {
		for n := 1; n <= 5; n++ {
			for _, after := range []bool{false, true} {
				for _, restart := range []bool{false, true} {
					t.Run(fmt.Sprintf("size %d, write %d, after %v, restart %v", size, n, after, restart), func(t *testing.T) {
						c := newCluster(t)
						found := map[int]*v1alpha1.ErasureEvidence{}
						for i := range size {
							found[i] = c.certify(c.quiet(), i)
						}
						c.hook = func(i int, a bool) error {
							if i == n && a == after {
								return errInjected
							}
							return nil
						}
						a := c.operator()
						_, err := a.Certify(t.Context(), ended(size))
						if err != nil && !errors.Is(err, errInjected) {
							t.Fatal(err)
						}
						c.hook = nil
						if restart {
							a = c.operator()
						}
						found[size+1] = c.certify(a, size+1) // another request comes first
						found[size] = c.certify(a, size)
						c.holds(found)
					})
				}
			}
		}
	}
}

// TestTwoOperatorsWork lets a second operator work between any two writes of a first: on the same request, or on others.
func TestTwoOperatorsWork(t *testing.T) {
	for size := range 4 {
		for n := 1; n <= 5; n++ {
			for _, others := range [][]int{{0}, {1}, {1, 0}, {0, 1}, {1, 2, 3}} {
				for _, after := range []bool{false, true} {
					t.Run(fmt.Sprintf("size %d, write %d, after %v, requests %v", size, n, after, others), func(t *testing.T) {
						c := newCluster(t)
						found := map[int]*v1alpha1.ErasureEvidence{}
						for i := range size {
							found[10+i] = c.certify(c.quiet(), 10+i)
						}
						c.hook = func(i int, a bool) error {
							if i == n && a == after {
								second := c.quiet()
								for _, other := range others {
									found[other] = c.certify(second, other)
								}
							}
							return nil
						}
						mine := c.certify(c.operator(), 0)
						if there := found[0]; there != nil && *there.LogIndex != *mine.LogIndex {
							t.Errorf("leaf %d and leaf %d", *there.LogIndex, *mine.LogIndex)
						}
						found[0] = mine
						c.holds(found)
					})
				}
			}
		}
	}
}

func TestManyOperatorsAtOnceKeepOneLog(t *testing.T) {
	c := newCluster(t)
	found := map[int]*v1alpha1.ErasureEvidence{}
	var lock sync.Mutex
	var all sync.WaitGroup
	for range 4 {
		a := c.quiet()
		for n := range 12 {
			all.Go(func() {
				for {
					e, err := a.Certify(t.Context(), ended(n))
					if err != nil && !strings.Contains(err.Error(), "others move it") {
						t.Error(err)
					} else if err != nil {
						continue
					}
					lock.Lock()
					found[n] = e
					lock.Unlock()
					return
				}
			})
		}
	}
	all.Wait()
	c.holds(found)
}

func TestTamperingStopsTheLogLoudly(t *testing.T) {
	remove := func(c *cluster, object client.Object, name string) {
		c.t.Helper()
		object.SetNamespace(system)
		object.SetName(name)
		if err := c.real.Delete(c.t.Context(), object); err != nil {
			c.t.Fatal(err)
		}
	}
	replace := func(c *cluster, namespace, name string, data map[string]string) {
		c.t.Helper()
		object := c.config(namespace, name)
		object.Data = data
		if err := c.real.Update(c.t.Context(), object); err != nil {
			c.t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		tamper func(*cluster)
		want   string
	}{
		"the key is gone": {func(c *cluster) { remove(c, &corev1.Secret{}, evidence.KeySecretName) }, v1alpha1.ReasonEvidenceKeyLost},
		"another key was planted": {func(c *cluster) {
			replace(c, system, evidence.PublicKeyName, map[string]string{evidence.PublicKeyFile: "x"})
		}, v1alpha1.ReasonEvidenceKeyLost},
		"the head was edited": {func(c *cluster) {
			replace(c, system, evidence.HeadName, map[string]string{evidence.CheckpointFile: "x"})
		}, v1alpha1.ReasonEvidenceDamaged},
		"a leaf is gone": {func(c *cluster) { remove(c, &corev1.ConfigMap{}, evidence.EntryName(2)) }, v1alpha1.ReasonEvidenceDamaged},
		"a leaf was replaced": {func(c *cluster) {
			replace(c, system, evidence.EntryName(2), c.config(system, evidence.EntryName(0)).Data)
		}, v1alpha1.ReasonEvidenceDamaged},
		"the request has another leaf": {func(c *cluster) { c.forge(3, ended(3)) }, v1alpha1.ReasonEvidenceDamaged},
		"the request has two leaves":   {func(c *cluster) { c.forge(3, ended(3)); c.forge(4, ended(3)) }, v1alpha1.ReasonEvidenceDamaged},
		"a leaf has wrong hashes":      {func(c *cluster) { c.forge(3, ended(8)) }, v1alpha1.ReasonEvidenceDamaged},
		"the certificate's name is taken": {func(c *cluster) {
			object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: evidence.CertificateName("uid-3")}}
			if err := c.real.Create(c.t.Context(), object); err != nil {
				c.t.Fatal(err)
			}
		}, v1alpha1.ReasonNameTaken},
		"another certificate is in its place": {func(c *cluster) {
			object := c.config("shop", evidence.CertificateName("uid-0"))
			object.ResourceVersion, object.Name = "", evidence.CertificateName("uid-3")
			object.OwnerReferences[0].UID = "uid-3"
			if err := c.real.Create(c.t.Context(), object); err != nil {
				c.t.Fatal(err)
			}
		}, v1alpha1.ReasonNameTaken},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			for n := range 3 {
				c.certify(c.quiet(), n)
			}
			test.tamper(c)
			_, err := c.quiet().Certify(t.Context(), ended(3))
			var hopeless *flow.Permanent
			if !errors.As(err, &hopeless) || hopeless.Reason != test.want {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}

// forge writes a leaf of a request that no certificate has, with hashes that do not fit the log.
func (c *cluster) forge(index int64, request *v1alpha1.ErasureRequest) {
	c.t.Helper()
	leaf := evidence.Leaf{Kind: evidence.LeafErasure, UID: string(request.UID), Digest: "sha256:" + strings.Repeat("0", 64)}
	entry := evidence.Entry{Index: index, Leaf: leaf}
	for range tlog.StoredHashCount(index+1) - tlog.StoredHashCount(index) {
		entry.Hashes = append(entry.Hashes, tlog.RecordHash([]byte(leaf.String())))
	}
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: evidence.EntryName(index),
		Labels: map[string]string{evidence.Label: evidence.LabelLeaf, v1alpha1.LabelOwnerUID: string(request.UID)}}, Data: entry.Data()}
	if err := c.real.Create(c.t.Context(), object); err != nil {
		c.t.Fatal(err)
	}
}

// TestACutTailIsNotOverwritten: the tail and the head were put back to an older state behind a running operator. It goes on
// behind what it signed, so that the hole is found, and does not write a second history.
func TestACutTailIsNotOverwritten(t *testing.T) {
	c := newCluster(t)
	a := c.operator()
	c.certify(a, 0)
	old := c.config(system, evidence.HeadName).Data
	c.certify(a, 1)
	second := c.certify(a, 2)
	head := c.config(system, evidence.HeadName)
	head.Data = old
	if err := c.real.Update(t.Context(), head); err != nil {
		t.Fatal(err)
	}
	if err := c.real.Delete(t.Context(), c.config(system, evidence.EntryName(2))); err != nil {
		t.Fatal(err)
	}
	if e := c.certify(a, 3); *e.LogIndex != 3 {
		t.Errorf("leaf %d was written twice", *e.LogIndex)
	}
	checkpoint, err := evidence.ReadCheckpoint([]byte(c.config(system, evidence.HeadName).Data[evidence.CheckpointFile]), c.public())
	if err != nil || checkpoint.Size != 4 || *second.LogIndex != 2 {
		t.Errorf("%+v, %v", checkpoint, err)
	}
}

// TestALostHeadIsMadeAgainFromTheLeaves: a crash before the first head, or somebody who deleted it.
func TestALostHeadIsMadeAgainFromTheLeaves(t *testing.T) {
	c := newCluster(t)
	found := map[int]*v1alpha1.ErasureEvidence{}
	for n := range 6 {
		found[n] = c.certify(c.quiet(), n)
	}
	if err := c.real.Delete(t.Context(), c.config(system, evidence.HeadName)); err != nil {
		t.Fatal(err)
	}
	found[6] = c.certify(c.quiet(), 6)
	c.holds(found)
}
