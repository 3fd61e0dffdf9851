package consentd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/rempart-dev/rempart/internal/adapter/postgres/ledger"
	"github.com/rempart-dev/rempart/internal/app/consentd/settings"
	"github.com/rempart-dev/rempart/internal/consent"
	"github.com/rempart-dev/rempart/internal/consent/jws"
	"github.com/rempart-dev/rempart/internal/consent/proof"
	"github.com/rempart-dev/rempart/internal/consent/seal"
	"github.com/rempart-dev/rempart/internal/telemetry"
)

// roles are the folders of credentials, and the login that each is where its file username is absent.
var roles = map[string]string{"app": ledger.RoleApp, "sequencer": ledger.RoleSeq, "pruner": ledger.RolePrune, "admin": "postgres"}

// pool connects as a role. The ledger's database is a target that the operator's user has named, in the cluster or not, so the guard
// of package egress, which is for addresses that data bring along, does not stand before it. It is the only one that is ever dialled.
func (o options) pool(ctx context.Context, role string, connections int32) (*pgxpool.Pool, error) {
	c := ledger.PoolConfig{Host: o.database.host, Port: uint16(o.database.port), Database: o.database.name, MaxConns: connections, //nolint:gosec // checked by options.check
		Dial: (&net.Dialer{Timeout: 5 * time.Second}).DialContext}
	password, err := o.credential(role, "password")
	if err != nil {
		return nil, err
	}
	c.Password = telemetry.Hide(password)
	if c.User, err = o.credential(role, "username"); err != nil {
		c.User = roles[role]
	}
	if c.TLS, err = o.database.config(); err != nil {
		return nil, err
	}
	pool, err := ledger.NewPool(ctx, c)
	if err != nil {
		return nil, err //nolint:wrapcheck // says what it was doing
	}
	return pool, nil
}

func (o options) credential(role, name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(o.credentials, role, name))
	if value := strings.TrimRight(string(text), "\r\n"); err == nil && value != "" {
		return value, nil
	}
	return "", fmt.Errorf("reading the %s of role %s: the file cannot be read or is empty", name, role)
}

// config is nil without TLS.
func (d database) config() (*tls.Config, error) {
	switch d.tls {
	case tlsDisable:
		return nil, nil
	case tlsRequire:
		return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}, nil //nolint:gosec // as declared: encrypted, and who answers is not checked
	}
	c := &tls.Config{ServerName: d.host, MinVersion: tls.VersionTLS12}
	if d.ca == "" {
		return c, nil
	}
	text, err := os.ReadFile(d.ca)
	if err != nil {
		return nil, errors.New("reading the database's certificate authorities: the file cannot be read")
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(text) {
		return nil, errors.New("reading the database's certificate authorities: there is none in the file")
	}
	return c, nil
}

// durable is the ledger in PostgreSQL as a store.
type durable struct {
	*ledger.Ledger
	log   *slog.Logger
	pools []*pgxpool.Pool
	// outside is the file of the head that was copied out last.
	outside string
}

// openPostgres opens the ledger, and tries again while the database is away. A role that may do too much is an error, and so is a key
// whose place another has taken.
func (o options) openPostgres(ctx context.Context, p *settings.Policy, keys settings.Keys, origin string, log *slog.Logger) (store, error) {
	d := &durable{log: log, outside: filepath.Join(o.config, "checkpoint")}
	head, err := d.head()
	if err != nil {
		return nil, err
	}
	origin = began(origin, head, p.Tenant)
	signer, public, err := proof.NewSigner(origin, keys.Seed)
	if err != nil {
		return nil, fmt.Errorf("making the log's key: %w", err)
	}
	keks := settings.Bytes(keys.KEKs)
	ring, err := seal.NewRing(keks[0], keks[1:]...)
	if err != nil {
		return nil, fmt.Errorf("making the ring of keys: %w", err)
	}
	if _, err := (forgotten{o.forgotten}).Marks(); err != nil {
		return nil, err
	}
	pools := map[string]*pgxpool.Pool{}
	for role, connections := range map[string]int{"app": o.database.connections, "sequencer": 2, "pruner": 1} {
		pool, err := o.pool(ctx, role, int32(connections)) //nolint:gosec // some dozens
		if err != nil {
			d.Close()
			return nil, err
		}
		pools[role], d.pools = pool, append(d.pools, pool)
	}
	c := ledger.Config{App: pools["app"], Seq: pools["sequencer"], Prune: pools["pruner"], Tenant: p.Tenant, Peppers: settings.Bytes(keys.Peppers), KEK: ring, Signer: signer, Public: public, Outside: head,
		Interval: time.Duration(max(p.Spec.Service.CheckpointIntervalSeconds, 1)) * time.Second, Marks: forgotten{o.forgotten}.Marks}
	if keys.Before != nil {
		if c.Before, c.BeforePublic, err = proof.NewSigner(origin, keys.Before); err != nil {
			return nil, fmt.Errorf("making the log's key of before: %w", err)
		}
	}
	for {
		d.Ledger, err = ledger.Open(ctx, c)
		switch {
		case err == nil:
			return d, nil
		case errors.Is(err, ledger.ErrRole), errors.Is(err, ledger.ErrRetired):
			d.Close()
			return nil, err //nolint:wrapcheck // says what it was doing
		case ctx.Err() != nil:
			d.Close()
			return nil, ctx.Err() //nolint:wrapcheck // the program ends
		}
		log.Warn("Could not open the ledger yet")
		pause(ctx, 2*time.Second)
	}
}

// began is the name that a log began with, where a head of it lies outside: its checkpoints bear that name for ever, also when its
// service has moved to another host.
func began(origin string, head []byte, tenant uuid.UUID) string {
	if first, _, _ := strings.Cut(string(head), "\n"); strings.HasSuffix(first, proof.Origin("", tenant.String())) {
		return first
	}
	return origin
}

// Public are the keys whose signatures count, as the log tells.
func (d *durable) Public(ctx context.Context) (jws.Keys, error) {
	texts, err := d.Keys(ctx)
	if err != nil {
		return jws.Keys{}, err //nolint:wrapcheck // says what it was reading
	}
	keys := make([]jws.PublicKey, len(texts))
	for i, text := range texts {
		raw, err := proof.Public(text)
		if err == nil {
			keys[i], err = jws.PublicOf(raw)
		}
		if err != nil {
			return jws.Keys{}, fmt.Errorf("reading the log's keys: %w", err)
		}
	}
	return jws.NewKeys(keys...), nil
}

// Run puts events into the log.
func (d *durable) Run(ctx context.Context) error {
	d.Sequencer.Run(ctx, func(error) { d.log.Warn("Could not put events into the log yet") })
	return nil
}

// Audit compares the ledger with its log, and with the head that was copied out last: who can change the database cannot change that.
func (d *durable) Audit(ctx context.Context) error {
	text, err := d.head()
	if err != nil {
		return err
	}
	var head consent.Checkpoint
	if len(text) > 0 {
		head.Note = text
	}
	return d.Ledger.Audit(ctx, head) //nolint:wrapcheck // says what it was doing
}

// head is the signed note that was copied out last; empty before the first.
func (d *durable) head() ([]byte, error) {
	text, err := os.ReadFile(d.outside)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errors.New("reading the checkpoint that lies outside: the file cannot be read")
	}
	return text, nil
}

// Close closes the connections.
func (d *durable) Close() {
	for _, pool := range d.pools {
		pool.Close()
	}
}

// migratePostgres makes roles and tables.
func (o options) migratePostgres(ctx context.Context) error {
	pool, err := o.pool(ctx, "admin", 1)
	if err != nil {
		return err
	}
	defer pool.Close()
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return errors.New("connecting as admin: the database cannot be reached, or refuses") // the driver's text quotes the user
	}
	defer conn.Release()
	var passwords ledger.Passwords
	for role, into := range map[string]*string{"app": &passwords.App, "sequencer": &passwords.Seq, "pruner": &passwords.Prune} {
		if *into, err = o.credential(role, "password"); err != nil {
			return err
		}
	}
	return ledger.Migrate(ctx, conn.Conn(), passwords) //nolint:wrapcheck // says what it was doing
}
