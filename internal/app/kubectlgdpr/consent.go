package kubectlgdpr

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/rempart-dev/rempart/internal/consent/bundle"
	"github.com/rempart-dev/rempart/internal/consent/jws"
	"github.com/rempart-dev/rempart/internal/consent/receipt"
)

// proven is the answer about a receipt or a bundle of consent. It is only given when everything that was asked for holds.
type proven struct {
	Key     string         `json:"key"`
	Receipt receipt.Claims `json:"receipt"`
	// Words tells whether the words that were shown were checked.
	Words bool `json:"words"`
	// Log is where the events are, as far as that was asked.
	Log []logged `json:"log,omitempty"`
}

// logged is an event's place in a log.
type logged struct {
	Event uuid.UUID `json:"event"`
	Log   string    `json:"log"`
	Index int64     `json:"index"`
	Size  int64     `json:"size"`
}

func verifyReceiptCommand(w World) *cobra.Command {
	var words string
	var proofs []string
	command := consentCommand(w, &cobra.Command{
		Use: "receipt FILE|-", Short: "Check the receipt of a consent with the service's public keys, without a cluster",
		Example: "  kubectl gdpr verify receipt receipt.jws --keys jwks.json\n" +
			"  kubectl gdpr verify receipt - --keys jwks.json --notice notice.json --proof proof.json < receipt.jws",
	}, func(text []byte, keys jws.Keys) ([]proven, error) {
		claims, key, err := receipt.Open(strings.TrimSpace(string(text)), keys)
		if err != nil {
			return nil, err
		}
		answer := proven{Key: key, Receipt: claims}
		if answer.Words, err = shown(claims, words); err != nil {
			return nil, err
		}
		answer.Log, err = inConsentLog(claims, proofs, keys)
		return []proven{answer}, err
	})
	command.Flags().StringVar(&words, "notice", "", "file with the words that were shown, as JSON, which the receipt must name")
	command.Flags().StringArrayVar(&proofs, "proof", nil, "file with the proof that an event of the receipt is in the log; may be repeated")
	return command
}

func verifyBundleCommand(w World) *cobra.Command {
	return consentCommand(w, &cobra.Command{
		Use: "bundle FILE|-", Short: "Check consents with their words and their place in the log, without a cluster",
		Example: "  kubectl gdpr verify bundle bundles.jsonl --keys jwks.json",
	}, func(text []byte, keys jws.Keys) ([]proven, error) {
		good, err := bundle.OpenAll(text, keys)
		if err != nil {
			return nil, err
		}
		answers := make([]proven, len(good))
		for i, one := range good {
			answers[i] = proven{Key: one.Key, Receipt: one.Claims, Words: true}
			for _, p := range one.Places {
				answers[i].Log = append(answers[i].Log, logged(p))
			}
		}
		return answers, nil
	})
}

// consentCommand gives a command its one file, its keys and the forms of its answer. In JSON it is an array, for a file has one act or
// more.
func consentCommand(w World, command *cobra.Command, check func([]byte, jws.Keys) ([]proven, error)) *cobra.Command {
	var keys string
	var form format
	command.Args = oneFile
	command.RunE = func(_ *cobra.Command, args []string) error {
		public, err := readKeys(keys)
		if err != nil {
			return err
		}
		text, err := fileOrInput(w, args[0])
		if err != nil {
			return err
		}
		answers, err := check(text, public)
		if err != nil {
			return fmt.Errorf("the %s does not hold: %w", command.Name(), err)
		}
		if form == asJSON {
			return writeJSON(w.Out, answers)
		}
		var rows [][]string
		for i, answer := range answers {
			if i > 0 {
				rows = append(rows, []string{""})
			}
			rows = append(rows, answer.rows()...)
		}
		return writeTable(w.Out, rows)
	}
	command.Flags().StringVar(&keys, "keys", "", "file with the service's public keys (JWKS), from the organisation and on another way than the receipt")
	outputFlag(command, &form, asJSON)
	return command
}

func readKeys(name string) (jws.Keys, error) {
	if name == "" {
		return jws.Keys{}, errors.New("no keys to check with; name the file of the public keys by --keys")
	}
	text, err := readFile(name)
	if err != nil {
		return jws.Keys{}, err
	}
	keys, err := jws.ParseKeys(text)
	if err != nil {
		return jws.Keys{}, fmt.Errorf("%s: %w", name, err)
	}
	return keys, nil
}

// shown checks the words, if a file with them was named.
func shown(claims receipt.Claims, name string) (bool, error) {
	if name == "" {
		return false, nil
	}
	words, err := readFile(name)
	if err != nil {
		return false, err
	}
	if err := bundle.CheckWords(claims, words); err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	return true, nil
}

// inConsentLog checks the proofs that were named, in the order of the events.
func inConsentLog(claims receipt.Claims, names []string, keys jws.Keys) ([]logged, error) {
	var found []logged
	for _, name := range names {
		text, err := readFile(name)
		if err != nil {
			return nil, err
		}
		place, err := bundle.CheckProof(claims, text, keys)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		found = append(found, logged(place))
	}
	slices.SortFunc(found, func(a, b logged) int { return strings.Compare(a.Event.String(), b.Event.String()) })
	return found, nil
}

func (p proven) rows() [][]string {
	c := p.Receipt
	rows := [][]string{{"Receipt", "good: signed by " + p.Key + " and unchanged"}, {"Number", c.ID.String()}, {"Service", c.Issuer},
		{"Site", c.Audience}, {"Person", c.Subject}, {"Recorded", moment(c.IssuedAt) + " by " + c.Method}}
	for _, e := range c.Events {
		rows = append(rows, []string{"Event", strings.TrimSpace(e.Type+" "+e.Purpose+" "+e.Decision) + "; " + p.place(e.ID)})
	}
	if c.Expires != 0 {
		rows = append(rows, []string{"Ends", moment(c.Expires)})
	}
	rows = append(rows, []string{"Notice", p.notice()}, []string{"Withdraw", c.Withdraw})
	for _, row := range rows {
		row[1] = printable(row[1])
	}
	return rows
}

func (p proven) notice() string {
	n := p.Receipt.Notice
	words := "not checked; name the words by --notice"
	switch {
	case n.SHA256 == "":
		return "none was shown"
	case p.Words:
		words = "good: these are the words"
	}
	return n.ID + " " + strconv.Itoa(int(n.Version)) + " in " + n.Language + "; " + words
}

func (p proven) place(event uuid.UUID) string {
	i := slices.IndexFunc(p.Log, func(l logged) bool { return l.Event == event })
	if i < 0 {
		return "log not checked; name the event's proof by --proof"
	}
	return fmt.Sprintf("leaf %d of %d in %s", p.Log[i].Index, p.Log[i].Size, p.Log[i].Log)
}

func moment(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }
