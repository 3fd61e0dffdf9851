// Package bundle checks offline all that proves one act: the receipt, the events that it promises, the words that were shown, and
// that the events are in the log that the service signed. It needs the service's public keys and nothing else.
package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/canonical"
	"github.com/rempart-dev/rempart/internal/consent/event"
	"github.com/rempart-dev/rempart/internal/consent/jws"
	"github.com/rempart-dev/rempart/internal/consent/proof"
	"github.com/rempart-dev/rempart/internal/consent/receipt"
)

// What is wrong. None quotes what was read. Of receipts and logs the errors of packages jws and proof say what is.
var (
	// ErrForm: a file is not written as Rempart writes it.
	ErrForm = errors.New("not in the form in which Rempart writes it")
	// ErrEvents: the events are not those of the receipt: one was changed, left out or added.
	ErrEvents = errors.New("the events are not those that the receipt names")
	// ErrNotice: the words are not those that the receipt names.
	ErrNotice = errors.New("the words are not those that the receipt names")
	// ErrUnproven: an event of the receipt has no proof, or a proof is of another event.
	ErrUnproven = errors.New("an event of the receipt has no proof that it is in the log")
	// ErrLog: the checkpoint is of the log of another tenant, or of none.
	ErrLog = errors.New("the checkpoint is of another log")
)

// MaxBundles is how many bundles OpenAll reads.
const MaxBundles = 10_000

// MaxSize is the most bytes of a bundle, of words or of a proof.
const MaxSize = 4 << 20

// Bundle is one file.
type Bundle struct {
	// Receipt is the signed text.
	Receipt string `json:"receipt"`
	// Events are those of the act, as the log hashes them.
	Events []json.RawMessage `json:"events"`
	// Notice are the words that were shown.
	Notice json.RawMessage `json:"notice"`
	Proofs []Proof         `json:"proofs"`
}

// Proof shows that an event is in the log, as the service answers. Bytes are base64url.
type Proof struct {
	Event uuid.UUID `json:"event"`
	Index int64     `json:"index"`
	Leaf  string    `json:"leaf"`
	Path  []string  `json:"path"`
	// Checkpoint is the signed note.
	Checkpoint string `json:"checkpoint"`
}

// Place is where an event is in which log.
type Place struct {
	Event       uuid.UUID
	Log         string
	Index, Size int64
}

// Verified is what a bundle proves. It is only given when all of it holds.
type Verified struct {
	Claims receipt.Claims
	// Key is the one that signed the receipt.
	Key string
	// Places are those of the events, in their order.
	Places []Place
}

// Make writes the bundle of an act, one line: the events of its receipt, the canonical words (nil where the act names no notice),
// and a proof of each event.
func Make(signed string, events []consent.Event, words []byte, proofs map[uuid.UUID]consent.Inclusion) ([]byte, error) {
	b := Bundle{Receipt: signed, Notice: words}
	for i := range events {
		in, proven := proofs[events[i].ID]
		if !proven {
			return nil, ErrUnproven
		}
		b.Events = append(b.Events, event.Append(nil, &events[i]))
		b.Proofs = append(b.Proofs, ProofOf(events[i].ID, in))
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(b); err != nil {
		return nil, fmt.Errorf("writing a bundle: %w", err)
	}
	return out.Bytes(), nil
}

// ProofOf writes a proof as the service does.
func ProofOf(id uuid.UUID, in consent.Inclusion) Proof {
	p := Proof{Event: id, Index: in.Index, Leaf: encode(in.Leaf), Path: make([]string, 0, len(in.Path)), Checkpoint: string(in.Checkpoint.Note)}
	for _, hash := range in.Path {
		p.Path = append(p.Path, encode(hash))
	}
	return p
}

// OpenAll checks a file of bundles, one behind the other. It fails with the first that does not hold, and when there is none.
func OpenAll(text []byte, keys jws.Keys) ([]Verified, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var all []Verified
	for {
		var one json.RawMessage
		err := decoder.Decode(&one)
		switch {
		case errors.Is(err, io.EOF) && len(all) > 0:
			return all, nil
		case err != nil || len(all) == MaxBundles:
			return nil, fmt.Errorf("bundle %d: %w", len(all)+1, ErrForm)
		}
		good, err := Open(one, keys)
		if err != nil {
			return nil, fmt.Errorf("bundle %d: %w", len(all)+1, err)
		}
		all = append(all, good)
	}
}

// Open checks a bundle: the receipt's signature, that its events are those of the bundle and hash to the leaves that it promises,
// that the words hash to what it names, and that each event is in a log that the service signed, of the events' tenant.
func Open(text []byte, keys jws.Keys) (Verified, error) {
	var b Bundle
	if err := decode(text, &b); err != nil {
		return Verified{}, err
	}
	claims, key, err := receipt.Open(b.Receipt, keys)
	if err != nil {
		return Verified{}, err
	}
	tenant, err := checkEvents(claims, b.Events)
	if err != nil {
		return Verified{}, err
	}
	if err := CheckWords(claims, b.Notice); err != nil {
		return Verified{}, err
	}
	places, err := checkProofs(claims, b.Proofs, keys)
	if err != nil {
		return Verified{}, err
	}
	if slices.ContainsFunc(places, func(p Place) bool { return !strings.HasSuffix(p.Log, "/"+tenant.String()) }) {
		return Verified{}, ErrLog
	}
	return Verified{claims, key, places}, nil
}

// checkEvents makes the receipt again from the events: then each of its words is theirs.
func checkEvents(claims receipt.Claims, texts []json.RawMessage) (tenant uuid.UUID, err error) {
	events := make([]consent.Event, len(texts))
	for i, text := range texts {
		if events[i], err = read(text); err != nil {
			return uuid.Nil, err
		}
	}
	again, err := receipt.Of(receipt.Issuer{URL: claims.Issuer, Withdraw: claims.Withdraw}, events)
	if err != nil {
		return uuid.Nil, ErrEvents
	}
	made, one := json.Marshal(again)
	signed, two := json.Marshal(claims)
	if one != nil || two != nil || !bytes.Equal(made, signed) {
		return uuid.Nil, ErrEvents
	}
	return events[0].Tenant, nil
}

// CheckWords checks that the words of a notice are those that a receipt names: ErrForm, ErrNotice. Where it names none, null is right.
func CheckWords(claims receipt.Claims, words []byte) error {
	if claims.Notice.SHA256 == "" && string(words) == "null" {
		return nil
	}
	text, err := canonical.Again(words)
	if err != nil || len(words) > MaxSize {
		return ErrForm
	}
	sum := sha256.Sum256(text)
	if encode(sum[:]) != claims.Notice.SHA256 {
		return ErrNotice
	}
	return nil
}

// checkProofs checks that there is one good proof of each event.
func checkProofs(claims receipt.Claims, proofs []Proof, keys jws.Keys) ([]Place, error) {
	if len(proofs) != len(claims.Events) {
		return nil, ErrUnproven
	}
	places := make([]Place, 0, len(claims.Events))
	for _, e := range claims.Events {
		i := slices.IndexFunc(proofs, func(p Proof) bool { return p.Event == e.ID })
		if i < 0 {
			return nil, ErrUnproven
		}
		place, err := proofs[i].check(claims, keys)
		if err != nil {
			return nil, err
		}
		places = append(places, place)
	}
	return places, nil
}

// CheckProof reads the proof of an event of a receipt, and checks it.
func CheckProof(claims receipt.Claims, text []byte, keys jws.Keys) (Place, error) {
	var p Proof
	if err := decode(text, &p); err != nil {
		return Place{}, err
	}
	return p.check(claims, keys)
}

func (p Proof) check(claims receipt.Claims, keys jws.Keys) (Place, error) {
	i := slices.IndexFunc(claims.Events, func(e receipt.Event) bool { return e.ID == p.Event })
	if i < 0 {
		return Place{}, ErrUnproven
	}
	leaf, err := claims.Events[i].LeafHash()
	if err != nil {
		return Place{}, err
	}
	if p.Leaf != claims.Events[i].Leaf {
		return Place{}, proof.ErrAbsent
	}
	in := consent.Inclusion{Index: p.Index, Leaf: leaf}
	for _, text := range p.Path {
		hash, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil {
			return Place{}, ErrForm
		}
		in.Path = append(in.Path, hash)
	}
	origin, _, _ := strings.Cut(p.Checkpoint, "\n")
	verifiers, err := logKeys(origin, keys)
	if err != nil {
		return Place{}, err
	}
	if in.Checkpoint, err = proof.Read([]byte(p.Checkpoint), verifiers...); err != nil {
		return Place{}, fmt.Errorf("checking the checkpoint: %w", err)
	}
	if err := proof.Inclusion(in, leaf); err != nil {
		return Place{}, fmt.Errorf("checking the log: %w", err)
	}
	return Place{p.Event, origin, p.Index, in.Checkpoint.Size}, nil
}

// logKeys are the service's keys as those of a log of it: the same that sign receipts (C2SP signed-note). A log keeps the host that it
// began with while its service moves, so the origin's host is not the receipt's: key and leaf bind them, and the tenant where the events
// are known.
func logKeys(origin string, keys jws.Keys) ([]note.Verifier, error) {
	at := strings.LastIndexByte(origin, '/')
	if at < 1 || uuid.Validate(origin[at+1:]) != nil {
		return nil, ErrLog
	}
	public := keys.Public()
	texts := make([]string, 0, len(public))
	for _, key := range public {
		text, err := note.NewEd25519VerifierKey(origin, key)
		if err != nil {
			return nil, ErrLog
		}
		texts = append(texts, text)
	}
	verifiers, err := proof.Keys(origin, texts...)
	if err != nil {
		return nil, ErrLog
	}
	return verifiers, nil
}

// decode reads one JSON document with known fields only.
func decode(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if len(text) > MaxSize || !json.Valid(text) || decoder.Decode(into) != nil {
		return ErrForm
	}
	return nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
