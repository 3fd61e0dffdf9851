package postgres_test

import (
	"strings"
	"testing"
)

// Rows that only go, and to which nothing refers, are counted and deleted by the reference to their owner.
func TestRowsThatNobodyRefersToGoWithTheirOwner(t *testing.T) {
	const visits = twoPeople + `
CREATE TABLE visits (person int NOT NULL REFERENCES people, page text); CREATE INDEX ON visits (person);
INSERT INTO visits VALUES (1, 'a'), (1, 'b'), (1, 'b'), (2, 'b');`
	const gone = deletesPeople + `
- {name: visits, onErasure: DeleteRows}`
	// Their owner stays, so that what triggers write has somebody to refer to.
	const masked = `
tables:
- {name: people, subjectKeys: [{column: email, identifier: Email}], columns: [{name: email, mask: Pseudonym}, {name: name}], onErasure: MaskColumns}
- {name: visits, onErasure: DeleteRows}`
	trigger := func(when, body, result string) string {
		return visits + `
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$ BEGIN ` + body + ` RETURN ` + result + `; END $$;
CREATE TRIGGER t ` + when + ` FOR EACH ROW EXECUTE FUNCTION f();`
	}
	others := append([]string{"SELECT * FROM visits WHERE person = 2"}, bobsRow...)
	const all = "0 public.people DeleteRows 1\n0 public.visits DeleteRows 3"
	playAll(t, map[string]foreign{
		"without a key of their own": {sql: visits, dataset: gone, erased: all, others: others},
		"in parts": {sql: strings.Replace(visits, "page text)", "page text) PARTITION BY LIST (page); CREATE TABLE a PARTITION OF visits FOR VALUES IN ('a'); CREATE TABLE b PARTITION OF visits FOR VALUES IN ('b')", 1),
			dataset: gone, erased: all, others: others},
		"nobody owns some": {sql: strings.Replace(visits, "int NOT NULL REFERENCES", "int REFERENCES", 1) + "INSERT INTO visits VALUES (NULL, 'c');", dataset: gone, erased: all,
			others: append([]string{"SELECT * FROM visits WHERE person IS NULL"}, others...)},
		"one of them refers to another's row": {sql: visits + "ALTER TABLE visits ADD about int REFERENCES people; UPDATE visits SET about = 1 WHERE person = 2;",
			dataset: strings.Replace(gone, "onErasure: DeleteRows}\n- {name: visits", "onErasure: DeleteRows}\n- {name: visits, ownedThrough: [{columns: [person]}]", 1),
			erased:  "0 public.people DeleteRows 1\n0 public.visits DeleteRows 3\n0 public.visits Detach 1", others: bobsRow, after: map[string]string{"SELECT count(*) FROM visits WHERE about IS NULL": "1"}},
		"counted as they go":           {sql: visits + "ANALYZE;", dataset: gone, erased: all, others: others},
		"a trigger keeps one of a few": {sql: trigger("BEFORE DELETE ON visits", "IF OLD.page = 'a' THEN RETURN NULL; END IF;", "OLD") + "ANALYZE;", dataset: gone, stopped: "a trigger interferes", others: append([]string{"TABLE visits", "TABLE people"}, others...)},
		"a trigger of a part keeps one": {sql: strings.Replace(trigger("BEFORE DELETE ON a", "", "NULL"), "page text)", "page text) PARTITION BY LIST (page); CREATE TABLE a PARTITION OF visits FOR VALUES IN ('a'); CREATE TABLE b PARTITION OF visits FOR VALUES IN ('b')", 1) + "ANALYZE;",
			dataset: gone, stopped: "a trigger interferes", others: append([]string{"TABLE visits", "TABLE people"}, others...)},
		"a trigger keeps one":    {sql: trigger("BEFORE DELETE ON visits", "IF OLD.page = 'a' THEN RETURN NULL; END IF;", "OLD"), dataset: gone, stopped: "a trigger interferes", others: append([]string{"TABLE visits", "TABLE people"}, others...)},
		"a trigger writes more":  {sql: trigger("AFTER DELETE ON visits", "IF OLD.page = 'a' THEN INSERT INTO visits VALUES (OLD.person, 'b'); END IF;", "OLD"), dataset: masked, erased: "0 public.people MaskColumns 1\n0 public.visits DeleteRows 4", others: others, grows: true},
		"a trigger puts it back": {sql: trigger("AFTER DELETE ON visits", "INSERT INTO visits VALUES (OLD.*);", "OLD"), dataset: masked, stopped: "Triggers put people back", others: append([]string{"TABLE visits", "TABLE people"}, others...)},
	})
}
