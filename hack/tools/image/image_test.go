package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func TestTwoBuildsOfOneProgramGiveTheSameBytes(t *testing.T) {
	build := func(stamp time.Time) []byte {
		dir := t.TempDir()
		binary := filepath.Join(dir, "program")
		put(t, binary, "the same program", stamp)
		return written(t, Image{Name: "docker.io/rempart/program:dev", Binary: binary, User: "65532"})
	}
	if !bytes.Equal(build(time.Unix(1, 0)), build(time.Unix(2, 0))) {
		t.Error("the tarballs differ, though only the time of the file did")
	}
}

func TestTwoBuildsOfOneTreeGiveTheSameBytes(t *testing.T) {
	build := func(stamp time.Time, names ...string) []byte {
		root := t.TempDir()
		for _, name := range names {
			put(t, filepath.Join(root, name), name, stamp)
		}
		if err := os.Symlink("a", filepath.Join(root, "link")); err != nil {
			t.Fatal(err)
		}
		return written(t, Image{Name: "docker.io/rempart/tree:dev", Root: root, User: "999", Entrypoint: []string{"/a"}})
	}
	if !bytes.Equal(build(time.Unix(1, 0), "a", "b/c"), build(time.Unix(2, 0), "b/c", "a")) {
		t.Error("the tarballs differ, though only times and the order of writing did")
	}
}

func TestAProgramsImageRunsItAsANonRootUser(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "operator")
	put(t, binary, "binary", time.Now())
	out := filepath.Join(t.TempDir(), "image.tar")
	if _, err := (Image{Name: "docker.io/rempart/operator:dev", Binary: binary, User: "65532"}).Write(out); err != nil {
		t.Fatal(err)
	}
	image, err := tarball.ImageFromPath(out, nil)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if got := config.Config.User; got != "65532" {
		t.Errorf("user is %q", got)
	}
	if got := config.Config.Entrypoint; len(got) != 1 || got[0] != "/operator" {
		t.Errorf("entrypoint is %q", got)
	}
	files := mutate.Extract(image)
	defer files.Close()
	content, err := io.ReadAll(files)
	if err != nil || !bytes.Contains(content, []byte("binary")) {
		t.Errorf("the program is not in the image (%v)", err)
	}
}

func TestAFailedBuildLeavesNoTarball(t *testing.T) {
	out := filepath.Join(t.TempDir(), "image.tar")
	if _, err := (Image{Name: "docker.io/rempart/none:dev", Binary: "/does/not/exist"}).Write(out); err == nil {
		t.Fatal("a missing program was accepted")
	}
	left, err := filepath.Glob(out + "*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q (%v)", left, err)
	}
}

func put(t *testing.T, path, content string, stamp time.Time) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, stamp, stamp); err != nil {
		t.Fatal(err)
	}
}

func written(t *testing.T, image Image) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "image.tar")
	if _, err := image.Write(out); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
