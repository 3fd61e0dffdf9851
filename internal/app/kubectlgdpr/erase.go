package kubectlgdpr

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
)

// wish is a request of erasure that is not made yet. It holds no identifier of the person.
type wish struct {
	requestID string
	received  time.Time
	registers []string
	ground    v1alpha1.ErasureGround
	objection v1alpha1.ErasureObjection
	purposes  []string
	planOnly  bool
}

func eraseCommand(w World) *cobra.Command {
	var target Target
	var made wish
	var received, ground, objection string
	var words []string
	command := &cobra.Command{
		Use: "erase", Short: "Make a request to erase a person, who is read from a prompt or from standard input (Article 17)",
		Example: "  kubectl gdpr erase -n shop                                   # asks for an e-mail address, and does not show it\n" +
			"  kubectl gdpr erase -n shop --kind customerID --plan-only < identifier\n" +
			"  kubectl gdpr erase -n shop --objection DirectMarketing          # which cannot be refused (Article 21(3))",
		Long: "Make a request to erase a person, who is read from a prompt or from standard input (Article 17).\n\nGrounds: " + described(grounds) + ".\n\nObjections, with ground Article17_1_c: " + described(objections) + ".",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 { // not repeated: it may be the person
				return errors.New("erase takes no argument: the person is read from a prompt or from standard input, for arguments are seen by every process and kept by the shell")
			}
			return nil
		},
		RunE: func(command *cobra.Command, _ []string) error {
			kinds, err := readKinds(words)
			if err != nil {
				return err
			}
			if err := made.complete(w, received); err != nil {
				return err
			}
			if err := made.rely(ground, objection); err != nil {
				return err
			}
			cluster, err := w.Connect(target)
			if err != nil {
				return err
			}
			return erase(command.Context(), w, cluster, made, kinds)
		}}
	command.SetFlagErrorFunc(func(*cobra.Command, error) error {
		return errors.New("a flag is unknown, or its value is none; no flag takes the identifier of a person") // nothing is repeated: it may be the person
	})
	targetFlags(command, &target, "registers")
	flags := command.Flags()
	flags.StringSliceVar(&words, "kind", []string{"email"}, "kind of the identifier: email, phone, accountID, customerID, deviceID, consentSubject, consentReceipt or custom; several by commas, one line each")
	flags.StringVar(&made.requestID, "request-id", "", "your reference of the request, which is carried out once; not an identifier of the person. Made up when absent")
	flags.StringVar(&received, "received", "", "when the request reached you, from which the month of Article 12(3) counts, such as 2026-11-20T09:30:00Z; now when absent")
	flags.StringSliceVar(&made.registers, "register", nil, "register that the request concerns, more than once for several; all of the namespace when absent")
	flags.StringVar(&ground, "ground", "", "point of Article 17(1) that the person relies on, see above; Article17_1_a when absent")
	flags.StringVar(&objection, "objection", "", "what the person objects to, see above; the ground is then Article17_1_c")
	flags.StringSliceVar(&made.purposes, "purpose", nil, "purpose of the registers that the request is about, such as one to which consent was withdrawn, more than once for several; the whole person when absent")
	flags.BoolVar(&made.planOnly, "plan-only", false, "plan and end, without erasing anything")
	complete(command, "kind", subject.KnownKeys())
	complete(command, "ground", names(grounds))
	complete(command, "objection", names(objections))
	return command
}

// requestIDs is the pattern of spec.requestID.
var requestIDs = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9_.]{0,62}[A-Za-z0-9])?$`)

// complete fills in what was not given.
func (o *wish) complete(w World, received string) error {
	o.received = w.Clock.Now()
	if received != "" {
		at, err := time.Parse(time.RFC3339, received)
		if err != nil || at.After(o.received) {
			return fmt.Errorf("--received is no instant of the past with its offset from UTC; write it as 2026-11-20T09:30:00Z")
		}
		o.received = at
	}
	if o.requestID == "" {
		suffix, err := chance(w.Random)
		if err != nil {
			return err
		}
		o.requestID = "erase-" + w.Clock.Now().UTC().Format("20060102") + "-" + suffix
	}
	if !requestIDs.MatchString(o.requestID) {
		return fmt.Errorf("--request-id has at most 64 letters, digits and - _ . within; it is your reference, never the person's identifier")
	}
	return nil
}

// chance is eight letters and digits that nobody else has.
func chance(random io.Reader) (string, error) {
	var raw [5]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("making a name: %w", err)
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(raw[:])), nil
}

// name is the request's: its ID as Kubernetes writes names.
func (o *wish) name() string {
	return strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(o.requestID))
}

// betrays tells whether a text of the request would hold the person.
func (o *wish) betrays(namespace string, person map[string][]byte) bool {
	for _, text := range slices.Concat([]string{o.requestID, namespace}, o.registers, o.purposes) {
		if betrays(text, person) {
			return true
		}
	}
	return false
}

// object is the request to make.
func (o *wish) object(namespace, secret string) *v1alpha1.ErasureRequest {
	request := &v1alpha1.ErasureRequest{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: o.name()},
		Spec: v1alpha1.ErasureRequestSpec{
			RequestID:    o.requestID,
			ReceivedTime: ptr.To(metav1.NewTime(o.received)),
			Subject:      v1alpha1.ErasureSubject{SecretRef: v1alpha1.SecretRef{Name: v1alpha1.ObjectName(secret)}},
			Ground:       o.ground,
			Objection:    o.objection,
			Registers:    v1alpha1.RegisterChoice{Mode: v1alpha1.RegistersAll},
			Execution:    v1alpha1.ExecutionAfterApproval,
		}}
	if o.planOnly {
		request.Spec.Execution = v1alpha1.ExecutionPlanOnly
	}
	for _, register := range o.registers {
		request.Spec.Registers.Mode = v1alpha1.RegistersNamed
		request.Spec.Registers.Names = append(request.Spec.Registers.Names, v1alpha1.ObjectName(register))
	}
	for _, purpose := range o.purposes {
		request.Spec.Purposes = append(request.Spec.Purposes, v1alpha1.PartName(purpose))
	}
	return request
}

// erase reads the person, and makes the subject Secret and the request that names it: both, or none.
func erase(ctx context.Context, w World, cluster Cluster, made wish, kinds []string) error {
	if err := cluster.unasked(ctx, made.name()); err != nil {
		return err
	}
	person, err := readPerson(ctx, w, kinds)
	if err != nil {
		return err
	}
	if made.betrays(cluster.Namespace, person) {
		return errors.New("the request ID, a register, a purpose or the namespace holds the identifier, and a request must not; nothing was made. Choose another --request-id")
	}
	suffix, err := chance(w.Random)
	if err != nil {
		return err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: cluster.Namespace, Name: made.name() + "-" + suffix},
		Immutable:  ptr.To(true), Type: corev1.SecretTypeOpaque, Data: person}
	if err := cluster.keep(ctx, secret); err != nil {
		return err
	}
	request := made.object(cluster.Namespace, secret.Name)
	if err := cluster.ask(ctx, request); err != nil {
		return errors.Join(err, cluster.forget(ctx, secret))
	}
	fmt.Fprintf(w.Out, "secret/%s created\nerasurerequest/%s created\n", secret.Name, request.Name)
	fmt.Fprintf(w.Err, "See its plan: kubectl gdpr plan %s -n %s --wait\n", request.Name, request.Namespace)
	return nil
}

// unasked fails when the request was made before, or the cluster cannot be reached: better before anybody types a name.
func (c Cluster) unasked(ctx context.Context, name string) error {
	err := c.Client.Get(ctx, client.ObjectKey{Namespace: c.Namespace, Name: name}, &v1alpha1.ErasureRequest{})
	switch {
	case err == nil:
		return exists(c.Namespace, name)
	case meta.IsNoMatchError(err):
		return errors.New("the cluster has no ErasureRequest: Rempart is not installed in it")
	case apierrors.IsNotFound(err) || apierrors.IsForbidden(err): // who may make one need not be able to read it
		return nil
	default:
		return fmt.Errorf("asking the cluster: %w", err)
	}
}

func exists(namespace, name string) error {
	return fmt.Errorf("erasurerequest %q exists already, so that nothing was made; see \"kubectl gdpr status %s -n %s\", or choose another --request-id", name, name, namespace)
}

// keep makes the subject Secret. What the API server says is not repeated: a webhook of others may quote the person.
func (c Cluster) keep(ctx context.Context, secret *corev1.Secret) error {
	err := c.Client.Create(ctx, secret)
	if err == nil {
		return nil
	}
	reason := apierrors.ReasonForError(err)
	switch reason {
	case metav1.StatusReasonForbidden:
		return errors.New("making the subject Secret: you may not, or the namespace does not let you; ask for the verbs create, get and delete on secrets")
	case metav1.StatusReasonNotFound:
		return fmt.Errorf("making the subject Secret: there is no namespace %q; name one by -n", c.Namespace)
	case metav1.StatusReasonUnknown, metav1.StatusReasonTimeout, metav1.StatusReasonServerTimeout, metav1.StatusReasonInternalError:
		return errors.Join(errors.New("making the subject Secret: the API server gave no answer, or none that is known; nothing was asked for"), c.forget(ctx, secret))
	default:
		return fmt.Errorf("making the subject Secret: the API server refuses it, with the reason %s", reason)
	}
}

// ask makes the request. When the answer was lost it looks whether the request is there: the name of its Secret, which
// nobody else has, says whose it is.
func (c Cluster) ask(ctx context.Context, request *v1alpha1.ErasureRequest) error {
	key, secret := client.ObjectKeyFromObject(request), request.Spec.Subject.SecretRef.Name
	err := c.Client.Create(ctx, request)
	if err == nil {
		return nil
	}
	late, stop := afterwards(ctx)
	defer stop()
	found := &v1alpha1.ErasureRequest{}
	if c.Client.Get(late, key, found) == nil && found.Spec.Subject.SecretRef.Name == secret {
		return nil
	}
	if apierrors.IsAlreadyExists(err) {
		return exists(key.Namespace, key.Name)
	}
	return fmt.Errorf("making the request: %w; nothing was made", err)
}

// forget removes a subject Secret that no request names, even after an interruption.
func (c Cluster) forget(ctx context.Context, secret *corev1.Secret) error {
	late, stop := afterwards(ctx)
	defer stop()
	options := []client.DeleteOption{}
	if secret.UID != "" {
		options = append(options, client.Preconditions{UID: ptr.To(secret.UID)})
	}
	if client.IgnoreNotFound(c.Client.Delete(late, secret, options...)) != nil {
		return fmt.Errorf("the subject Secret may still be there, with the identifier; look, and remove it: kubectl delete secret %s -n %s", secret.Name, secret.Namespace)
	}
	return nil
}

// afterwards is a context for what must be done though the command was interrupted.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), patience)
}
