package matrix

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"
)

// versions are the API versions of the kinds that files name by kind alone.
var versions = map[string]string{
	"StorageClass": "storage.k8s.io/v1", "VolumeAttributesClass": "storage.k8s.io/v1", "VolumeAttachment": "storage.k8s.io/v1", "CSINode": "storage.k8s.io/v1",
	"Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "ReplicaSet": "apps/v1", "Job": "batch/v1", "CronJob": "batch/v1",
	"CustomResourceDefinition": "apiextensions.k8s.io/v1",
	"ResidencyPolicy":          "gdpr.rempart.dev/v1alpha1", "DataRegister": "gdpr.rempart.dev/v1alpha1", "BreachIncident": "gdpr.rempart.dev/v1alpha1",
	"VolumeSnapshot": "snapshot.storage.k8s.io/v1", "VolumeSnapshotContent": "snapshot.storage.k8s.io/v1", "VolumeSnapshotClass": "snapshot.storage.k8s.io/v1",
	"ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
	"ValidatingAdmissionPolicy": "admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding": "admissionregistration.k8s.io/v1",
}

// text reads a string of an object; empty where there is none.
func text(o object, fields ...string) string {
	value, _ := at(o, fields...).(string)
	return value
}

// at reads a value of an object; nil where there is none.
func at(o any, fields ...string) any {
	for _, field := range fields {
		inner, is := o.(object)
		if !is {
			return nil
		}
		o = inner[field]
	}
	return o
}

// in makes an object of one that is written for any layer.
func (s *site) in(o object) object {
	made := replaced(o, s.words()).(object)
	if made["apiVersion"] == nil {
		made["apiVersion"] = "v1"
		if version := versions[text(made, "kind")]; version != "" {
			made["apiVersion"] = version
		}
	}
	metadata, is := made["metadata"].(object)
	if !is {
		metadata = object{}
		made["metadata"] = metadata
	}
	if metadata["namespace"] == nil {
		metadata["namespace"] = s.namespace
	}
	return made
}

// words stand for what differs between layers, and from one moment to the next.
func (s *site) words() *strings.Replacer {
	after := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
	return strings.NewReplacer("$NS", s.namespace, "$POLICY", s.policy, "$SOON", after(5*time.Second), "$LATER", after(time.Hour))
}

func replaced(value any, replace *strings.Replacer) any {
	switch value := value.(type) {
	case string:
		return replace.Replace(value)
	case []any:
		list := make([]any, 0, len(value))
		for _, one := range value {
			list = append(list, replaced(one, replace))
		}
		return list
	case object:
		made := object{}
		for key, one := range value {
			made[replace.Replace(key)] = replaced(one, replace)
		}
		return made
	default:
		return value
	}
}

// whole adds what an object needs and a file leaves out.
func whole(o object) object {
	kind, name := text(o, "kind"), text(o, "metadata", "name")
	switch kind {
	case "PersistentVolumeClaim":
		return under(object{"spec": wish()}, o)
	case "PersistentVolume":
		return under(object{"spec": object{"capacity": object{"storage": "1Gi"}, "accessModes": []any{"ReadWriteOnce"}}}, o)
	case "Pod":
		return under(object{"spec": containers()}, o)
	case "Deployment", "DaemonSet", "ReplicaSet":
		return under(object{"spec": selecting(name)}, o)
	case "StatefulSet":
		set := under(object{"spec": selecting(name)}, o)
		if templates, is := at(set, "spec", "volumeClaimTemplates").([]any); is {
			for i := range templates {
				templates[i] = under(object{"spec": wish()}, templates[i].(object))
			}
		}
		return set
	case "ReplicationController":
		return under(object{"spec": object{"selector": object{"app": name}, "template": template(name)}}, o)
	case "Job":
		return under(object{"spec": object{"template": object{"spec": finite()}}}, o)
	case "CronJob":
		return under(object{"spec": object{"schedule": "0 0 * * *", "jobTemplate": object{"spec": object{"template": object{"spec": finite()}}}}}, o)
	case "DataRegister":
		return under(object{"spec": object{"role": "Controller", "officerRef": object{"name": "officer"}, "activities": []any{object{"name": "support",
			"purposes": []any{object{"name": "support", "legalBasis": "Contract"}}, "dataSubjects": []any{"customers"}, "dataCategories": []any{object{"name": "contact"}}}}}}, o)
	default:
		return o
	}
}

func wish() object {
	return object{"accessModes": []any{"ReadWriteOnce"}, "resources": object{"requests": object{"storage": "1Gi"}}}
}

func containers() object { return object{"containers": []any{object{"name": "app", "image": "app"}}} }

func finite() object { return under(containers(), object{"restartPolicy": "Never"}) }

func template(name string) object {
	return object{"metadata": object{"labels": object{"app": name}}, "spec": containers()}
}

func selecting(name string) object {
	return object{"selector": object{"matchLabels": object{"app": name}}, "template": template(name)}
}

// under puts one object over another: what it has counts, and null takes away.
func under(below, above object) object {
	made := maps.Clone(below)
	for key, value := range above {
		inner, is := value.(object)
		lower, both := made[key].(object)
		switch {
		case value == nil:
			delete(made, key)
		case is && both:
			made[key] = under(lower, inner)
		case is:
			made[key] = under(object{}, inner)
		default:
			made[key] = value
		}
	}
	return made
}

// differs says where an object is not as a part of it should be; empty when it is. Null is what is not there.
func differs(part, live any, where string) string {
	wanted, is := part.(object)
	if !is {
		if part == nil && live == nil || part != nil && reflect.DeepEqual(part, live) {
			return ""
		}
		return fmt.Sprintf("%s is %v, want %v", where, live, part)
	}
	inner, _ := live.(object)
	for key, value := range wanted {
		if difference := differs(value, inner[key], where+"."+key); difference != "" {
			return difference
		}
	}
	return ""
}
