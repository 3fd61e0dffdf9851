// Package evidence proves how requests for erasure ended. A certificate is an in-toto statement in a DSSE envelope, signed
// with Ed25519; its digest is a leaf of a Merkle log whose head is a signed checkpoint. Whoever has the public key checks
// both without a cluster, and notices a changed byte, a missing tail and a log that was put back.
//
// Certificates hold a person's reference (pseudonymous, Article 4(5)) and no identifier. Leaves hold no personal data, so
// that the log can be kept when certificates are deleted.
//
// Formats: in-toto Attestation v1, DSSE v1, signed notes of golang.org/x/mod/sumdb/note, checkpoints and proofs as
// C2SP tlog-checkpoint and tlog-proof, trees by RFC 6962. docs/spec/certificate.md has the fields.
package evidence
