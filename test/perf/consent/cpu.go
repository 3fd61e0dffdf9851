package consent

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rempart-dev/rempart/test/perf/measure"
)

// processor is processor time, in user and system mode.
type processor struct {
	// here is of this process, which is service and clients in one, and of programs that it ran, such as pgbench.
	here time.Duration
	// store is of all processes of PostgreSQL.
	store time.Duration
}

func (p processor) minus(o processor) processor { return processor{p.here - o.here, p.store - o.store} }

// processor reads what was used up to now.
func (b *bench) processor() (processor, error) {
	var p processor
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		if err := syscall.Getrusage(who, &usage); err != nil {
			return p, fmt.Errorf("reading processor time: %w", err)
		}
		p.here += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	text, err := os.ReadFile(filepath.Join(b.server.Folder, "data", "postmaster.pid"))
	if err != nil {
		return p, err
	}
	postmaster, _, _ := strings.Cut(string(text), "\n")
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return p, err
	}
	for _, file := range files {
		_, fields, err := measure.Stat(file)
		if err != nil {
			continue // it ended meanwhile, and counts among the children that have
		}
		times := fields[11:13]
		if filepath.Base(filepath.Dir(file)) == postmaster {
			times = fields[11:15]
		} else if fields[1] != postmaster {
			continue
		}
		used, err := measure.Ticks(times)
		if err != nil {
			return p, err
		}
		p.store += used
	}
	if _, err := strconv.Atoi(postmaster); err != nil || p.store == 0 {
		return p, fmt.Errorf("reading processor time: no process of the store was found")
	}
	return p, nil
}
