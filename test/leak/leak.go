// Package leak finds a person's identifier wherever it leaked to: as it is and in the spellings in which a program would pass
// it on without knowing that it does.
package leak

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // a leaked hash is no less a leak for being weak
	"crypto/sha1" //nolint:gosec // the same
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Finder finds one identifier.
type Finder struct {
	folded map[string][]byte // in lower case: compared with a text in lower case
	exact  map[string][]byte // base64, in which case is content
}

// New returns the Finder of an identifier. It finds it in any case, URL-encoded, as hex, hashed by SHA-256, SHA-1 and MD5 in hex,
// and in base64 with either alphabet, wherever in the encoded text it begins. The hashes and base64 are those of the identifier as
// it is, in lower and in upper case.
func New(identifier string) Finder {
	f := Finder{folded: map[string][]byte{}, exact: map[string][]byte{}}
	fold := func(name, text string) { f.folded[name] = []byte(strings.ToLower(text)) }
	fold("plain", identifier)
	fold("URL query", url.QueryEscape(identifier))
	fold("URL path", url.PathEscape(identifier))
	fold("URL, every sign", everySign(identifier))
	for form, text := range map[string]string{"": identifier, ", lower case": strings.ToLower(identifier), ", upper case": strings.ToUpper(identifier)} {
		content := []byte(text)
		long, middle, short := sha256.Sum256(content), sha1.Sum(content), md5.Sum(content) //nolint:gosec // as above
		fold("hex"+form, hex.EncodeToString(content))
		fold("SHA-256"+form, hex.EncodeToString(long[:]))
		fold("SHA-1"+form, hex.EncodeToString(middle[:]))
		fold("MD5"+form, hex.EncodeToString(short[:]))
		for offset := range 3 {
			f.exact[fmt.Sprintf("base64 at offset %d%s", offset, form)] = inside(base64.RawStdEncoding, content, offset)
			f.exact[fmt.Sprintf("base64 for URLs at offset %d%s", offset, form)] = inside(base64.RawURLEncoding, content, offset)
		}
	}
	return f
}

// everySign is the identifier with all but letters and digits as %XX, as encodeURIComponent of careful programs does.
func everySign(identifier string) string {
	var out strings.Builder
	for _, b := range []byte(identifier) {
		if letter := b|0x20 >= 'a' && b|0x20 <= 'z'; letter || b >= '0' && b <= '9' {
			out.WriteByte(b)
		} else {
			fmt.Fprintf(&out, "%%%02x", b)
		}
	}
	return out.String()
}

// inside is what base64 makes of the content when as many bytes stand before it, without the signs that depend on what stands
// before and after.
func inside(encoding *base64.Encoding, content []byte, offset int) []byte {
	text := encoding.EncodeToString(append(make([]byte, offset), content...))
	from := (offset*8 + 5) / 6
	to := (offset + len(content)) * 8 / 6
	return []byte(text[from:to])
}

// Spellings are the names of all spellings, sorted.
func (f Finder) Spellings() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for name := range f.all() {
			if !yield(name) {
				return
			}
		}
	})
}

func (f Finder) all() map[string][]byte {
	all := maps.Clone(f.folded)
	maps.Copy(all, f.exact)
	return all
}

// In names the spellings in which a text holds the identifier, sorted.
func (f Finder) In(text []byte) []string {
	var found []string
	lower := bytes.ToLower(text)
	for name, needle := range f.folded {
		if bytes.Contains(lower, needle) {
			found = append(found, name)
		}
	}
	for name, needle := range f.exact {
		if bytes.Contains(text, needle) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

// Files reads every file below the roots once and names those that hold an identifier, which is not repeated. Roots that do not
// exist hold nothing. seen is the number of files that were read: none is no proof.
func Files(finders []Finder, roots ...string) (hits []string, seen int, err error) {
	for _, root := range roots {
		err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return nil //nolint:nilerr // a file that goes while we look holds nothing any more
			}
			content, err := os.ReadFile(path)
			if os.IsNotExist(err) {
				return nil
			}
			if err != nil {
				return err
			}
			seen++
			for _, finder := range finders {
				if found := finder.In(content); len(found) > 0 {
					hits = append(hits, fmt.Sprintf("%s (%s)", path, strings.Join(found, "; ")))
				}
			}
			return nil
		})
		if err != nil {
			return hits, seen, err
		}
	}
	return hits, seen, nil
}
