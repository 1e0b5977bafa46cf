// Package rounds measures servers beside each other: every subject once a round,
// each time with a server of its own pinned to one CPU with GOMAXPROCS=1 and the
// load generator pinned to another. A machine drifts by some percent between
// hours and runs, so a figure is stated as the ratio to its base in the same
// round, and over the rounds as the median with the least and the greatest.
//
// bench/spine and bench/perf's peers are its command lines. What is measured
// (Subjects, WebSubjects, SocketSubjects) and what should come out of it (GoalsOf) is data, and
// stands here once.
//
// # Terms
//
//	subject   a server, and the load that it is measured with
//	peer      a subject's server that others wrote
//	floor     one that does no more than echo: what kernel and event loop cost
//	base      the subject that another's ratios refer to
//	goal      a figure or ratio that a subject should reach
//
// # Threads
//
// The goroutine that measures does everything. Goroutines of os/exec copy
// standard error into a Watcher, which has a lock; one a server waits for its
// end, and one reads its standard output until it is stopped.
package rounds
