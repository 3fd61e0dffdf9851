// Package measure holds what the benchmarks share: figures of several rounds, and what else ran on the machine.
package measure

import (
	"os"
	"slices"
	"strings"
	"time"
)

// Series are the measurements of one figure, one per round, in a unit of the caller's choice.
type Series []float64

// Median is the middle one; of an even number the mean of the two in the middle, of none 0.
func (s Series) Median() float64 {
	n := len(s)
	if n == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Mean is for what is counted in coarse steps, which it evens out; 0 of none.
func (s Series) Mean() float64 {
	var sum float64
	for _, value := range s {
		sum += value
	}
	return sum / float64(max(1, len(s)))
}

// Min is the smallest one; 0 of none.
func (s Series) Min() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Min(s)
}

// Max is the greatest one; 0 of none.
func (s Series) Max() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Max(s)
}

// Minus are the differences of two figures, round by round: what a load that lasts for a round adds to both cancels out.
func (s Series) Minus(other Series) Series {
	out := make(Series, min(len(s), len(other)))
	for i := range out {
		out[i] = s[i] - other[i]
	}
	return out
}

// Milliseconds is the unit in which waiting is told.
func Milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// Load is the machine's load average over 1, 5 and 15 minutes; empty where the system does not tell.
func Load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	return strings.Join(fields[:min(3, len(fields))], " ")
}
