package erasure

import (
	"context"
	_ "embed"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/rempart-dev/rempart/test/perf/measure"
)

//go:embed floor.sql
var floor string

// floorWithin erases one person after the other in one session by the fewest statements that a person would write, each transaction
// sent at once and answered once, and says how many milliseconds the first and the last of them took: no engine can take less.
func (b *bench) floorWithin(ctx context.Context) (first, last float64, err error) {
	database, drop, err := b.fresh(ctx)
	defer drop()
	if err != nil {
		return 0, 0, err
	}
	config, err := pgx.ParseConfig(b.server.URL(database))
	if err != nil {
		return 0, 0, err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close(ctx)
	for i, address := range b.chosen(sitting) {
		batch := &pgx.Batch{}
		for statement := range strings.SplitSeq(strings.TrimSpace(floor), ";\n") {
			if strings.Contains(statement, "$1") {
				batch.Queue(statement, address)
			} else {
				batch.Queue(statement)
			}
		}
		start := time.Now()
		if err := conn.SendBatch(ctx, batch).Close(); err != nil {
			return 0, 0, err
		}
		if last = measure.Milliseconds(time.Since(start)); i == 0 {
			first = last
		}
	}
	return first, last, nil
}
