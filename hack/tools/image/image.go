package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// epoch stands for every time in an image, so that the clock of the build does not show in its bytes.
var epoch = time.Unix(0, 0).UTC()

// Image says what an image holds and how it runs.
type Image struct {
	Name       string
	Binary     string // one static program, or
	Root       string // a whole file system
	User       string
	Env        []string
	Entrypoint []string
	Cmd        []string
	Ports      []string
}

// Write builds the image, writes it to out as a tarball that `ctr images import` and `docker load` read,
// and returns the digest of its manifest. Out appears only once it is whole.
func (i Image) Write(out string) (string, error) {
	tag, err := name.NewTag(i.Name, name.StrictValidation)
	if err != nil {
		return "", fmt.Errorf("reading the name %q: %w", i.Name, err)
	}
	image, err := i.build()
	if err != nil {
		return "", fmt.Errorf("building %s: %w", i.Name, err)
	}
	part := out + ".part"
	if err := tarball.WriteToFile(part, tag, image); err != nil {
		return "", errors.Join(fmt.Errorf("writing %s: %w", out, err), os.Remove(part))
	}
	if err := os.Rename(part, out); err != nil {
		return "", err
	}
	digest, err := image.Digest()
	return digest.String(), err
}

func (i Image) build() (v1.Image, error) {
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return i.files(), nil })
	if err != nil {
		return nil, fmt.Errorf("making the layer: %w", err)
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(image, i.describe(image))
}

func (i Image) describe(image v1.Image) *v1.ConfigFile {
	file, err := image.ConfigFile()
	if err != nil {
		file = &v1.ConfigFile{}
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Created = v1.Time{Time: epoch}
	file.Config = v1.Config{User: i.User, Env: i.Env, Entrypoint: i.Entrypoint, Cmd: i.Cmd}
	if i.Binary != "" {
		file.Config.Entrypoint = []string{"/" + filepath.Base(i.Binary)}
	}
	for _, port := range i.Ports {
		if file.Config.ExposedPorts == nil {
			file.Config.ExposedPorts = map[string]struct{}{}
		}
		file.Config.ExposedPorts[port] = struct{}{}
	}
	return file
}

// files streams the layer. A stream, since a file system of a database does not belong in memory.
func (i Image) files() io.ReadCloser {
	reader, writer := io.Pipe()
	go func() {
		archive := tar.NewWriter(writer)
		err := i.addFiles(archive)
		if err == nil {
			err = archive.Close()
		}
		writer.CloseWithError(err)
	}()
	return reader
}

func (i Image) addFiles(archive *tar.Writer) error {
	if i.Root != "" {
		return addTree(archive, i.Root)
	}
	program, err := os.ReadFile(i.Binary)
	if err != nil {
		return err
	}
	header := &tar.Header{
		Name: filepath.Base(i.Binary), Mode: 0o555, Size: int64(len(program)), ModTime: epoch, Format: tar.FormatPAX,
	}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(archive, bytes.NewReader(program))
	return err
}

// addTree adds a directory in lexical order. Device nodes and sockets are left out: the runtime makes its own.
func addTree(archive *tar.Writer, root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if kind := info.Mode().Type(); kind != 0 && kind != fs.ModeDir && kind != fs.ModeSymlink {
			return nil
		}
		header, err := headerOf(root, path, info)
		if err != nil {
			return err
		}
		if err := archive.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
			return err
		}
		return copyFile(archive, path)
	})
}

// headerOf keeps what the file system of the image needs and drops what only this machine knows.
func headerOf(root, path string, info fs.FileInfo) (*tar.Header, error) {
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		var err error
		if target, err = os.Readlink(path); err != nil {
			return nil, err
		}
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return nil, err
	}
	relative, err := filepath.Rel(root, path)
	if err != nil {
		return nil, err
	}
	header.Name = relative
	if info.IsDir() {
		header.Name += "/"
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		header.Uid, header.Gid = int(owner.Uid), int(owner.Gid)
	}
	header.Uname, header.Gname = "", ""
	header.ModTime, header.AccessTime, header.ChangeTime = epoch, time.Time{}, time.Time{}
	header.Format = tar.FormatPAX
	return header, nil
}

func copyFile(archive io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(archive, file)
	return errors.Join(err, file.Close())
}
