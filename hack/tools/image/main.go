// Command image builds container images as tarballs, without a registry, a daemon or a base image.
// The same input gives the same bytes: times are fixed, files are sorted, owners are numbers.
//
//	image -name docker.io/rempart/operator:dev -binary bin/operator -out operator.tar
//	image -name docker.io/rempart/postgres:15 -root rootfs -user 999 -env PGDATA=… -entrypoint /entrypoint.sh -out postgres.tar
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	image, out := Image{}, ""
	flag.StringVar(&image.Name, "name", "", "name and tag of the image")
	flag.StringVar(&image.Binary, "binary", "", "static program that becomes the only file of the image and its entrypoint")
	flag.StringVar(&image.Root, "root", "", "directory that becomes the file system of the image")
	flag.StringVar(&image.User, "user", "65532", "user that runs the entrypoint, as a number")
	flag.Var((*list)(&image.Env), "env", "NAME=value of the image's environment; can be repeated")
	flag.Var((*list)(&image.Entrypoint), "entrypoint", "word of the entrypoint, with -root; can be repeated")
	flag.Var((*list)(&image.Cmd), "cmd", "word of the default arguments; can be repeated")
	flag.Var((*list)(&image.Ports), "port", "port that the image listens on, such as 5432/tcp; can be repeated")
	flag.StringVar(&out, "out", "", "tarball to write")
	flag.Parse()
	if image.Name == "" || out == "" || (image.Binary == "") == (image.Root == "") {
		fmt.Fprintln(os.Stderr, "image: give -name, -out and either -binary or -root")
		os.Exit(2)
	}
	digest, err := image.Write(out)
	if err != nil {
		fmt.Fprintf(os.Stderr, "image: %v\n", err)
		os.Exit(1)
	}
	fmt.Println(digest)
}

// list is a flag that can be given several times.
type list []string

func (l *list) String() string { return strings.Join(*l, " ") }

func (l *list) Set(word string) error {
	*l = append(*l, word)
	return nil
}
