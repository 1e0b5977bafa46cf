// Package suite is the workloads of perf run: what is measured of an MCP engine
// and of a server made of it, each under an id, in the seven areas of the erlmcp
// v3 report of 2026-02-02 (pool, registry, latency, memory, transport, load,
// regression).
//
// # Terms
//
//	workload    something that is measured, with an id such as registry.lookup
//	area        the first part of an id
//	settings    how long and how much; each workload has full and quick ones
//	figure      one value that a workload measures, with a unit
//	repetition  one whole run of a workload; a figure has a value for each
//
// # How times are taken
//
// The clock costs some tens of nanoseconds a reading, which each result of a
// timed operation states (clock_ns). An operation that may be faster than a
// microsecond is timed in batches of 64: its percentiles are those of the means
// of the batches, and are named so (batch64_p99_us). Slower ones are timed one by
// one (p99_us). Rates are from the whole measured time, with nothing taken off.
//
// # Who measures
//
// What is no server runs in this process. What is one is a gannet of its own
// process, started for the workload and pinned to one CPU, and package load, pinned
// to another where there are two, measures it from outside: replies are verified,
// latencies of open loops are from the intended start. Its memory, descriptors and
// counters come from /proc and from its admin pages.
//
// Figures that could not be measured are absent. Adding a workload is a value in
// the table of its area (see All); the reports find it by its id.
package suite
