// Package walls holds tests that forbid imports: which way packages may point, and what each program may link.
// The linter states the first half file by file (.golangci.yml); here both are proven from what the compiler would
// really link, and each failure names the chain of imports and says why the wall is there.
package walls
