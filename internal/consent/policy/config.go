package policy

import (
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/law/authority"
)

// Names of the files in the Secret of the configuration.
const (
	// FilePolicy is what the service serves.
	FilePolicy = "policy.json"
	// FileCheckpoint is the signed note that was copied out of the ledger last: what the self-audit must continue. Empty
	// before the first.
	FileCheckpoint = "checkpoint"
)

// config is policy.json: what a policy says, and what the service cannot know by itself.
type config struct {
	TenantID       string                     `json:"tenantID"`
	Namespace      string                     `json:"namespace"`
	Name           string                     `json:"name"`
	Controller     v1alpha1.Organisation      `json:"controller"`
	Officer        v1alpha1.Officer           `json:"officer,omitzero"`
	Authority      string                     `json:"authority,omitempty"`
	Joint          []v1alpha1.Party           `json:"jointControllers,omitempty"`
	Countries      []v1alpha1.Country         `json:"countries,omitempty"`
	MaterialDigest string                     `json:"materialDigest"`
	Spec           v1alpha1.ConsentPolicySpec `json:"spec"`
	TokenIssuers   []Issuer                   `json:"tokenIssuers"`
	Operator       Operator                   `json:"operator,omitzero"`
}

// Config writes policy.json. The same Input always gives the same bytes.
func (in Input) Config() ([]byte, error) {
	digest, err := MaterialDigest(in.Officer.Spec.Organisation, &in.Policy.Spec, in.Now)
	if err != nil {
		return nil, err
	}
	issuers := in.Issuers
	if issuers == nil {
		issuers = []Issuer{}
	}
	spec := Served(&in.Policy.Spec, in.Now)
	spec.Service.Clients, spec.Service.Mail = clients(in.Policy), in.mail()
	text, err := json.Marshal(config{
		TenantID: TenantID(in.Policy.Namespace, in.Policy.Name), Namespace: in.Policy.Namespace, Name: in.Policy.Name,
		Controller: in.Officer.Spec.Organisation, Officer: in.Officer.Spec.Officer, Authority: competent(&in.Officer.Spec), Joint: in.Register.Spec.JointControllers, Countries: in.countries(),
		MaterialDigest: digest, Spec: spec, TokenIssuers: issuers, Operator: in.Operator,
	})
	if err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	return text, nil
}

// competent is the name of the supervisory authority: as the officer declares it, or the one of the organisation's state.
func competent(spec *v1alpha1.DataProtectionOfficerSpec) string {
	declared := spec.SupervisoryAuthority
	if declared.Name != "" {
		return declared.Name
	}
	country := declared.Country
	if country == "" {
		country = spec.Organisation.Country
	}
	a, _ := authority.Competent(string(country), spec.Organisation.Sector == v1alpha1.SectorPublic)
	return a.Name
}

// countries are where the ledger and the stores of the register are, in order; none while nobody knows.
func (in Input) countries() []v1alpha1.Country {
	place := in.Declared
	if in.managedLedger() {
		place = in.Class
	}
	all := []v1alpha1.Country{place.Country}
	for i := range in.Register.Status.Stores {
		all = append(all, in.Register.Status.Stores[i].Country)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(c v1alpha1.Country) bool { return c == "" })
}

// configSecret holds policy.json. Nothing in it is secret; a Secret asks for no right that the operator does not have already.
func (in Input) configSecret(text []byte, owner *metav1ac.OwnerReferenceApplyConfiguration) *corev1ac.SecretApplyConfiguration {
	return corev1ac.Secret(ConfigName(in.Policy.Name), in.Policy.Namespace).
		WithLabels(labels(in.Policy.Name, ComponentService)).WithOwnerReferences(owner).WithType(corev1.SecretTypeOpaque).
		WithData(map[string][]byte{FilePolicy: text, FileCheckpoint: []byte(in.Checkpoint.Note)})
}
