package archive_test

import (
	"errors"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/evidence"
	"github.com/rempart-dev/rempart/internal/kube/flow"
)

// askRotation does what a user does who wants the next key.
func (c *cluster) askRotation(n int) {
	c.t.Helper()
	secret := &corev1.Secret{}
	if err := c.real.Get(c.t.Context(), client.ObjectKey{Namespace: system, Name: evidence.KeySecret(n)}, secret); err != nil {
		c.t.Fatal(err)
	}
	secret.Annotations = map[string]string{evidence.AnnotationRotate: "please"}
	if err := c.real.Update(c.t.Context(), secret); err != nil {
		c.t.Fatal(err)
	}
}

// TestAKeyIsReplacedAndOldCertificatesHold: twice. The list of keys grows, the log leads from each to each, and certificates of all
// times hold by any of them.
func TestAKeyIsReplacedAndOldCertificatesHold(t *testing.T) {
	c := newCluster(t)
	a := c.operator()
	found := map[int]*v1alpha1.ErasureEvidence{}
	for n := range 9 {
		if n == 3 || n == 6 {
			c.askRotation(n / 3)
		}
		found[n] = c.certify(a, n)
		if n%2 == 0 {
			a = c.operator()
		}
	}
	c.holds(found)
	if len(c.public()) != 3 {
		t.Errorf("%d keys are published", len(c.public()))
	}
	for n, key := range []int{0, 0, 0, 1, 1, 1, 2, 2, 2} {
		file := c.config("shop", string(found[n].CertificateRef.Name)).Data[evidence.CertificateFile]
		if certificate, err := evidence.Open([]byte(file), c.public()); err != nil || certificate.Key.String() != c.public()[key].String() {
			t.Errorf("certificate %d is signed by %s: %v", n, certificate.Key, err)
		}
	}
	tried := c.writes
	for n := range 9 {
		c.certify(a, n)
	}
	if c.writes-tried != 9 { // each certificate is offered, and is there
		t.Errorf("%d writes were tried", c.writes-tried)
	}
	if head, err := a.Head(t.Context()); err != nil || head.Size != 11 {
		t.Errorf("%+v, %v", head, err)
	}
	if err := c.real.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: evidence.KeySecret(1)}}); err != nil {
		t.Fatal(err)
	}
	found[9] = c.certify(c.operator(), 9) // what signs no more is not needed
	c.holds(found)
}

// TestEveryWriteOfARotationMayFail fails each write once, before and after it takes effect, with and without a restart.
func TestEveryWriteOfARotationMayFail(t *testing.T) {
	for size := 1; size < 5; size++ {
		for n := 1; n <= 7; n++ {
			for mode := range 4 {
				after, restart := mode&1 > 0, mode&2 > 0
				t.Run(fmt.Sprintf("size %d, write %d, after %v, restart %v", size, n, after, restart), func(t *testing.T) {
					c := newCluster(t)
					found := map[int]*v1alpha1.ErasureEvidence{}
					for i := range size {
						found[i] = c.certify(c.quiet(), i)
					}
					c.askRotation(1)
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
					found[size+1] = c.certify(a, size+1)
					found[size] = c.certify(a, size)
					if len(c.public()) != 2 {
						t.Errorf("%d keys", len(c.public()))
					}
					c.holds(found)
				})
			}
		}
	}
}

// TestTwoOperatorsMeetInARotation lets a second operator certify between any two writes of a first that replaces the key. Whoever is
// too late reads the key again.
func TestTwoOperatorsMeetInARotation(t *testing.T) {
	for size := 1; size < 4; size++ {
		for n := 1; n <= 7; n++ {
			for mode := range 4 {
				after, old := mode&1 > 0, mode&2 > 0
				t.Run(fmt.Sprintf("size %d, write %d, after %v, long there %v", size, n, after, old), func(t *testing.T) {
					c := newCluster(t)
					second := c.quiet()
					found := map[int]*v1alpha1.ErasureEvidence{}
					for i := range size {
						a := c.quiet()
						if old {
							a = second
						}
						found[10+i] = c.certify(a, 10+i)
					}
					c.askRotation(1)
					c.hook = func(i int, a bool) error {
						if i == n && a == after {
							for _, other := range []int{1, 0, 2} {
								found[other] = c.certify(second, other)
							}
						}
						return nil
					}
					first := c.operator()
					mine, err := first.Certify(t.Context(), ended(0))
					for tries := 0; err != nil; tries++ {
						var hopeless *flow.Permanent
						if errors.As(err, &hopeless) || tries > 5 {
							t.Fatal(err)
						}
						mine, err = first.Certify(t.Context(), ended(0))
					}
					found[0] = mine
					if len(c.public()) != 2 {
						t.Errorf("%d keys", len(c.public()))
					}
					c.holds(found)
				})
			}
		}
	}
}

// TestASwappedKeyIsLoud: whatever of Secret, list and head is exchanged, without a rotation in the log nothing is signed on.
func TestASwappedKeyIsLoud(t *testing.T) {
	stranger, err := evidence.NewKey([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	secret := func(c *cluster, n int) {
		c.t.Helper()
		object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: evidence.KeySecret(n)}}
		if err := client.IgnoreNotFound(c.real.Delete(c.t.Context(), object)); err != nil {
			c.t.Fatal(err)
		}
		object = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: evidence.KeySecret(n)}, Data: map[string][]byte{evidence.SeedKey: []byte("0123456789abcdef0123456789abcdef")}}
		if err := c.real.Create(c.t.Context(), object); err != nil {
			c.t.Fatal(err)
		}
	}
	set := func(c *cluster, name, file, text string) {
		c.t.Helper()
		object := c.config(system, name)
		object.Data = map[string]string{file: text}
		if err := c.real.Update(c.t.Context(), object); err != nil {
			c.t.Fatal(err)
		}
	}
	resign := func(c *cluster) {
		c.t.Helper()
		checkpoint, err := evidence.ReadCheckpoint([]byte(c.config(system, evidence.HeadName).Data[evidence.CheckpointFile]), c.public())
		if err != nil {
			c.t.Fatal(err)
		}
		signed, err := checkpoint.Sign(stranger)
		if err != nil {
			c.t.Fatal(err)
		}
		set(c, evidence.HeadName, evidence.CheckpointFile, string(signed))
	}
	for name, test := range map[string]struct {
		swap func(*cluster)
		want string
	}{
		"the Secret": {func(c *cluster) { secret(c, 1) }, v1alpha1.ReasonEvidenceKeyLost},
		"the Secret and the list": {func(c *cluster) {
			secret(c, 1)
			set(c, evidence.PublicKeyName, evidence.PublicKeyFile, stranger.Public().String()+"\n")
		}, v1alpha1.ReasonEvidenceDamaged},
		"the Secret, the list and the head": {func(c *cluster) {
			resign(c)
			secret(c, 1)
			set(c, evidence.PublicKeyName, evidence.PublicKeyFile, stranger.Public().String()+"\n")
		}, v1alpha1.ReasonEvidenceKeyLost},
		"a next key in the list": {func(c *cluster) {
			secret(c, 2)
			set(c, evidence.PublicKeyName, evidence.PublicKeyFile, c.public().String()+stranger.Public().String()+"\n")
		}, v1alpha1.ReasonEvidenceKeyLost},
		"a next key in the list and the head": {func(c *cluster) {
			secret(c, 2)
			resign(c)
			set(c, evidence.PublicKeyName, evidence.PublicKeyFile, c.public().String()+stranger.Public().String()+"\n")
		}, v1alpha1.ReasonEvidenceKeyLost},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			for n := range 3 {
				r := ended(n)
				r.Status.Evidence = c.certify(c.quiet(), n)
				if err := c.real.Create(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
			test.swap(c)
			_, err := c.quiet().Certify(t.Context(), ended(3))
			var hopeless *flow.Permanent
			if !errors.As(err, &hopeless) || hopeless.Reason != test.want {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}
