package ledger

// Plans are made once, when tables may still be empty, and must be those for large ones. So a key is compared with plain
// parameters (row security lets an index see no other expression), and tables meet in LATERAL (... LIMIT 1), which is a look-up of
// the inner one by its whole key for each row of the outer one and cannot be planned as anything else.

// The statements of the fast path. Each writes an act whole: the parts that change data hang on `free`, which has a row only
// where the act may be written. Parameters 1 to 24 are the same in both; `act` in record.go fills them.
//
//	1 tenant  2 site  3 key_sha256  4 subject  5 kind of the person, '' for nobody  6 links, newest pepper first
//	7 receipt  8 recorded_at  9 occurred_at  10 notice  11 version  12 lang  13 sha256  14 material  15 gpc  16 method
//	17 collected_by  18 evidence
//	per event: 19 event_id  20 type  21 purpose  22 decision  23 valid_until  24 leaf_hash
//	per purpose that moves: 25 event_id  26 purpose  27 decision  28 valid_until
const (
	seenPart = `
WITH seen AS MATERIALIZED (SELECT receipt_id FROM consent.idem WHERE tenant_id = $1::uuid AND site = $2::text AND key_sha256 = $3::bytea),`

	writePart = `
i_idem AS (INSERT INTO consent.idem (tenant_id, site, key_sha256, receipt_id, recorded_at) SELECT $1::uuid, $2::text, $3::bytea, $7::uuid, $8::timestamptz FROM free),
i_events AS (INSERT INTO consent.events (tenant_id, event_id, receipt_id, subject_ref, occurred_at, recorded_at, valid_until, notice_version, decision, gpc,
    type, purpose, notice, notice_lang, notice_sha256, method, collected_by, site, evidence_ct, leaf_hash)
  SELECT $1::uuid, e.id, $7::uuid, $4::uuid, $9::timestamptz, $8::timestamptz, e.until, $11::int, e.decision, $15::smallint, e.type, e.purpose, $10::text, $12::text, $13::bytea, $16::text, $17::text, nullif($2::text, ''), CASE WHEN e.id = $7::uuid THEN $18::bytea END, e.leaf
  FROM free, unnest($19::uuid[], $20::text[], $21::text[], $22::smallint[], $23::timestamptz[], $24::bytea[]) AS e (id, type, purpose, decision, until, leaf)),
i_pending AS (INSERT INTO consent.pending (tenant_id, event_id) SELECT $1::uuid, e.id FROM free, unnest($19::uuid[]) AS e (id)),
i_state AS (INSERT INTO consent.state AS s (tenant_id, subject_ref, event_id, recorded_at, valid_until, notice_version, decision, purpose, notice, notice_lang, notice_sha256, material_sha256)
  SELECT $1::uuid, $4::uuid, m.id, $8::timestamptz, m.until, $11::int, m.decision, m.purpose, $10::text, $12::text, $13::bytea, $14::bytea
  FROM free, unnest($25::uuid[], $26::text[], $27::smallint[], $28::timestamptz[]) AS m (id, purpose, decision, until)`

	// recordNew is of a person who is not known. It answers with a receipt where the act was recorded before, and with the
	// person's reference and key where they are known after all. Somebody who is quicker makes it fail on a primary key.
	recordNew = seenPart + `
known AS MATERIALIZED (SELECT l.subject_ref, k.kek_id, k.wrapped_key, ` + youngest + `
  FROM unnest($6::bytea[]) AS p (link)
  CROSS JOIN LATERAL (SELECT subject_ref FROM consent.subject_links WHERE tenant_id = $1::uuid AND kind = $5::text AND link = p.link LIMIT 1) AS l
  CROSS JOIN LATERAL (SELECT kek_id, wrapped_key FROM consent.subject_keys WHERE tenant_id = $1::uuid AND subject_ref = l.subject_ref LIMIT 1) AS k LIMIT 1),
free AS MATERIALIZED (SELECT WHERE NOT EXISTS (SELECT FROM seen) AND NOT EXISTS (SELECT FROM known)),
i_key AS (INSERT INTO consent.subject_keys (tenant_id, subject_ref, created_at, kek_id, wrapped_key) SELECT $1::uuid, $4::uuid, $8::timestamptz, $29::text, $30::bytea FROM free WHERE $30::bytea IS NOT NULL),
i_link AS (INSERT INTO consent.subject_links (tenant_id, subject_ref, kind, link, pepper_id) SELECT $1::uuid, $4::uuid, $5::text, ($6::bytea[])[1], $31::text FROM free WHERE $5::text <> ''),` +
		writePart + ` WHERE $5::text <> '')
SELECT s.receipt_id, k.* FROM (SELECT) AS one LEFT JOIN seen s ON true LEFT JOIN known k ON true`

	// lockPerson keeps a person from being forgotten or joined with another while an act of theirs is written, and must come
	// in a statement before it: the next one then sees what was done before.
	lockPerson = `SELECT kek_id FROM consent.subject_keys WHERE tenant_id = $1 AND subject_ref = $2 AND shredded_at IS NULL FOR SHARE`

	// recordKnown is of a person whose reference is known. It answers with a receipt where the act was recorded before, and
	// says whether the reference is still theirs. An act may not be older than the state it moves: division by zero
	// (lateState) takes it all back, and the caller tries with a later time.
	recordKnown = seenPart + `
mine AS MATERIALIZED (SELECT FROM unnest($6::bytea[]) AS p (link)
  CROSS JOIN LATERAL (SELECT subject_ref FROM consent.subject_links WHERE tenant_id = $1::uuid AND kind = $5::text AND link = p.link LIMIT 1) AS l WHERE l.subject_ref = $4::uuid),
free AS MATERIALIZED (SELECT WHERE NOT EXISTS (SELECT FROM seen) AND ($5::text = '' OR EXISTS (SELECT FROM mine))),` +
		writePart + ` ORDER BY m.purpose
  ON CONFLICT (tenant_id, subject_ref, purpose) DO UPDATE SET event_id = excluded.event_id, recorded_at = excluded.recorded_at, valid_until = excluded.valid_until,
    notice_version = excluded.notice_version, decision = excluded.decision, notice = excluded.notice, notice_lang = excluded.notice_lang,
    notice_sha256 = excluded.notice_sha256, material_sha256 = excluded.material_sha256
  WHERE s.event_id < excluded.event_id
  RETURNING 1),
moved AS (SELECT count(*) AS n FROM i_state)
SELECT (SELECT receipt_id FROM seen), EXISTS (SELECT FROM free),
  1 / CASE WHEN EXISTS (SELECT FROM free) AND (SELECT n FROM moved) < coalesce(cardinality($25::uuid[]), 0) THEN 0 ELSE 1 END`

	// lateState is the SQLSTATE of a division by zero.
	lateState = "22012"

	// youngest is the time of a person's youngest state.
	youngest = `(SELECT max(s.recorded_at) FROM consent.state s WHERE s.tenant_id = $1 AND s.subject_ref = l.subject_ref) AS youngest`

	// columns of an event, in the order in which scan reads them.
	columns = `e.tenant_id, e.event_id, e.receipt_id, e.subject_ref, e.occurred_at, e.recorded_at, e.valid_until, e.notice_version, e.decision, e.gpc,
e.type, e.purpose, e.notice, e.notice_lang, e.notice_sha256, e.method, e.collected_by, e.site, e.evidence_ct, e.leaf_hash`

	// insertEvents writes events that no person's act caused, with their place in the queue.
	insertEvents = `
WITH i AS (INSERT INTO consent.events (tenant_id, event_id, receipt_id, subject_ref, recorded_at, notice_version, type, purpose, notice, notice_lang, notice_sha256, site, evidence_ct, leaf_hash)
  SELECT $1, e.id, e.id, e.subject, e.at, e.version, e.type, e.purpose, e.notice, e.lang, e.sha256, e.site, e.evidence, e.leaf
  FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[], $5::int[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bytea[], $11::text[], $12::bytea[], $13::bytea[])
    AS e (id, subject, at, version, type, purpose, notice, lang, sha256, site, evidence, leaf) RETURNING event_id)
INSERT INTO consent.pending (tenant_id, event_id) SELECT $1, event_id FROM i`
)
