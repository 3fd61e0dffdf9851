package kubectlgdpr

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/evidence"
)

// largestFile bounds what is read of one file: a log of a million leaves has 130 MB.
const largestFile = 256 << 20

// verification is what is to be verified, and against what.
type verification struct {
	file, key, log string
	// seen are checkpoints that were kept elsewhere.
	seen []string
}

// verified is the answer of verify. It is only given when everything that was asked for holds.
type verified struct {
	Digest string `json:"digest"`
	Key    string `json:"key"`
	// ReplacedBy is the newest key, where another one signs by now.
	ReplacedBy string `json:"replacedBy,omitempty"`
	// Log is absent when neither a log nor a proof was named.
	Log *place `json:"log,omitempty"`
	// Statement is an evidence.Statement, or an evidence.ReplayStatement.
	Statement any `json:"statement"`
}

// place is where a certificate stands in the log.
type place struct {
	Index int64 `json:"index"`
	Size  int64 `json:"size"`
	// Seen is how many checkpoints that were kept elsewhere the log continues.
	Seen int `json:"seen"`
}

func verifyCommand(w World) *cobra.Command {
	var v verification
	var form format
	command := &cobra.Command{
		Use: "verify FILE|-", Short: "Check the certificate of an ended request, or a consent, with public keys alone, without a cluster",
		Example: "  kubectl gdpr verify certificate.json --key key.pub\n" +
			"  kubectl gdpr verify - --key key.pub --log evidence/ --seen checkpoint-of-may < certificate.json",
		Args: oneFile,
		RunE: func(_ *cobra.Command, args []string) error {
			v.file = args[0]
			answer, err := v.run(w)
			if err != nil {
				return err
			}
			if form == asJSON {
				return writeJSON(w.Out, answer)
			}
			return writeTable(w.Out, answer.rows())
		},
	}
	flags := command.Flags()
	flags.StringVar(&v.key, "key", "", "file with the public key, or several in the order in which they signed, from the organisation and on another way than the certificate")
	flags.StringVar(&v.log, "log", "", "folder of an exported log, or file with the proof of the certificate")
	flags.StringArrayVar(&v.seen, "seen", nil, "file with a checkpoint that was kept elsewhere, which the log must continue; may be repeated, needs --log")
	outputFlag(command, &form, asJSON)
	command.AddCommand(verifyReceiptCommand(w), verifyBundleCommand(w))
	return command
}

func (v verification) run(w World) (verified, error) {
	if v.key == "" {
		return verified{}, errors.New("no key to check with; name the file of the public key by --key")
	}
	if len(v.seen) > 0 && v.log == "" {
		return verified{}, errors.New("--seen compares logs; name the log by --log")
	}
	text, err := readFile(v.key)
	if err != nil {
		return verified{}, err
	}
	keys, err := evidence.ParseKeys(string(text))
	if err != nil {
		return verified{}, fmt.Errorf("%s: %w", v.key, err)
	}
	file, err := fileOrInput(w, v.file)
	if err != nil {
		return verified{}, err
	}
	log, keys, err := v.wholeLog(keys)
	if err != nil {
		return verified{}, err
	}
	certificate, err := evidence.Open(file, keys)
	if err != nil {
		return verified{}, fmt.Errorf("the certificate does not hold: %w", err)
	}
	answer := verified{Digest: certificate.Digest, Key: certificate.Key.ID(), Statement: certificate.Statement}
	if newest := keys.Last(); newest.String() != certificate.Key.String() {
		answer.ReplacedBy = newest.ID()
	}
	if certificate.Replay != nil {
		answer.Statement = *certificate.Replay
	}
	answer.Log, err = v.inLog(log, certificate, keys)
	return answer, err
}

// wholeLog reads the log, where its folder was named, and returns the keys to which the named ones lead in it: each rotation is
// signed by the key before it and the one behind it. Without the folder the named ones count alone, and log is nil.
func (v verification) wholeLog(keys evidence.Keys) (*evidence.Log, evidence.Keys, error) {
	if v.log == "" {
		return nil, keys, nil
	}
	info, err := os.Stat(v.log)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the log: %w", err)
	}
	if !info.IsDir() {
		return nil, keys, nil
	}
	log, err := readLog(v.log, keys)
	if err != nil {
		return nil, nil, fmt.Errorf("%s does not hold: %w", v.log, err)
	}
	return log, log.Keys, nil
}

// fileOrInput reads a file, or standard input for a hyphen.
func fileOrInput(w World, name string) ([]byte, error) {
	if name == "-" {
		return readAll("standard input", w.In)
	}
	return readFile(name)
}

// inLog looks for the certificate in the log, or checks its proof.
func (v verification) inLog(log *evidence.Log, certificate evidence.Certificate, keys evidence.Keys) (*place, error) {
	if v.log == "" {
		return nil, nil
	}
	var found finding
	var err error
	if log != nil {
		found = finding{size: log.Head.Size, continues: log.Extends}
		found.index, err = log.Find(certificate.Leaf())
	} else {
		found, err = inProof(v.log, certificate.Leaf(), keys)
	}
	if err != nil {
		return nil, fmt.Errorf("%s does not hold: %w", v.log, err)
	}
	for _, name := range v.seen {
		text, err := readFile(name)
		if err != nil {
			return nil, err
		}
		seen, err := evidence.ReadCheckpoint(text, keys)
		if err != nil {
			return nil, fmt.Errorf("%s does not hold: %w", name, err)
		}
		if err := found.continues(seen); err != nil {
			return nil, fmt.Errorf("%s against %s: %w", v.log, name, err)
		}
	}
	return &place{found.index, found.size, len(v.seen)}, nil
}

// finding is where a leaf is, in how long a log, and what compares that log with an earlier one.
type finding struct {
	index, size int64
	continues   func(seen evidence.Checkpoint) error
}

func inProof(name string, leaf evidence.Leaf, keys evidence.Keys) (finding, error) {
	text, err := readFile(name)
	if err != nil {
		return finding{}, err
	}
	proof, err := evidence.ReadProof(string(text), leaf, keys)
	return finding{proof.Index, proof.Checkpoint.Size, proof.Checkpoint.Extends}, err
}

// readLog reads an exported log.
func readLog(folder string, keys evidence.Keys) (*evidence.Log, error) {
	leaves, err := readFile(filepath.Join(folder, evidence.LeavesFile))
	if err != nil {
		return nil, err
	}
	checkpoint, err := readFile(filepath.Join(folder, evidence.CheckpointFile))
	if err != nil {
		return nil, err
	}
	return evidence.ReadLog(leaves, checkpoint, keys)
}

func readFile(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading a file: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	return readAll(name, file)
}

func readAll(name string, from io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, largestFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(text) > largestFile {
		return nil, fmt.Errorf("reading %s: it is larger than evidence can be", name)
	}
	return text, nil
}

func (v verified) rows() [][]string {
	good := "good: signed by " + v.Key + " and unchanged"
	if v.ReplacedBy != "" {
		good += "; that key was replaced since, by " + v.ReplacedBy
		if v.Log == nil {
			good += ", so name the log by --log: only that shows that it was signed before"
		}
	}
	rows := [][]string{{"Certificate", good}, {"Digest", v.Digest}}
	switch s := v.Statement.(type) {
	case evidence.Statement:
		rows = append(rows, requestRows(s.Predicate)...)
	case evidence.ReplayStatement:
		rows = append(rows, replayRows(s.Predicate)...)
	}
	rows = append(rows, []string{"Log", v.Log.words()})
	for _, row := range rows {
		row[1] = printable(row[1])
	}
	return rows
}

// replayRows tell of a run that erased again who came back with a backup.
func replayRows(r evidence.Replay) [][]string {
	rows := [][]string{{"Run", r.RunUID},
		{"Restore", fmt.Sprintf("%s/%s %s, seen at %s", r.Register, r.Store, r.Restore, r.RestoreSeenTime)},
		{"Forgotten", fmt.Sprintf("erasures that were committed from %s to %s", r.FromTime, r.ToTime)},
		{"Again", fmt.Sprintf("%d requests: %d rows deleted, %d masked, %d detached, %d kept", len(r.Requests), r.RowsDeleted, r.RowsMasked, r.RowsDetached, r.RowsKept)}}
	end := "ended at " + r.EndedTime
	if r.Reason != "" {
		end += ", " + r.Reason
	}
	if r.VerifiedTime != "" {
		end += "; verified at " + r.VerifiedTime
	}
	rows = append(rows, []string{"End", end})
	for _, q := range r.Requests {
		rows = append(rows, []string{"Request", strings.TrimSpace(q.RequestUID + " " + q.Result + " " + q.Reason)})
	}
	return rows
}

// requestRows tell how a request ended.
func requestRows(p evidence.Predicate) [][]string {
	end := p.End + " at " + p.EndedTime
	if p.Refusal != "" {
		end += ", " + p.Refusal
	}
	if p.RefusalToldTime != "" {
		end += ", told at " + p.RefusalToldTime
	}
	rows := [][]string{{"Request", p.RequestUID}, {"Person", p.SubjectRef}, {"End", end}}
	if len(p.Purposes) > 0 {
		rows = append(rows, []string{"Purposes", strings.Join(p.Purposes, ", ") + ": the request was about these alone"})
	}
	if len(p.Registers) > 0 {
		rows = append(rows, []string{"Registers", strings.Join(p.Registers, ", ") + ": the request was about these alone"})
	}
	if p.ApprovedBy != "" {
		rows = append(rows, []string{"Approved", "by " + p.ApprovedBy + " at " + p.ApprovedTime})
	}
	for _, s := range p.Stores {
		rows = append(rows, storeRows(s)...)
	}
	for _, r := range p.Recipients {
		rows = append(rows, []string{"Recipient", r.Register + "/" + r.Name + ": " + r.Result})
	}
	if p.BackupsClearTime != "" {
		rows = append(rows, []string{"Backups", "clear at " + p.BackupsClearTime})
	}
	for _, unclear := range p.BackupsUnclear {
		rows = append(rows, []string{"Backups", "no day is known of " + unclear})
	}
	return rows
}

// storeRows tell what happened in one store.
func storeRows(s evidence.Store) [][]string {
	name := s.Register + "/" + s.Store
	if s.Kind != "" {
		name = s.Register + "/" + s.Kind + ":" + s.Store
	}
	text := fmt.Sprintf("%s %s: %d rows deleted, %d masked, %d detached, %d kept", name, s.Result, s.RowsDeleted, s.RowsMasked, s.RowsDetached, s.RowsKept)
	if s.Reason == v1alpha1.ReasonCountsMissing {
		text = fmt.Sprintf("%s %s: the rows were not counted", name, s.Result)
	}
	if s.Reason != "" {
		text += "; " + s.Reason
	}
	if s.TablesOmitted > 0 {
		text += fmt.Sprintf("; %d tables are not listed", s.TablesOmitted)
	}
	if s.VerifiedTime != "" {
		text += "; verified at " + s.VerifiedTime
	}
	rows := [][]string{{"Store", text}}
	if s.Message != "" {
		rows = append(rows, []string{"Note", name + ": " + s.Message})
	}
	for _, k := range s.Kept {
		rows = append(rows, []string{"Kept", strings.TrimSuffix(fmt.Sprintf("%s %s: %d rows by Article %s, until %s", name, k.Table, k.Rows, k.Article, k.UntilOn), ", until ")})
	}
	if s.KeptOmitted > 0 {
		rows = append(rows, []string{"Kept", fmt.Sprintf("%s: in %d more tables or by more laws, which are not listed", name, s.KeptOmitted)})
	}
	return rows
}

func (p *place) words() string {
	if p == nil {
		return "not checked; name the log or the certificate's proof by --log"
	}
	words := fmt.Sprintf("leaf %d of %d", p.Index, p.Size)
	if p.Seen > 0 {
		words += fmt.Sprintf("; the log continues %d checkpoint(s) that were kept elsewhere", p.Seen)
	}
	return words
}

// printable keeps signed text from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}
