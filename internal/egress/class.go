package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
)

// Class is why a call failed, without saying where.
type Class string

// Classes of failure, in the words of the API.
const (
	// Timeout: no answer in time.
	ClassTimeout Class = "Timeout"
	// Unresolved: the name has no address.
	ClassUnresolved Class = "Unresolved"
	// Blocked: the guard refused.
	ClassBlocked Class = "Blocked"
	// TLSFailed: the certificate is not trusted, or no common protocol.
	ClassTLSFailed Class = "TLSFailed"
	// Refused: no connection.
	ClassRefused Class = "Refused"
)

// ClassOf names the class of an error of a dial or a call.
func ClassOf(err error) Class {
	var (
		dns         *net.DNSError
		verify      *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		alert       tls.AlertError
		unknown     x509.UnknownAuthorityError
		hostname    x509.HostnameError
		invalid     x509.CertificateInvalidError
		network     net.Error
		interrupted = errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
	)
	switch {
	case errors.Is(err, ErrBlocked), errors.Is(err, ErrMalformed):
		return ClassBlocked
	case errors.As(err, &dns):
		return ClassUnresolved
	case errors.As(err, &verify), errors.As(err, &record), errors.As(err, &alert), errors.As(err, &unknown), errors.As(err, &hostname), errors.As(err, &invalid):
		return ClassTLSFailed
	case interrupted, errors.As(err, &network) && network.Timeout():
		return ClassTimeout
	default:
		return ClassRefused
	}
}
