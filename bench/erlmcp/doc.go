// Package erlmcp is the figures of the erlmcp v3 report of 2026-02-02 as data: what
// that report says of its own system, each with the workload of bench/suite that
// measures the same of ours, so that both stand on one line.
//
// The report's figures are of another machine (macOS, 16 schedulers), and many are
// not what their names say; Figure.Basis and Figure.Note tell what reading the
// report and the code that it refers to has shown. They are marks to look at, not
// measurements to compute with.
package erlmcp

// Name is what the report is called wherever its figures stand.
const Name = "the erlmcp v3 report of 2026-02-02"

// Short is Name where there is little room.
const Short = "erlmcp v3 report"
