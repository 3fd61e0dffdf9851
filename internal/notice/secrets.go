package notice

import (
	"slices"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/telemetry"
)

// Keys of a channel's Secrets.
const (
	keyUsername = "username"
	keyPassword = "password"
	keySigning  = "secret"
	keyPrevious = "previous"
	keyRoots    = "ca.crt"
)

// A Need is a Secret of the operator's namespace that a channel names, and the keys that it must have.
type Need struct {
	Secret v1alpha1.ObjectName
	Keys   []string
}

// Needs lists what a channel needs, in the order of its fields.
func Needs(spec *v1alpha1.NotificationChannelSpec) []Need {
	var needs []Need
	add := func(ref *v1alpha1.SecretRef, keys ...string) {
		if ref != nil {
			needs = append(needs, Need{ref.Name, keys})
		}
	}
	if smtp := spec.SMTP; smtp != nil {
		add(smtp.CredentialsSecretRef, keyUsername, keyPassword)
		add(smtp.CASecretRef, keyRoots)
	}
	if webhook := spec.Webhook; webhook != nil {
		add(webhook.SigningSecretRef, keySigning)
		add(webhook.CASecretRef, keyRoots)
	}
	return needs
}

// A Lack is what is missing from a channel's Secrets. Without a Key the Secret itself is.
type Lack struct {
	Secret v1alpha1.ObjectName
	Key    string
}

// Gather takes a channel's secrets from the content of its Secrets, by name; a Secret that does not exist is not in it.
// A Lack is not nil when something is missing.
func Gather(spec *v1alpha1.NotificationChannelSpec, content map[v1alpha1.ObjectName]map[string][]byte) (Secrets, *Lack) {
	var s Secrets
	for _, need := range Needs(spec) {
		data, ok := content[need.Secret]
		if !ok {
			return Secrets{}, &Lack{Secret: need.Secret}
		}
		if i := slices.IndexFunc(need.Keys, func(key string) bool { return len(data[key]) == 0 }); i >= 0 {
			return Secrets{}, &Lack{Secret: need.Secret, Key: need.Keys[i]}
		}
		for _, key := range need.Keys {
			switch value := telemetry.Hide(string(data[key])); key {
			case keyUsername:
				s.Username = value
			case keyPassword:
				s.Password = value
			case keyRoots:
				s.Roots = data[key]
			case keySigning:
				s.Signing = append(s.Signing, value)
				if previous := data[keyPrevious]; len(previous) > 0 {
					s.Signing = append(s.Signing, telemetry.Hide(string(previous)))
				}
			}
		}
	}
	return s, nil
}
