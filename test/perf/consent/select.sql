\set person random(1, :people)
BEGIN;
SELECT set_config('app.tenant', '00000000-0000-4000-8000-000000000000', true);
SELECT s.purpose, s.event_id, s.decision, s.recorded_at, s.valid_until, s.notice, s.notice_version, s.notice_lang, s.notice_sha256, s.material_sha256
FROM bench.people p JOIN consent.state s ON s.tenant_id = '00000000-0000-4000-8000-000000000000'::uuid AND s.subject_ref = p.subject_ref WHERE p.number = :person;
COMMIT;
