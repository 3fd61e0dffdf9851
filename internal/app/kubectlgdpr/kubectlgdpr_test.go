package kubectlgdpr

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/rempart-dev/rempart/internal/law/deadline"
)

// ask runs the plug-in on 24 November 2026.
func ask(t *testing.T, line ...string) (code int, out, complaint string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	w := World{Out: &stdout, Err: &stderr, Clock: clocktesting.NewFakePassiveClock(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))}
	code = Main(t.Context(), line, w)
	return code, stdout.String(), stderr.String()
}

func answerOf[T any](t *testing.T, line ...string) T {
	t.Helper()
	code, out, complaint := ask(t, append(line, "-o", "json")...)
	if code != Answered || complaint != "" {
		t.Fatalf("%q: exit code %d, %s", line, code, complaint)
	}
	var answer T
	decoder := json.NewDecoder(strings.NewReader(out))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&answer); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return answer
}

func TestClassify(t *testing.T) {
	for line, want := range map[string]classification{
		"--provider aws --region eu-west-3":                                   {"FR", "EU", true, "Allowed"},
		"--provider aws --region eu-west-2":                                   {"GB", "ADEQUATE", false, "ZoneNotAllowed"},
		"--provider aws --region eu-west-2 --date 2031-12-27":                 {"GB", "ADEQUATE", false, "ZoneNotAllowed"},
		"--provider aws --region eu-west-2 --date 2031-12-28":                 {"GB", "THIRD", false, "ZoneNotAllowed"},
		"--provider outscale --region eu-west-2":                              {"FR", "EU", true, "Allowed"},
		"--provider aws --region us-east-1":                                   {"US", "ADEQUATE_PARTIAL", false, "ZoneNotAllowed"},
		"--provider upcloud --region no-svg1":                                 {"NO", "EEA", false, "ZoneNotAllowed"},
		"--provider oci --region eu-jovanovac-1":                              {"RS", "THIRD", false, "ZoneNotAllowed"},
		"--provider aws --region eu-west-3 --zone eu-west-3-wl1-cmn-wlz-1":    {"MA", "THIRD", false, "ZoneNotAllowed"},
		"--provider aws --region eu-north-1 --zone eu-north-1-cph-1a":         {"DK", "EU", true, "Allowed"},
		"--provider aws --region eu-west-3 --zone eu-west-3-xyz-1a":           {"", "UNKNOWN", false, "ZoneUnknown"},
		"--provider aws --region eu-west-3 --zone eu-west-1a":                 {"", "UNKNOWN", false, "Conflicting"},
		"--provider gcp --region eu":                                          {"", "UNKNOWN", false, "NoSinglePlace"},
		"--provider aws --region EU-WEST-3":                                   {"", "UNKNOWN", false, "RegionUnknown"},
		"--provider aws --region eu-wеst-3":                                   {"", "UNKNOWN", false, "RegionUnknown"}, // a Cyrillic e
		"--provider ovh --region GRA11 --zone nova":                           {"FR", "EU", true, "Allowed"},
		"--provider openstack --region eu-de":                                 {"DE", "EU", true, "Allowed"},
		"--region eu-west-2":                                                  {"", "UNKNOWN", false, "ProviderAmbiguous"},
		"--provider nobody --region eu-west-3":                                {"", "UNKNOWN", false, "ProviderUnknown"},
		"--provider gcp --zone europe-west9-b":                                {"FR", "EU", true, "Allowed"},
		"--provider azure --region francecentral --zone francecentral-1":      {"FR", "EU", true, "Allowed"},
		"--provider hetzner --region fsn1 --zone fsn1-dc14 --date 2020-01-01": {"DE", "EU", true, "Allowed"},
	} {
		got := answerOf[classification](t, append([]string{"residency", "classify"}, strings.Fields(line)...)...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
	}
}

func TestTheTextOfAClassificationSaysWhyAndWhatToDo(t *testing.T) {
	for line, want := range map[string]string{
		"--provider aws --region eu-west-2":    "aws eu-west-2 (GB, Adequate)\nDenied by the built-in default policy, which allows EU (reason ZoneNotAllowed, on 2026-11-24, data of ",
		"--provider nobody --region eu-west-3": "Providers of the table: alibaba, aws, ",
		"--provider aws --region eu-west-9":    "spec.locations of a ResidencyPolicy declares more",
	} {
		code, out, _ := ask(t, append([]string{"residency", "classify"}, strings.Fields(line)...)...)
		if code != Answered || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d, %s", line, code, out)
		}
	}
}

func TestRegionsListTheTable(t *testing.T) {
	all := answerOf[[]listedRegion](t, "residency", "regions")
	if len(all) < 500 {
		t.Errorf("%d regions", len(all))
	}
	for _, r := range all {
		if r.Allowed != (r.Zone == "EU") || (r.Country == "") != (r.Zone == "UNKNOWN") {
			t.Errorf("%+v", r)
		}
	}
	for _, r := range answerOf[[]listedRegion](t, "residency", "regions", "--provider", "ovh") {
		if r.Provider != "ovh" {
			t.Errorf("%s %s is not of ovh", r.Provider, r.Region)
		}
	}
	_, text, _ := ask(t, "residency", "regions", "--provider", "aws")
	_, wide, _ := ask(t, "residency", "regions", "--provider", "aws", "-o", "wide")
	if !strings.Contains(text, "eu-west-3-wl1-cmn-wlz-1") || strings.Contains(text, "Casablanca") || !strings.Contains(wide, "Casablanca") || !strings.Contains(wide, "PARENT") {
		t.Errorf("%s\n%s", text, wide)
	}
}

// TestDeadlinesOfTheGoldenRows asks the plug-in for each computed example of internal/law/deadline.
func TestDeadlinesOfTheGoldenRows(t *testing.T) {
	file, err := os.Open("../../law/deadline/testdata/deadline_golden_tests.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, column := range lines[0] {
			row[column] = line[i]
		}
		got := answerOf[ends](t, "deadline", "--unit", row["unit"], "--amount", row["amount"], "--from", row["event_instant_or_date"], "--tz", row["tz"], "--holidays", row["holiday_country"])
		want := ends{Safe: row["safe_internal_target"], Legal: row["expires_at_utc_exclusive"]}
		if row["unit"] != "HOURS" { // the last safe day: its end is the start of the next
			want.Safe = endOf(t, row["safe_internal_target"], row["tz"])
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v", row["id"], got, want)
		}
	}
}

func endOf(t *testing.T, date, zone string) string {
	t.Helper()
	day, err := deadline.ParseDate(date)
	if err != nil {
		t.Fatal(err)
	}
	place, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return stamp(deadline.StartOfDay(day.Plus(1), place))
}

func TestADeadlineSaysHowItWasCounted(t *testing.T) {
	for line, wants := range map[string][]string{
		"--unit months --amount 1 --from 2026-03-05 --tz Europe/Paris --holidays FR": {
			"Safe target  2026-04-05T22:00:00Z  (Monday 6 April 2026 00:00:00 +02:00 Europe/Paris)",
			"- 1 month later is Sunday 2026-04-05", "- 2026-04-06 is a public holiday in FR (a Monday)", "the next working day, Tuesday 2026-04-07 (holidays FR/"},
		"--unit months --amount 1 --from 2026-01-31T09:00:00Z --tz Europe/Paris --holidays FR": {"That month has no day 31, so its last day counts."},
		"--unit weeks --amount 14 --from 2026-06-01 --tz Europe/Paris --holidays FR":           {"2026-09-07 is a working day in FR, so the legal limit is the same"},
		"--unit hours --amount 72 --from 2026-03-27T09:20:00Z --tz Europe/Paris": {
			"counted from Friday 27 March 2026 11:00:00 +01:00 Europe/Paris", "never roll over", "Clocks change within the period"},
		"--unit months --amount 1 --from 2026-09-09T22:30:00Z --tz Europe/Paris --holidays FR": {"The event is of Thursday 2026-09-10 in Europe/Paris"},
	} {
		code, out, complaint := ask(t, append([]string{"deadline"}, strings.Fields(line)...)...)
		for _, want := range wants {
			if code != Answered || !strings.Contains(out, want) {
				t.Errorf("%s: exit code %d, %s%s, want %q", line, code, out, complaint, want)
			}
		}
	}
}

func TestWhatCannotBeAnsweredIsRefusedWithWhatToDo(t *testing.T) {
	for line, want := range map[string]string{
		"residency classify --provider aws":               "name a region (--region), a zone (--zone), or both",
		"residency classify --region x --date 2026-02-30": "--date \"2026-02-30\" is no day of the calendar",
		"residency classify --region x -o yaml":           "it is one of: json",
		"residency classify eu-west-3":                    "unknown command",
		"residency regions --provider nobody":             "it has alibaba, aws",
		"residency nothing":                               "unknown command \"nothing\"",
		"nothing":                                         "unknown command \"nothing\"",
		"deadline --unit fortnights --amount 1 --from 2026-03-05 --tz UTC --holidays FR":             "one of hours, days, weeks, months, years",
		"deadline --amount 1 --from 2026-03-05 --tz UTC --holidays FR":                               "--unit \"\" is none",
		"deadline --unit months --amount 0 --from 2026-03-05 --tz UTC --holidays FR":                 "from 1 to 9999",
		"deadline --unit months --amount 10000 --from 2026-03-05 --tz UTC --holidays FR":             "from 1 to 9999",
		"deadline --unit months --amount 1.5 --from 2026-03-05 --tz UTC --holidays FR":               "invalid argument",
		"deadline --unit months --amount 1 --from 2026-03-05 --tz Local --holidays FR":               "IANA",
		"deadline --unit months --amount 1 --from 2026-03-05 --holidays FR":                          "IANA",
		"deadline --unit months --amount 1 --from 2026-03-05 --tz Europe/Nowhere --holidays FR":      "IANA",
		"deadline --unit months --amount 1 --from 2026-03-05 --tz UTC":                               "--holidays \"\" is no state",
		"deadline --unit hours --amount 72 --from 2026-03-05T10:00:00Z --tz UTC --holidays US":       "--holidays \"US\" is no state",
		"deadline --unit hours --amount 72 --from 2026-03-05 --tz UTC":                               "hours are counted from an instant",
		"deadline --unit hours --amount 72 --from 2026-03-05T10:00:00 --tz UTC":                      "neither an instant with its offset",
		"deadline --unit months --amount 1 --from 2026-02-30 --tz UTC --holidays FR":                 "neither an instant with its offset",
		"deadline --unit months --amount 1 --tz UTC --holidays FR":                                   "neither an instant with its offset",
		"deadline --unit years --amount 9999 --from 2026-03-05 --tz UTC --holidays FR":               "ask for a shorter one",
		"deadline --unit hours --amount 1 --from 0000-01-01T00:00:00+14:00 --tz UTC":                 "before the year 0",
		"deadline --unit months --amount 1 --from 2026-03-05 --tz UTC --holidays FR somebody@x.test": "unknown command",
	} {
		code, out, complaint := ask(t, strings.Fields(line)...)
		if code != Refused || out != "" || !strings.Contains(complaint, want) || !strings.HasPrefix(complaint, "error: ") {
			t.Errorf("%s: exit code %d, %q, %q, want %q", line, code, out, complaint, want)
		}
	}
}

func TestHelpIsAnAnswer(t *testing.T) {
	for _, line := range []string{"", "--help", "residency", "residency classify --help", "help deadline"} {
		if code, out, complaint := ask(t, strings.Fields(line)...); code != Answered || !strings.Contains(out, "kubectl gdpr") || complaint != "" {
			t.Errorf("%q: exit code %d, %q, %q", line, code, out, complaint)
		}
	}
}
