package evidence

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// PayloadType is the media type of in-toto statements in DSSE envelopes.
const PayloadType = "application/vnd.in-toto+json"

// Certificate is one whose signature was checked.
type Certificate struct {
	// Statement of a request; the zero one where Replay is set.
	Statement Statement
	// Replay is the statement of a run that erased again; nil for a request.
	Replay *ReplayStatement
	// Digest is sha256:<hex> of the file.
	Digest string
	// Key that signed it.
	Key PublicKey
}

// Stated is a statement that can be signed: a Statement, or a ReplayStatement.
type Stated interface {
	encode() ([]byte, error)
}

// Issue signs a statement. The same statement and key always give the same bytes.
func Issue(s Stated, key Key) ([]byte, error) {
	payload, err := s.encode()
	if err != nil {
		return nil, err
	}
	signature, err := key.Sign(dsse.PAE(PayloadType, payload))
	if err != nil {
		return nil, fmt.Errorf("signing a certificate: %w", err)
	}
	return seal(payload, signature, key.Public())
}

// Open checks a certificate: ErrForm for any file that Issue does not write, ErrSignature when no key that is trusted signed it.
// So a change of any byte is found, also where the formats would allow it.
func Open(file []byte, trust Trust) (Certificate, error) {
	envelope := dsse.Envelope{}
	if err := json.Unmarshal(file, &envelope); err != nil || len(envelope.Signatures) != 1 || envelope.PayloadType != PayloadType {
		return Certificate{}, fmt.Errorf("reading the certificate: %w", ErrForm)
	}
	payload, wrongPayload := base64.StdEncoding.DecodeString(envelope.Payload)
	signature, wrongSignature := base64.StdEncoding.DecodeString(envelope.Signatures[0].Sig)
	if wrongPayload != nil || wrongSignature != nil {
		return Certificate{}, fmt.Errorf("reading the certificate: %w", ErrForm)
	}
	keys := trust.trusted()
	signer := slices.IndexFunc(keys, func(k PublicKey) bool { return ed25519.Verify(k.key, dsse.PAE(PayloadType, payload), signature) })
	if signer < 0 {
		return Certificate{}, fmt.Errorf("checking the certificate: %w", ErrSignature)
	}
	public := keys[signer]
	if again, err := seal(payload, signature, public); err != nil || !bytes.Equal(again, file) {
		return Certificate{}, fmt.Errorf("reading the certificate: %w", ErrForm)
	}
	certificate := Certificate{Digest: digestOf(file), Key: public}
	var what struct {
		PredicateType string `json:"predicateType"`
	}
	if err := json.Unmarshal(payload, &what); err == nil && what.PredicateType == ReplayPredicateType {
		certificate.Replay, err = decodeReplay(payload)
		return certificate, err
	}
	statement, err := decode(payload)
	certificate.Statement = statement
	return certificate, err
}

// Leaf is what the log holds of the certificate.
func (c Certificate) Leaf() Leaf {
	if c.Replay != nil {
		return Leaf{Kind: LeafReplay, UID: c.Replay.Predicate.RunUID, Digest: c.Digest}
	}
	return Leaf{Kind: LeafErasure, UID: c.Statement.Predicate.RequestUID, Digest: c.Digest}
}

// seal writes the envelope: JSON without spaces, fields in the order of the DSSE specification, one line.
func seal(payload, signature []byte, public PublicKey) ([]byte, error) {
	file, err := json.Marshal(dsse.Envelope{
		PayloadType: PayloadType,
		Payload:     base64.StdEncoding.EncodeToString(payload),
		Signatures:  []dsse.Signature{{KeyID: public.ID(), Sig: base64.StdEncoding.EncodeToString(signature)}},
	})
	if err != nil {
		return nil, fmt.Errorf("writing a certificate: %w", err)
	}
	return append(file, '\n'), nil
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
