package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// placement lists the labels of a node that a volume inherits as its required node affinity.
var placement = []string{corev1.LabelHostname, corev1.LabelTopologyRegion, corev1.LabelTopologyZone}

var errNoNode = errors.New("no node fits the allowed topologies of the storage class")

var _ controller.Provisioner = (*provisioner)(nil)

type provisioner struct {
	client kubernetes.Interface
	root   string
}

// Provision makes a directory and returns the volume that stands for it.
func (p *provisioner) Provision(ctx context.Context, options controller.ProvisionOptions) (*corev1.PersistentVolume, controller.ProvisioningState, error) {
	node, err := p.node(ctx, options)
	switch {
	case errors.Is(err, errNoNode) && options.SelectedNodeName != "":
		return nil, controller.ProvisioningReschedule, err
	case err != nil:
		return nil, controller.ProvisioningFinished, err
	}
	path := filepath.Join(p.root, options.PVName)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, controller.ProvisioningFinished, fmt.Errorf("making the directory of the volume: %w", err)
	}
	return volume(options, path, node), controller.ProvisioningFinished, nil
}

// Delete removes the directory. It goes by the name of the volume, not by the path in its spec, which others can set.
func (p *provisioner) Delete(_ context.Context, volume *corev1.PersistentVolume) error {
	if err := os.RemoveAll(filepath.Join(p.root, volume.Name)); err != nil {
		return fmt.Errorf("removing the directory of the volume: %w", err)
	}
	return nil
}

// node is the one that the scheduler chose or, for a class that binds at once, the first that the class allows.
func (p *provisioner) node(ctx context.Context, options controller.ProvisionOptions) (*corev1.Node, error) {
	allowed := options.StorageClass.AllowedTopologies
	if name := options.SelectedNodeName; name != "" {
		node, err := p.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err == nil && !fits(node, allowed) {
			err = errNoNode
		}
		return node, err
	}
	nodes, err := p.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for i := range nodes.Items {
		if fits(&nodes.Items[i], allowed) {
			return &nodes.Items[i], nil
		}
	}
	return nil, errNoNode
}

// fits tells whether one of the terms accepts the node. No terms accept every node.
func fits(node *corev1.Node, terms []corev1.TopologySelectorTerm) bool {
	accepts := func(term corev1.TopologySelectorTerm) bool {
		for _, want := range term.MatchLabelExpressions {
			if !slices.Contains(want.Values, node.Labels[want.Key]) {
				return false
			}
		}
		return true
	}
	return len(terms) == 0 || slices.ContainsFunc(terms, accepts)
}

func volume(options controller.ProvisionOptions, path string, node *corev1.Node) *corev1.PersistentVolume {
	claim := options.PVC.Spec
	mode := corev1.PersistentVolumeFilesystem
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: corev1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			AccessModes:                   claim.AccessModes,
			VolumeMode:                    &mode,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: claim.Resources.Requests[corev1.ResourceStorage]},
			PersistentVolumeSource:        corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: path}},
			NodeAffinity:                  affinity(node),
		},
	}
}

func affinity(node *corev1.Node) *corev1.VolumeNodeAffinity {
	term := corev1.NodeSelectorTerm{}
	for _, key := range placement {
		if value := node.Labels[key]; value != "" {
			term.MatchExpressions = append(term.MatchExpressions, corev1.NodeSelectorRequirement{
				Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{value},
			})
		}
	}
	return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{term}}}
}
