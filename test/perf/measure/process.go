package measure

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor time in /proc: 100 each second on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// Stat reads, from a file such as /proc/1/stat, the name of a process's program, and its fields behind that: state,
// parent, and so on (proc(5)).
func Stat(file string) (name string, fields []string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", nil, err
	}
	_, rest, _ := strings.Cut(string(text), "(")
	end := strings.LastIndex(rest, ")")
	if end < 0 {
		return "", nil, fmt.Errorf("reading %s: no name", file)
	}
	return rest[:end], strings.Fields(rest[end+1:]), nil
}

// Ticks sums fields of Stat that are processor time.
func Ticks(fields []string) (sum time.Duration, err error) {
	for _, field := range fields {
		ticks, err := strconv.Atoi(field)
		if err != nil {
			return 0, fmt.Errorf("reading processor time: %w", err)
		}
		sum += time.Duration(ticks) * tick
	}
	return sum, nil
}

// Ended is the processor time, in user and system mode, of the children of a process that have ended.
func Ended(pid int) (time.Duration, error) {
	_, fields, err := Stat(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return Ticks(fields[13:15])
}
