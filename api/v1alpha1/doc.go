// Package v1alpha1 holds the kinds of Rempart: duties of the General Data Protection Regulation
// (Regulation (EU) 2016/679) as Kubernetes resources. It declares types and constants only; nothing here acts.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +groupName=gdpr.rempart.dev
package v1alpha1
