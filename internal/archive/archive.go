// Package archive keeps evidence in the cluster: it signs the certificates of requests that have ended, and appends each to
// the log once. The certificate is a ConfigMap of the request's namespace; key, head and leaves of the log are objects of
// the operator's namespace.
//
// Nothing here needs to be the only writer. A leaf is a ConfigMap whose name is its index, so of two that append at once
// one succeeds and the other goes on behind it; and the head only moves from the version that was read.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/evidence"
	"github.com/rempart-dev/rempart/internal/kube/flow"
)

// The head and the list of public keys are updated; leaves, certificates and keys are made and never changed.
// +kubebuilder:rbac:groups="",resources=configmaps,namespace=rempart-system,verbs=get;list;create
// +kubebuilder:rbac:groups="",resources=configmaps,resourceNames=rempart-evidence-head;rempart-evidence-public-key,namespace=rempart-system,verbs=update
// +kubebuilder:rbac:groups="",resources=secrets,namespace=rempart-system,verbs=get;create
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;create

// Archive signs and logs. Make one per process: it lets one append at a time, and remembers the log's hashes.
type Archive struct {
	// Reader reads past every cache.
	Reader client.Reader
	Client client.Client
	// Namespace of the operator.
	Namespace string
	// Random is crypto/rand.Reader but in tests.
	Random io.Reader

	lock sync.Mutex
	memory
}

// Certify writes and logs the certificate of a request that has ended, and says where it is. It may be repeated: the
// certificate is one and the log has it once. A flow.Permanent error means that only a person can help.
func (a *Archive) Certify(ctx context.Context, request *v1alpha1.ErasureRequest) (*v1alpha1.ErasureEvidence, error) {
	statement, err := evidence.Of(request)
	if err != nil {
		return nil, err
	}
	owner := metav1.OwnerReference{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "ErasureRequest",
		Name: request.Name, UID: request.UID, Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(true)}
	return a.certify(ctx, statement, request.Namespace, evidence.CertificateName(string(request.UID)), owner, request.UID)
}

// CertifyReplay does the same for a run that erased again who came back with a backup. Its certificate goes with the register:
// runs are pruned.
func (a *Archive) CertifyReplay(ctx context.Context, run *v1alpha1.ErasureRun) (*v1alpha1.ErasureEvidence, error) {
	statement, err := evidence.OfReplay(run)
	if err != nil {
		return nil, err
	}
	owner := metav1.GetControllerOf(run)
	if owner == nil {
		return nil, &flow.Permanent{Reason: v1alpha1.ReasonNotOurs, Err: errors.New("the run has no owner"), Message: "The run has no register that owns it; it is not certified"}
	}
	return a.certify(ctx, statement, run.Namespace, evidence.ReplayName(string(run.UID)), *owner, run.UID)
}

// certify signs a statement about the object with a UID, keeps it, and logs it.
func (a *Archive) certify(ctx context.Context, statement evidence.Stated, namespace, name string, owner metav1.OwnerReference, uid types.UID) (*v1alpha1.ErasureEvidence, error) {
	a.lock.Lock()
	defer a.lock.Unlock()
	now, err := a.ring(ctx)
	if err != nil {
		return nil, err
	}
	file, err := evidence.Issue(statement, now.Key)
	if err != nil {
		return nil, err
	}
	object := immutable(namespace, name, evidence.LabelCertificate, string(uid), map[string]string{evidence.CertificateFile: string(file)})
	object.OwnerReferences = []metav1.OwnerReference{owner}
	certificate, err := a.file(ctx, object, owner.UID, now)
	if err != nil {
		return nil, err
	}
	index, proof, err := a.log(ctx, certificate.Leaf(), now)
	if err != nil {
		return nil, err
	}
	return &v1alpha1.ErasureEvidence{CertificateRef: v1alpha1.LocalRef{Name: v1alpha1.ObjectName(name)}, Digest: certificate.Digest, LogIndex: ptr.To(index), Proof: proof}, nil
}

// file writes a certificate, or reads the one that is there. Its bytes are kept from then on: a later version of the operator
// might write others, and the log names these.
func (a *Archive) file(ctx context.Context, object *corev1.ConfigMap, owner types.UID, now ring) (evidence.Certificate, error) {
	uid := object.Labels[v1alpha1.LabelOwnerUID]
	err := a.Client.Create(ctx, object)
	if apierrors.IsAlreadyExists(err) {
		err = a.Reader.Get(ctx, client.ObjectKeyFromObject(object), object)
	}
	if err != nil {
		return evidence.Certificate{}, fmt.Errorf("writing the certificate: %w", err)
	}
	certificate, err := evidence.Open([]byte(object.Data[evidence.CertificateFile]), now.keys)
	ours := metav1.GetControllerOf(object)
	if err != nil || ours == nil || ours.UID != owner || certificate.Leaf().UID != uid {
		return evidence.Certificate{}, a.unless(ctx, now, permanent(v1alpha1.ReasonNameTaken, err,
			fmt.Sprintf("ConfigMap %q exists and is not the certificate that belongs there; remove it", object.Name)))
	}
	return certificate, nil
}

func (a *Archive) name(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: a.Namespace, Name: name}
}

// immutable is a ConfigMap that nobody can change. Kind and owner, the UID of a request, are labels.
func immutable(namespace, name, kind, owner string, data map[string]string) *corev1.ConfigMap {
	labels := map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart}
	if kind != "" {
		labels[evidence.Label], labels[v1alpha1.LabelOwnerUID] = kind, owner
	}
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels}, Immutable: ptr.To(true), Data: data}
}

func damaged(err error) error {
	return permanent(v1alpha1.ReasonEvidenceDamaged, err, "The evidence log in the operator's namespace does not hold; export it and compare it with an earlier export")
}

func permanent(reason string, err error, message string) error {
	return &flow.Permanent{Reason: reason, Err: err, Message: message}
}
