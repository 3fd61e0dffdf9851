package erasure

import (
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/rempart-dev/rempart/test/perf/measure"
)

// report prints, of each way, medians in milliseconds, and how many times as fast as by hand it is: erasing, verifying, and both
// with the certificates. By hand nothing is planned, recorded or proven.
func (b *bench) report(people int, ways []way, results []result) {
	hand := results[1]
	fmt.Printf("\n%d people in one run; %s; load average %s\n", people, b.scene.name, measure.Load())
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "way\trounds\tplan\terase\tleast\tmost\tagainst by hand\tverify\tagainst by hand\tcertificate\tend to end\tagainst by hand\tWAL\tstore's CPU: erase\tagainst by hand\tverify\tagainst by hand")
	for i, r := range results {
		if len(r.erase) == 0 {
			continue
		}
		whole, wholeAgainst := "-", "-"
		if r.verify.Max() > 0 {
			whole, wholeAgainst = median(r.whole), against(hand.whole, r.whole)
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%.0f\t%.0f\t%s\t%s\t%s\t%s\t%s\t%s\t%.1f MB\t%.0f\t%s\t%.0f\t%s\n", ways[i].name, len(r.erase), median(r.plan), median(r.erase), r.erase.Min(), r.erase.Max(),
			against(hand.erase, r.erase), median(r.verify), against(hand.verify, r.verify), median(r.certificate), whole, wholeAgainst,
			float64(r.wal)/1e6, r.cpu.Mean(), ratio(hand.cpu.Mean(), r.cpu.Mean()), r.verifyCPU.Mean(), ratio(hand.verifyCPU.Mean(), r.verifyCPU.Mean()))
	}
	_ = w.Flush()
	fmt.Printf("End to end, with ledger, verification and proof, against the hand-written transaction alone: %s\n", against(hand.erase, results[0].whole))
	fmt.Println("The engine and the hand-written transaction left the same rows.")
	b.aim(fmt.Sprintf("%d people, %s: speed of the erasure, ledger included, against by hand", people, b.scene.name), hand.erase.Median()/results[0].erase.Median(), 0.9, false)
	b.aim("the same with verification and proof, against the transaction by hand alone", hand.erase.Median()/results[0].whole.Median(), 0.9, false)
	if len(results) > 2 && len(results[2].erase) > 0 && people == aimedPerRow {
		row, commits := results[2].erase.Median(), float64(results[2].commits)
		fmt.Printf("One commit for each row: %.0f commits, flushed to the disk, of %.2f ms each with their searches; to take 50 times as long as the engine it would have to be %.2f ms\n",
			commits, row/commits, 50*results[0].erase.Median()/commits)
		b.aim("the same people by one commit for each row: times as long as the engine", row/results[0].erase.Median(), 50, false)
	}
}

// aimedPerRow is the number of people for whom it is asked how much longer one commit for each row takes.
const aimedPerRow = 1000

// aim is a figure that the project set itself. Nothing fails when it is missed.
type aim struct {
	what           string
	measured, want float64
	most           bool // it is to be no more than what is wanted, and not at least that
}

func (b *bench) aim(what string, measured, want float64, most bool) {
	*b.aims = append(*b.aims, aim{what, measured, want, most})
}

// summary prints what was aimed at beside what was measured.
func summary(aims []aim) {
	if len(aims) == 0 {
		return
	}
	fmt.Printf("\nAims; load average %s, without which no time means much\n", measure.Load())
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "aim\t\tmeasured\t")
	for _, a := range aims {
		word, met := "at least", a.measured >= a.want
		if a.most {
			word, met = "at most", a.measured <= a.want
		}
		fmt.Fprintf(w, "%s\t%s %g\t%.2f\t%s\n", a.what, word, a.want, a.measured, map[bool]string{true: "met", false: "missed"}[met])
	}
	_ = w.Flush()
}

// median is that of a series in milliseconds; a dash for what a way does not do.
func median(s measure.Series) string {
	if s.Max() == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", s.Median())
}

// against is how many times as fast as by hand something was.
func against(hand, ours measure.Series) string { return ratio(hand.Median(), ours.Median()) }

func ratio(hand, ours float64) string {
	if hand == 0 || ours == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", hand/ours)
}
