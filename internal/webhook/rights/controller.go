package rights

import (
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
)

// IsController tells whether a user is a controller of Kubernetes itself: what it names as the owner of an object is true. A
// controller manager without service accounts of its own acts as one user.
func IsController(user authenticationv1.UserInfo) bool {
	return user.Username == "system:kube-controller-manager" || strings.HasPrefix(user.Username, "system:serviceaccount:kube-system:")
}
