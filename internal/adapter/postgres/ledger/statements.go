package ledger

// Plans are made once, when tables may still be empty, and must be those for large ones. So a key is compared with plain
// parameters (row security lets an index see no other expression), and tables meet in LATERAL (... LIMIT 1), which is a look-up of
// the inner one by its whole key for each row of the outer one and cannot be planned as anything else.

// The statements of the fast path. Each writes acts whole: the parts that change data hang on `free`, which has a row for each act
// that may be written. Parameters 1 to 27 are the same in both; `arguments` in writing.go fills them.
//
//	1 tenant
//	per act: 2 site  3 key_sha256  4 kind of the person  5 newest link, NULL for nobody  6 subject  7 receipt  8 recorded_at
//	9 occurred_at  10 notice  11 version  12 lang  13 sha256  14 material  15 gpc  16 method  17 collected_by  18 evidence  19 wrapped key
//	of a person who is new
//	per event: 20 number of its act, from 1  21 event_id  22 type  23 purpose  24 decision  25 valid_until  26 leaf_hash
//	27 whether it moves the state of its purpose
//
// What others could write at the same time is written in an order, so that nobody waits for who waits for them.
const (
	actsPart = `
WITH acts AS MATERIALIZED (SELECT * FROM unnest($2::text[], $3::bytea[], $4::text[], $5::bytea[], $6::uuid[], $7::uuid[], $8::timestamptz[], $9::timestamptz[], $10::text[],
    $11::int[], $12::text[], $13::bytea[], $14::bytea[], $15::smallint[], $16::text[], $17::text[], $18::bytea[], $19::bytea[]) WITH ORDINALITY
  AS a (site, key, kind, link, subject, receipt, at, occurred, notice, version, lang, sha256, material, gpc, method, collector, evidence, wrapped, n)),
seen AS MATERIALIZED (SELECT acts.n, i.receipt_id FROM acts
  CROSS JOIN LATERAL (SELECT receipt_id FROM consent.idem WHERE tenant_id = $1::uuid AND site = acts.site AND key_sha256 = acts.key LIMIT 1) AS i),`

	writePart = `
lines AS MATERIALIZED (SELECT f.*, e.* FROM free f JOIN unnest($20::int[], $21::uuid[], $22::text[], $23::text[], $24::smallint[], $25::timestamptz[], $26::bytea[], $27::boolean[])
  AS e (act, id, type, purpose, decision, until, leaf, moves) ON e.act = f.n),
i_idem AS (INSERT INTO consent.idem (tenant_id, site, key_sha256, receipt_id, recorded_at) SELECT $1::uuid, site, key, receipt, at FROM free ORDER BY site, key),
i_events AS (INSERT INTO consent.events (tenant_id, event_id, receipt_id, subject_ref, occurred_at, recorded_at, valid_until, notice_version, decision, gpc,
    type, purpose, notice, notice_lang, notice_sha256, method, collected_by, site, evidence_ct, leaf_hash)
  SELECT $1::uuid, id, receipt, subject, occurred, at, until, version, decision, gpc, type, purpose, notice, lang, sha256, method, collector, nullif(site, ''),
    CASE WHEN id = receipt THEN evidence END, leaf FROM lines),
i_pending AS (INSERT INTO consent.pending (tenant_id, event_id) SELECT $1::uuid, id FROM lines),
i_state AS (INSERT INTO consent.state AS s (tenant_id, subject_ref, event_id, recorded_at, valid_until, notice_version, decision, purpose, notice, notice_lang, notice_sha256, material_sha256)
  SELECT $1::uuid, subject, id, at, until, version, decision, purpose, notice, lang, sha256, material FROM lines WHERE moves`

	// recordNew is of people who are not known. For each act that it does not write it answers with the receipt where the act was
	// recorded before, and with the person's reference and key where they are known after all, for each form of a name by which they
	// are: aged is one under an older pepper. An act of who may be known under a pepper that is not here is not written, but where it only
	// takes back; a row without more tells so, beside what is told of who is known after all. Somebody who is quicker makes it fail on a primary key. Parameters: 28 kek_id  29 pepper_id; per form of a name:
	// 30 number of its act  31 kind  32 link; 33 ids of the peppers that are here; per act: 34 whether it only takes back
	recordNew = actsPart + `
known AS MATERIALIZED (SELECT p.n, l.subject_ref, k.kek_id, k.wrapped_key, l.pepper_id <> $29::text AS aged, ` + youngest + `
  FROM unnest($30::int[], $31::text[], $32::bytea[]) AS p (n, kind, link)
  CROSS JOIN LATERAL (SELECT subject_ref, pepper_id FROM consent.subject_links WHERE tenant_id = $1::uuid AND kind = p.kind AND link = p.link LIMIT 1) AS l
  CROSS JOIN LATERAL (SELECT kek_id, wrapped_key FROM consent.subject_keys WHERE tenant_id = $1::uuid AND subject_ref = l.subject_ref LIMIT 1) AS k),
lost AS MATERIALIZED (SELECT FROM consent.keys WHERE tenant_id = $1::uuid AND kind = 'pepper' AND needed_by IS DISTINCT FROM 0 AND key_id <> ALL ($33::text[]) LIMIT 1),
free AS MATERIALIZED (SELECT * FROM acts a WHERE NOT EXISTS (SELECT FROM seen WHERE seen.n = a.n) AND NOT EXISTS (SELECT FROM known WHERE known.n = a.n)
  AND (NOT EXISTS (SELECT FROM lost) OR a.link IS NULL OR ($34::boolean[])[a.n])),
i_key AS (INSERT INTO consent.subject_keys (tenant_id, subject_ref, created_at, kek_id, wrapped_key)
  SELECT $1::uuid, subject, at, $28::text, wrapped FROM free WHERE wrapped IS NOT NULL),
i_link AS (INSERT INTO consent.subject_links (tenant_id, subject_ref, kind, link, pepper_id)
  SELECT $1::uuid, subject, kind, link, $29::text FROM free WHERE link IS NOT NULL ORDER BY kind, link),` +
		writePart + ` AND link IS NOT NULL)
SELECT coalesce(s.n, k.n::bigint), s.receipt_id, k.subject_ref, k.kek_id, k.wrapped_key, k.youngest, k.aged FROM seen s FULL JOIN known k ON k.n = s.n
UNION ALL SELECT n, NULL, NULL, NULL, NULL, NULL, NULL FROM acts a WHERE EXISTS (SELECT FROM lost) AND a.link IS NOT NULL AND NOT ($34::boolean[])[a.n]`

	// lockPerson keeps a person from being forgotten or joined with another while an act of theirs is written, and must come
	// in a statement before it: the next one then sees what was done before.
	lockPerson = `SELECT kek_id FROM consent.subject_keys WHERE tenant_id = $1 AND subject_ref = $2 AND shredded_at IS NULL FOR SHARE`

	// recordKnown is of one person whose reference is known. It answers with a receipt where the act was recorded before, and
	// says whether the reference is still theirs. An act may not be older than the state it moves: division by zero
	// (lateState) takes it all back, and the caller tries with a later time. Parameter 28: forms of the name.
	recordKnown = actsPart + `
mine AS MATERIALIZED (SELECT FROM unnest($28::bytea[]) AS p (link) CROSS JOIN acts o
  CROSS JOIN LATERAL (SELECT subject_ref FROM consent.subject_links WHERE tenant_id = $1::uuid AND kind = o.kind AND link = p.link LIMIT 1) AS l WHERE l.subject_ref = o.subject),
free AS MATERIALIZED (SELECT * FROM acts WHERE NOT EXISTS (SELECT FROM seen) AND (link IS NULL OR EXISTS (SELECT FROM mine))),` +
		writePart + ` ORDER BY purpose
  ON CONFLICT (tenant_id, subject_ref, purpose) DO UPDATE SET event_id = excluded.event_id, recorded_at = excluded.recorded_at, valid_until = excluded.valid_until,
    notice_version = excluded.notice_version, decision = excluded.decision, notice = excluded.notice, notice_lang = excluded.notice_lang,
    notice_sha256 = excluded.notice_sha256, material_sha256 = excluded.material_sha256
  WHERE s.event_id < excluded.event_id
  RETURNING 1)
SELECT (SELECT receipt_id FROM seen), EXISTS (SELECT FROM free),
  1 / CASE WHEN (SELECT count(*) FROM i_state) < (SELECT count(*) FROM lines WHERE moves) THEN 0 ELSE 1 END`

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
