-- Of these people, those of whom nothing is recorded and nothing is open: no event, no state, no wish, and no token that has not ended before
-- a time. Who was joined with another is a part of them, and so are their events. Each table is looked up by its key for each of the people, and
-- by plain columns, or row security would keep it from its index.
CREATE FUNCTION consent.idle(mine uuid, people uuid[], ended timestamptz) RETURNS SETOF uuid LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT p.one FROM (SELECT one, uuid_send(one) AS joined FROM unnest(people) AS u (one) OFFSET 0) AS p
  WHERE (SELECT 1 FROM consent.state s WHERE s.tenant_id = mine AND s.subject_ref = p.one LIMIT 1) IS NULL
    AND (SELECT 1 FROM consent.events e WHERE e.tenant_id = mine AND e.subject_ref = p.one LIMIT 1) IS NULL
    AND (SELECT 1 FROM consent.wishes w WHERE w.tenant_id = mine AND w.subject_ref = p.one LIMIT 1) IS NULL
    AND (SELECT 1 FROM consent.mailbox_proofs t WHERE t.tenant_id = mine AND t.subject_ref = p.one AND t.expires_at >= ended LIMIT 1) IS NULL
    AND (SELECT 1 FROM consent.subject_links l WHERE l.tenant_id = mine AND l.kind = 'merged' AND l.link = p.joined LIMIT 1) IS NULL
    AND (SELECT 1 FROM (SELECT encode(l.link, 'hex')::uuid AS part FROM (SELECT link, kind FROM consent.subject_links
           WHERE tenant_id = mine AND subject_ref = p.one OFFSET 0) AS l WHERE l.kind = 'merged' OFFSET 0) AS j
         CROSS JOIN LATERAL (SELECT 1 FROM consent.events e WHERE e.tenant_id = mine AND e.subject_ref = j.part LIMIT 1) AS e LIMIT 1) IS NULL
$$

-- Looks at many people after one, deletes their tokens that ended before a time, and links, keys and tokens of those who are idle. Answers
-- with the last one that it looked at, null at the end, and how many went. Whoever changes what is a person's locks them first, and is not waited
-- for: people are locked where nobody else has them, and looked at again under the lock, by a statement that sees what was done until then.
CREATE FUNCTION consent.sweep(after uuid, many int, ended timestamptz, OUT last uuid, OUT gone bigint) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  mine uuid := nullif(current_setting('app.tenant', true), '')::uuid;
  page uuid[] := ARRAY(SELECT k.subject_ref FROM consent.subject_keys k WHERE k.tenant_id = mine AND k.subject_ref > after ORDER BY k.subject_ref LIMIT many);
  people uuid[];
  old bytea[];
BEGIN
  last := page[cardinality(page)];
  old := ARRAY(SELECT t.token_sha256 FROM consent.mailbox_proofs t
    WHERE t.tenant_id = mine AND t.subject_ref = ANY (page) AND t.expires_at < ended FOR UPDATE SKIP LOCKED);
  DELETE FROM consent.mailbox_proofs t WHERE t.tenant_id = mine AND t.token_sha256 = ANY (old);
  people := ARRAY(SELECT consent.idle(mine, page, ended));
  people := ARRAY(SELECT k.subject_ref FROM consent.subject_keys k WHERE k.tenant_id = mine AND k.subject_ref = ANY (people)
    ORDER BY k.subject_ref FOR UPDATE SKIP LOCKED);
  people := ARRAY(SELECT consent.idle(mine, people, ended));
  gone := cardinality(people);
  people := people || ARRAY(SELECT encode(l.link, 'hex')::uuid FROM consent.subject_links l
    WHERE l.tenant_id = mine AND l.subject_ref = ANY (people) AND l.kind = 'merged');
  DELETE FROM consent.mailbox_proofs t WHERE t.tenant_id = mine AND t.subject_ref = ANY (people);
  DELETE FROM consent.subject_links l WHERE l.tenant_id = mine AND l.subject_ref = ANY (people);
  DELETE FROM consent.subject_keys k WHERE k.tenant_id = mine AND k.subject_ref = ANY (people);
END $$

REVOKE ALL ON FUNCTION consent.idle(uuid, uuid[], timestamptz), consent.sweep(uuid, int, timestamptz) FROM PUBLIC

GRANT EXECUTE ON FUNCTION consent.sweep(uuid, int, timestamptz) TO consent_prune
