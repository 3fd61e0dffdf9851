package postgres_test

import (
	"os"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

const demo = "../../../config/samples/demo/"

// demoStore is the demo company of the samples, all rows included.
func demoStore(t *testing.T) *store {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile(demo + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var register v1alpha1.DataRegister
	if err := yaml.Unmarshal([]byte(read("register.yaml")), &register); err != nil {
		t.Fatal(err)
	}
	dataset, err := yaml.Marshal(register.Spec.Stores[0].Dataset)
	if err != nil {
		t.Fatal(err)
	}
	return newStore(t, read("schema.sql")+read("generate.sql"), string(dataset))
}

func TestDemoCustomerIsErasedAndVerified(t *testing.T) {
	s := demoStore(t)
	if o := s.scan(); !o.OK {
		t.Fatalf("scan: %+v", o)
	} else {
		t.Logf("scan: %s %s %v", o.Reason, o.Message, o.Names)
	}
	who := s.one("SELECT email FROM customers WHERE id = 1019")
	o := s.erase("run-1", email(who))
	if !o.OK {
		t.Fatalf("%+v", o)
	}
	t.Logf("\n%s", counts(o))
	if o := s.verify(email(who)); !o.OK {
		t.Errorf("%+v", o)
	} else {
		t.Logf("\n%s", counts(o))
	}
}
