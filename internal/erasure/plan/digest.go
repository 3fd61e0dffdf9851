package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/rempart-dev/rempart/api/v1alpha1"
)

// digest hashes what was declared, the facts of the declared tables, and what is to be done. Rows, indexes and tables
// that no reference connects change nothing in it; whatever changes the effect of a run does.
func digest(declared []v1alpha1.DatasetTable, p *Plan) string {
	text, err := json.Marshal(struct {
		Version  int
		Declared []v1alpha1.DatasetTable
		Members  []Member
		Links    []Link
		Collect  [][]int
		Delete   [][]int
		Last     []int
	}{3, declared, p.Members, p.Links, p.Collect, p.Delete, p.Last})
	if err != nil {
		panic("plan: a value of plain fields does not encode: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}
