// Command spine runs the speed table of the way from bytes to answer: the engine
// beside the floors of the kernel and the event loop, and beside peers, in one
// interleaved run.
//
//	go run ./bench/spine [-gannet PATH] [-rounds 3] [-duration 2s] [-only REGEXP] [-out FILE]
//	                     [-peer go-sdk=COMMAND] [-peer mcp-go=COMMAND] [-peer ts-sdk=COMMAND]
//	                     [-web go-sdk=COMMAND] [-web mcp-go=COMMAND] [-web-echo net-http=COMMAND]
//
// The lines of HTTP are measured by wrk, which must be installed; -only '(tcp|stdio)'
// leaves them out.
//
// A round measures every subject once, each with a server of its own pinned to
// one CPU with GOMAXPROCS=1 and the generator (bench/gen) pinned to another. A
// machine drifts by some percent between hours and runs, so a figure is stated
// as the ratio to its base in the same round; what is printed is the median over
// the rounds, with the least and the greatest in brackets.
//
// The table goes to standard output as Markdown; -out takes all results and the
// facts of the machine as JSON, from which -from prints the tables again;
// progress goes to standard error. Programs whose
// paths are not given are built from this module into a temporary folder. Exit
// codes: 0 measured, 1 a subject failed or the generator counted errors, 2 usage
// or not Linux. A goal that is missed is no failure: it is in the table.
//
// # Terms
//
//	subject   a server, and the load that it is measured with (package bench/rounds: data)
//	base      the subject that another's ratios refer to
//	goal      a figure or ratio that a subject should reach (package bench/rounds: data)
//
// # Garbage collections
//
// The engine runs with GODEBUG=gctrace=1; cycles that end while measuring are
// counted in the column GC.
//
// # Threads
//
// The main goroutine does everything, locked to its thread: the kernel kills
// the servers with the thread that started them. Goroutines of os/exec copy
// standard error, into a watcher that has a lock.
package main
