// Command rbacaudit looks at the operator's rights.
//
//	rbacaudit check FILE...
//	rbacaudit unused -log audit.log [-user NAME] [-except FILE] FILE...
//
// check refuses rights that no operator of ours may have. unused compares what the roles in the files grant with what an
// API server's audit log shows that the user did, and names each verb that was granted and not used. FILEs are YAML
// manifests; only their Roles and ClusterRoles count.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

const operator = "system:serviceaccount:rempart-system:rempart-operator"

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "rbacaudit:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("say check or unused")
	}
	switch args[0] {
	case "check":
		rights, err := readRights(args[1:])
		if err != nil {
			return err
		}
		return report(out, forbidden(rights), "rights that an operator must not have")
	case "unused":
		flags := flag.NewFlagSet("unused", flag.ContinueOnError)
		log := flags.String("log", "", "audit log of an API server, one JSON event per line (required)")
		user := flags.String("user", operator, "user whose rights are compared")
		except := flags.String("except", "", "file of rights that such a run does not use: GROUP/RESOURCE VERB REASON per line")
		if err := flags.Parse(args[1:]); err != nil {
			return fmt.Errorf("reading flags: %w", err)
		}
		rights, err := readRights(flags.Args())
		if err != nil {
			return err
		}
		uses, err := readUses(*log, *user)
		if err != nil {
			return err
		}
		excused, err := readExceptions(*except)
		if err != nil {
			return err
		}
		return report(out, unused(rights, uses, excused), "rights that were not used")
	default:
		return fmt.Errorf("unknown command %q; say check or unused", args[0])
	}
}

func report(out io.Writer, found []string, what string) error {
	if len(found) == 0 {
		return nil
	}
	fmt.Fprintln(out, strings.Join(found, "\n"))
	return fmt.Errorf("%d %s", len(found), what)
}
