package kubectlgdpr

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// The forms of an answer.
const (
	asText  format = ""
	asTable format = "table" // text too, where it is a table
	asJSON  format = "json"
	asWide  format = "wide"
)

type format string

// outputFlag gives a command the flag -o with the forms that it has beside text.
func outputFlag(command *cobra.Command, into *format, forms ...format) {
	command.Flags().VarP(&choice{into, forms}, "output", "o", "form of the answer, text when absent: "+join(forms))
}

// choice is a flag that takes one of a few words.
type choice struct {
	into  *format
	forms []format
}

func (c *choice) String() string { return string(*c.into) }

// Type is what help calls the value.
func (c *choice) Type() string { return "form" }

// Set refuses what is not one of the words.
func (c *choice) Set(word string) error {
	if !slices.Contains(c.forms, format(word)) {
		return fmt.Errorf("it is one of: %s", join(c.forms))
	}
	*c.into = format(word)
	return nil
}

func join(forms []format) string {
	words := make([]string, 0, len(forms))
	for _, form := range forms {
		words = append(words, string(form))
	}
	return strings.Join(words, ", ")
}

func writeJSON(out io.Writer, answer any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(answer); err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	return nil
}

// writeTable aligns rows of cells; an empty cell is shown as a dash.
func writeTable(out io.Writer, rows [][]string) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if cell == "" {
				row[i] = "-"
			}
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	return nil
}
