package erasurerequest_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// TestAMessageThatWasWrittenDecides: the recipient's register is deleted, or no longer names their channel, while their message is
// under way. The request waits for it, and ends when it arrived.
func TestAMessageThatWasWrittenDecides(t *testing.T) {
	for name, change := range map[string]func(*shop, *v1alpha1.DataRegister){
		"the register is deleted": func(s *shop, register *v1alpha1.DataRegister) {
			s.must(s.client.Delete(t.Context(), register))
		},
		"the channel is taken off": func(s *shop, register *v1alpha1.DataRegister) {
			register.Spec.Activities[0].Recipients[0].ContactChannel = ""
			s.must(s.client.Update(t.Context(), register))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			s.undelivered = true
			executed(t, s)
			register := &v1alpha1.DataRegister{}
			s.must(s.client.Get(t.Context(), types.NamespacedName{Namespace: "shop", Name: "crm"}, register))
			change(s, register)
			s.settle()
			if got := s.ready("r1"); got != "False/Informing" {
				t.Fatalf("while the message is under way Ready is %s", got)
			}
			s.undelivered = false
			s.deliver()
			s.settle()
			if got := s.ready("r1"); got != "True/Erased" {
				t.Errorf("Ready is %s; %+v", got, s.get("r1").Status.Recipients)
			}
		})
	}
}
