// Command operator reconciles the kinds of Rempart and answers admission requests about them.
package main

import (
	"os"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/rempart-dev/rempart/internal/app/operator"
)

func main() {
	os.Exit(operator.Main(ctrl.SetupSignalHandler(), os.Args))
}
