package erasure

import (
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/rempart-dev/rempart/test/perf/measure"
)

// report prints, of each way, medians in milliseconds, and how many times as fast as by hand it is: erasing, verifying, and both
// with the certificates. By hand nothing is planned, recorded or proven.
func report(scene string, people int, ways []way, results []result) {
	hand := results[1]
	fmt.Printf("\n%d people in one run; %s; load average %s\n", people, scene, measure.Load())
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
