package job

import (
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/task"
)

// Values of v1alpha1.LabelComponent.
const (
	// ComponentDatabase is the pod of a managed store.
	ComponentDatabase = "database"
	// ComponentScan is an eraser that compares a store with its dataset.
	ComponentScan = "scan"
	// ComponentRun is an eraser that plans, erases and verifies.
	ComponentRun = "run"
	// ComponentLedgerRun is one that does so in a ledger of consents.
	ComponentLedgerRun = "ledger-run"
)

// Keys of a task Secret: the task.Task and the task.People, as JSON.
const (
	TaskKey   = "task.json"
	PeopleKey = "subjects.json"
)

// ExitFatal is the exit code of a container that must not be tried again: its Job fails at once.
const ExitFatal = 42

// Container is one container of the eraser. Roles names the Secret (keys username, password) of each role whose
// credentials the container mounts: those that its step needs, and no others.
type Container struct {
	Step  task.Step
	Roles map[task.Role]string
}

// Spec is all that a Job of the eraser depends on.
type Spec struct {
	Name, Namespace string
	// Labels go on the Job and on its pods; see Labels.
	Labels map[string]string
	Owner  *metav1ac.OwnerReferenceApplyConfiguration
	Image  string
	// Init containers run before Containers, in order.
	Init, Containers []Container
	// TaskSecret holds the task under TaskKey and, when the steps concern people, these under PeopleKey.
	TaskSecret string
	// CASecret holds ca.crt; empty when the connection does not verify its peer.
	CASecret string
	// ServiceAccount of the pod, and Audience of the one token that its containers get; empty for the default account and no token.
	ServiceAccount, Audience string
	Suspend                  bool
	// BackoffLimit is how often a failed pod is replaced: 0 to 2.
	BackoffLimit int32
	// Deadline in seconds after which the Job fails, a pod that never started included; 0 means none.
	Deadline int64
	// NodeAffinity pins the pod to the places that the register's policy allows; nil pins nothing.
	NodeAffinity *corev1ac.NodeAffinityApplyConfiguration
}

// Labels returns the labels of the eraser's pods for a store. Component is ComponentScan or ComponentRun.
func Labels(register, store, component string) map[string]string {
	return map[string]string{
		v1alpha1.LabelManagedBy: v1alpha1.ManagedByRempart,
		v1alpha1.LabelRegister:  register,
		v1alpha1.LabelStore:     store,
		v1alpha1.LabelComponent: component,
	}
}

// LedgerLabels returns the labels of the eraser's pods for the ledger of a ConsentPolicy.
func LedgerLabels(register, policy string) map[string]string {
	return map[string]string{
		v1alpha1.LabelManagedBy:     v1alpha1.ManagedByRempart,
		v1alpha1.LabelRegister:      register,
		v1alpha1.LabelConsentPolicy: policy,
		v1alpha1.LabelComponent:     ComponentLedgerRun,
	}
}
