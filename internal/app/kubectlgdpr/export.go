package kubectlgdpr

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rempart-dev/rempart/internal/evidence"
)

// page is how many objects are listed at a time.
const page = 500

// proofSuffix is that of C2SP tlog-proof.
const proofSuffix = ".tlog-proof"

func evidenceCommand(w World) *cobra.Command {
	return group("evidence", "What proves how requests ended", exportCommand(w))
}

// export writes evidence of a cluster into a folder.
type export struct {
	Cluster
	// operator is the namespace of the operator.
	operator string
	// namespace of the certificates; empty for all.
	namespace string
	folder    string
}

func exportCommand(w World) *cobra.Command {
	var target Target
	e := export{}
	var all bool
	command := leaf("export", "Write the log, the public key and the certificates of a cluster into a folder",
		"  kubectl gdpr evidence export -n shop --to evidence/\n  kubectl gdpr evidence export --all-namespaces --to evidence/", nil)
	command.RunE = func(command *cobra.Command, _ []string) error {
		if e.folder == "" {
			return errors.New("no folder to write to; name one by --to")
		}
		var err error
		if e.Cluster, err = w.Connect(target); err != nil {
			return err
		}
		if e.namespace = e.Namespace; all {
			e.namespace = ""
		}
		words, err := e.run(command.Context())
		if words != "" {
			fmt.Fprintln(w.Out, words)
		}
		return err
	}
	targetFlags(command, &target, "certificates")
	flags := command.Flags()
	flags.StringVar(&e.folder, "to", "", "folder to write to; a log that is already there must be continued by the cluster's")
	flags.BoolVarP(&all, "all-namespaces", "A", false, "certificates of all namespaces")
	flags.StringVar(&e.operator, "operator-namespace", "rempart-system", "namespace of the operator")
	return command
}

// run writes the log and the certificates, and checks them as it does. A log that does not hold is written all the same,
// as evidence of that, unless it would replace one that does.
func (e export) run(ctx context.Context) (string, error) {
	key, err := e.config(ctx, evidence.PublicKeyName, evidence.PublicKeyFile)
	if err != nil {
		return "", err
	}
	keys, err := evidence.ParseKeys(key)
	if err != nil {
		return "", fmt.Errorf("the cluster's key: %w", err)
	}
	// The head first: leaves that come meanwhile are behind it.
	checkpoint, err := e.config(ctx, evidence.HeadName, evidence.CheckpointFile)
	if err != nil {
		return "", err
	}
	head, err := evidence.ReadCheckpoint([]byte(checkpoint), keys)
	if err != nil {
		return "", fmt.Errorf("the cluster's log: %w", err)
	}
	leaves, err := e.leaves(ctx, head.Size)
	if err != nil {
		return "", err
	}
	log, broken := evidence.ReadLog([]byte(leaves), []byte(checkpoint), keys)
	if err := e.continues(log, keys); err != nil {
		return "", err
	}
	err = errors.Join(e.write(evidence.PublicKeyFile, keys.String()), e.write(evidence.CheckpointFile, checkpoint), e.write(evidence.LeavesFile, leaves))
	if err != nil {
		return "", err
	}
	if broken != nil {
		return "", fmt.Errorf("the cluster's log does not hold: %w; it was written as it is", broken)
	}
	written, err := e.certificates(ctx, log, keys)
	return fmt.Sprintf("Wrote %d leaves and %d certificates to %s; the log holds.", head.Size, written, e.folder), err
}

// config reads a ConfigMap of the operator's namespace.
func (e export) config(ctx context.Context, name, file string) (string, error) {
	object := &corev1.ConfigMap{}
	if err := e.get(ctx, "configmap", client.ObjectKey{Namespace: e.operator, Name: name}, object); err != nil {
		return "", fmt.Errorf("%w; it is made when the first request ends, in the namespace that --operator-namespace names", err)
	}
	return object.Data[file], nil
}

// leaves reads the leaves below a size, in order. One that is missing or is none is left out, so that the check fails.
func (e export) leaves(ctx context.Context, size int64) (string, error) {
	found := map[string]string{}
	err := e.each(ctx, e.operator, evidence.LabelLeaf, func(object *corev1.ConfigMap) error {
		found[object.Name] = object.Data[evidence.LeafData]
		return nil
	})
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for index := range size {
		if line := found[evidence.EntryName(index)]; line != "" {
			text.WriteString(line + "\n")
		}
	}
	return text.String(), nil
}

// continues refuses to replace a log of an earlier export by one that does not continue it.
func (e export) continues(log *evidence.Log, keys evidence.Keys) error {
	text, err := readFile(filepath.Join(e.folder, evidence.CheckpointFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	seen, err := evidence.ReadCheckpoint(text, keys)
	if err == nil && log == nil {
		err = evidence.ErrLeaves
	}
	if err == nil {
		err = log.Extends(seen)
	}
	if err != nil {
		return fmt.Errorf("%s has a log that the cluster's does not continue, so nothing was written: %w", e.folder, err)
	}
	return nil
}

// certificates writes each certificate with its proof. One that does not hold is not written.
func (e export) certificates(ctx context.Context, log *evidence.Log, keys evidence.Keys) (int, error) {
	written := 0
	var wrong []error
	err := e.each(ctx, e.namespace, evidence.LabelCertificate, func(object *corev1.ConfigMap) error {
		file := object.Data[evidence.CertificateFile]
		certificate, err := evidence.Open([]byte(file), keys)
		var proof string
		if err == nil {
			proof, err = prove(log, certificate)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("configmap %s/%s was not written: %w", object.Namespace, object.Name, err))
			return nil
		}
		name := filepath.Join("certificates", object.Namespace, certificate.Leaf().UID)
		written++
		return errors.Join(e.write(name+".json", file), e.write(name+proofSuffix, proof))
	})
	return written, errors.Join(append(wrong, err)...)
}

func prove(log *evidence.Log, certificate evidence.Certificate) (string, error) {
	index, err := log.Find(certificate.Leaf())
	if errors.Is(err, evidence.ErrAbsent) {
		return "", fmt.Errorf("%w; one that came during the export is in the next", err)
	}
	if err != nil {
		return "", err
	}
	return log.Prove(index)
}

// each visits the ConfigMaps with evidence of a kind, page by page.
func (e export) each(ctx context.Context, namespace, kind string, visit func(*corev1.ConfigMap) error) error {
	list := &corev1.ConfigMapList{}
	for {
		err := e.list(ctx, "configmaps", list, client.InNamespace(namespace), client.MatchingLabels{evidence.Label: kind}, client.Limit(page), client.Continue(list.Continue))
		if err != nil {
			return err
		}
		for i := range list.Items {
			if err := visit(&list.Items[i]); err != nil {
				return err
			}
		}
		if list.Continue == "" {
			return nil
		}
	}
}

// write writes a file for its owner alone: certificates hold references of people.
func (e export) write(name, text string) error {
	path := filepath.Join(e.folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("writing evidence: %w", err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing evidence: %w", err)
	}
	return nil
}
