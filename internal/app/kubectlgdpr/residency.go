package kubectlgdpr

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rempart-dev/rempart/api/v1alpha1"
	"github.com/rempart-dev/rempart/internal/residency"
)

func residencyCommand(w World) *cobra.Command {
	return group("residency", "Where data may lie", classifyCommand(w), regionsCommand(w), explainCommand(w))
}

// words are the zones of law as tables and tools write them.
var words = map[v1alpha1.LegalZone]string{v1alpha1.ZoneEU: "EU", v1alpha1.ZoneEEA: "EEA", v1alpha1.ZoneAdequate: "ADEQUATE",
	v1alpha1.ZoneAdequatePartial: "ADEQUATE_PARTIAL", v1alpha1.ZoneThird: "THIRD", v1alpha1.ZoneUnknown: "UNKNOWN"}

// dateFlag gives a command the flag --date.
func dateFlag(command *cobra.Command, into *string) {
	command.Flags().StringVar(into, "date", "", "civil day on which adequacy decisions must be in force, such as 2026-11-24; today in UTC when absent")
}

// day reads --date.
func day(date string, w World) (v1alpha1.Date, error) {
	if date == "" {
		return residency.Day(w.Clock.Now()), nil
	}
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return "", fmt.Errorf("--date %q is no day of the calendar; write it as 2026-11-24", date)
	}
	return v1alpha1.Date(date), nil
}

// classification is the answer of classify.
type classification struct {
	// Country is an ISO 3166-1 code; empty when it could not be found.
	Country string `json:"country"`
	Zone    string `json:"zone"`
	// Allowed is the judgement of the built-in default policy: the Union only.
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason"`
}

func classifyCommand(w World) *cobra.Command {
	var provider, region, zone, date string
	var form format
	command := leaf("classify", "Say in which country a region or zone lies, and whether the default policy allows it",
		"  kubectl gdpr residency classify --provider aws --region eu-west-3\n"+
			"  kubectl gdpr residency classify --provider aws --region eu-west-3 --zone eu-west-3-wl1-cmn-wlz-1 -o json", func() error {
			on, err := day(date, w)
			if err != nil {
				return err
			}
			if region == "" && zone == "" {
				return fmt.Errorf("nothing to classify; name a region (--region), a zone (--zone), or both")
			}
			return classify(w, residency.BuiltIn(on), on, provider, region, zone, form)
		})
	flags := command.Flags()
	flags.StringVar(&provider, "provider", "", "provider of the table of regions, Custom, or a scheme of providerID that several share, such as openstack; absent, every provider is a candidate")
	flags.StringVar(&region, "region", "", "region code, as on the label topology.kubernetes.io/region")
	flags.StringVar(&zone, "zone", "", "zone code, as on the label topology.kubernetes.io/zone; it is read before the region")
	dateFlag(command, &date)
	outputFlag(command, &form, asJSON)
	return command
}

func classify(w World, rules *residency.Rules, on v1alpha1.Date, provider, region, zone string, form format) error {
	place := rules.Classify(provider, region, zone)
	verdict, reason := rules.JudgePlace(place)
	if form == asJSON {
		return writeJSON(w.Out, classification{Country: string(place.Country), Zone: words[place.Law], Allowed: verdict == v1alpha1.VerdictAllowed, Reason: string(reason)})
	}
	fmt.Fprintf(w.Out, "%s\n%s by %s, which allows %s (reason %s, on %s, data of %s)\n", place.Words(), verdict, rules.Title(), rules.Allows(), reason, on, residency.DataVersion)
	if place.Known() {
		return nil
	}
	if len(rules.Candidates(provider)) == 0 {
		fmt.Fprintf(w.Out, "Providers of the table: %s.\n", strings.Join(residency.Providers(), ", "))
	}
	fmt.Fprintln(w.Out, `What is not known is refused. "kubectl gdpr residency regions" lists what is known; spec.locations of a ResidencyPolicy declares more.`)
	return nil
}

// listedRegion is a row of the answer of regions.
type listedRegion struct {
	Provider   string `json:"provider"`
	Region     string `json:"region"`
	Kind       string `json:"kind"`
	Country    string `json:"country"`
	Zone       string `json:"zone"`
	Allowed    bool   `json:"allowed"`
	City       string `json:"city"`
	Parent     string `json:"parent"`
	Confidence string `json:"confidence"`
	Source     string `json:"source"`
	Note       string `json:"note"`
}

func regionsCommand(w World) *cobra.Command {
	var provider, date string
	var form format
	command := leaf("regions", "List the table of regions that classifications rest on", "  kubectl gdpr residency regions --provider ovh -o wide", func() error {
		on, err := day(date, w)
		if err != nil {
			return err
		}
		if provider != "" && !residency.KnownProvider(provider) {
			return fmt.Errorf("the table has no provider %q; it has %s", provider, strings.Join(residency.Providers(), ", "))
		}
		return listRegions(w, residency.BuiltIn(on).Regions(provider), form)
	})
	command.Flags().StringVar(&provider, "provider", "", "provider of the table; all when absent")
	dateFlag(command, &date)
	outputFlag(command, &form, asJSON, asWide)
	return command
}

func listRegions(w World, table []residency.Region, form format) error {
	list := make([]listedRegion, 0, len(table))
	for _, r := range table {
		list = append(list, listedRegion{Provider: r.Provider, Region: r.Region, Kind: r.Kind, Country: string(r.Country), Zone: words[r.Law],
			Allowed: r.Verdict == v1alpha1.VerdictAllowed, City: r.City, Parent: r.Parent, Confidence: r.Confidence, Source: r.Source, Note: r.Note})
	}
	if form == asJSON {
		return writeJSON(w.Out, list)
	}
	cells := [][]string{{"PROVIDER", "REGION", "KIND", "COUNTRY", "ZONE", "ALLOWED"}}
	if form == asWide {
		cells[0] = append(cells[0], "CITY", "PARENT", "CONFIDENCE", "SOURCE", "NOTE")
	}
	for _, r := range list {
		row := []string{r.Provider, r.Region, r.Kind, r.Country, r.Zone, fmt.Sprint(r.Allowed)}
		if form == asWide {
			row = append(row, r.City, r.Parent, r.Confidence, r.Source, r.Note)
		}
		cells = append(cells, row)
	}
	return writeTable(w.Out, cells)
}
