// Package profile names the periods of the law, so that no decision carries a number of its own. A case is bound to the
// profile under which it started.
package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/rempart-dev/rempart/internal/law/data"
	"github.com/rempart-dev/rempart/internal/law/deadline"
)

// Default is the law in force.
const Default = "eu-gdpr-2016"

// Rules of the default profile, by their id in deadline_rules.csv.
const (
	// BreachAuthority is the notification to the authority (Article 33(1)).
	BreachAuthority = "DL-BREACH-SA"
	// BreachControllers is a processor's notification to each controller (Article 33(2)). The number is ours.
	BreachControllers = "DL-BREACH-CTRL"
	// BreachSubjects is the communication to the people concerned (Article 34(1)). The number is ours.
	BreachSubjects = "DL-BREACH-DS"
	// BreachProvisional is how long an incident may stay undeclared. The number is ours.
	BreachProvisional = "DL-BREACH-PROVISIONAL"
	// BreachComplement is the complement to an incomplete notification: soft.
	BreachComplement = "DL-BREACH-SUPPL-CNIL"
	// BreachRecord is how long the record of Article 33(5) is kept after closure. The number is ours.
	BreachRecord = "DL-BREACH-RECORD"
	// Request is the answer to a person's request (Article 12(3)).
	Request = "DL-DSAR"
	// Refusal is telling a person why nothing is done (Article 12(4)): no extension lengthens it.
	Refusal = "DL-DSAR-REFUSAL"
	// IdentityQuestion is how soon a question about identity must be asked to pause the clock.
	IdentityQuestion = "DL-DSAR-IDENTITY"
)

// Profile is a set of periods.
type Profile struct {
	// Name, such as eu-gdpr-2016.
	Name string
	// Digest is SHA-256, in hex, of the periods; a golden test pins it, so that a change needs a new data version.
	Digest  string
	periods map[string]string
}

// Find returns the profile of that name.
func Find(name string) (Profile, error) {
	all, err := load()
	if err != nil {
		return Profile{}, err
	}
	p, ok := all[name]
	if !ok {
		return Profile{}, fmt.Errorf("finding law profile %q: unknown", name)
	}
	return p, nil
}

// Period returns the ISO 8601 period of a rule, such as PT72H.
func (p Profile) Period(rule string) (string, error) {
	period, ok := p.periods[rule]
	if !ok {
		return "", fmt.Errorf("finding rule %s of law profile %s: unknown", rule, p.Name)
	}
	return period, nil
}

// Hours returns the period of a rule that counts in hours.
func (p Profile) Hours(rule string) (int, error) {
	period, err := p.Period(rule)
	if err != nil {
		return 0, err
	}
	parsed, err := deadline.ParsePeriod(period)
	if err != nil {
		return 0, fmt.Errorf("reading rule %s: %w", rule, err)
	}
	return parsed.Hours, nil
}

var load = sync.OnceValues(func() (map[string]Profile, error) {
	rows, err := data.Rows(data.DeadlineRules)
	if err != nil {
		return nil, err
	}
	all := map[string]Profile{}
	for _, row := range rows {
		p, ok := all[row["profile"]]
		if !ok {
			p = Profile{Name: row["profile"], periods: map[string]string{}}
		}
		p.periods[row["id"]] = row["period"]
		all[p.Name] = p
	}
	for name, p := range all {
		p.Digest = digest(p.periods)
		all[name] = p
	}
	return all, nil
})

func digest(periods map[string]string) string {
	var lines []string
	for rule, period := range periods {
		lines = append(lines, rule+" "+period)
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])
}
