package erasure_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/erasure"
	"github.com/rempart-dev/rempart/internal/erasure/subject"
	"github.com/rempart-dev/rempart/internal/subjectkey"
)

// Whoever was accepted before such identifiers were refused is erased as they were given.
func TestWhoWasAcceptedIsReadAsGiven(t *testing.T) {
	ring, err := subjectkey.Parse(map[string][]byte{"active": []byte("k1"), "k1": make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"phone": []byte("+33 6 12 34 56 78 ext. 4")}}
	if got := erasure.See(secret, ring, "", nil).Problem; got != v1alpha1.ReasonPhoneMalformed {
		t.Errorf("a new request: %q", got)
	}
	who, err := subject.Read(secret.Data)
	if err != nil {
		t.Fatal(err)
	}
	if got := erasure.See(secret, ring, ring.Reference(who), nil).Problem; got != "" {
		t.Errorf("an accepted request: %q", got)
	}
}

// A Secret with a key that is no identifier is somebody else's, whatever is wrong with those that are.
func TestOnlyASubjectSecretIsDeletable(t *testing.T) {
	for name, test := range map[string]struct {
		data map[string]string
		want bool
	}{
		"a person":                               {map[string]string{"email": "ada@example.org"}, true},
		"empty":                                  {map[string]string{"email": ""}, true},
		"an address that is none":                {map[string]string{"email": "Ada <ada@example.org>"}, true},
		"credentials":                            {map[string]string{"password": "x"}, false},
		"credentials beside an empty address":    {map[string]string{"email": "", "password": "x"}, false},
		"credentials beside what is no address":  {map[string]string{"email": "smtp", "password": "x"}, false},
		"credentials before a number that is no": {map[string]string{"key": "x", "phone": "x"}, false},
	} {
		secret := &corev1.Secret{Type: corev1.SecretTypeOpaque, Data: map[string][]byte{}}
		for key, value := range test.data {
			secret.Data[key] = []byte(value)
		}
		if got := erasure.Deletable(secret); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
