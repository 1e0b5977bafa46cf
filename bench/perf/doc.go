// Command perf measures MCP servers, of whoever: how fast they answer, from
// which rate on they no longer do, and what standing connections cost.
//
//	perf run --list                                                   what can be measured of this engine
//	perf run registry.lookup latency --quick                          some of it
//	perf load tcp://127.0.0.1:7600 -c 64 -d 16 --method call          as fast as it goes
//	perf load http://127.0.0.1:7601/mcp -c 64 --rate 5000             at a rate, whatever the server does
//	perf load --steps 1000,2000,4000 -- npx some-mcp-server           a server on standard streams
//	perf load tcp://127.0.0.1:7600 -c 64 --find-knee                  the highest rate that keeps a limit
//	perf conns tcp://127.0.0.1:7600 -n 5000                           connections that stand and answer
//	perf peers --out peers.json                                       ours beside other libraries and bare echoes
//	perf profile 'gannet tcp call d16'                                where server and generator spend their time
//	perf keep codec.txt -- go test -bench Parse ./codec               a benchmark's output, with machine and commit
//	perf report a.json b.json -o report.html
//	perf compare before.json after.json
//	perf baseline check result.json
//
// Package bench/load generates the load and says what is checked and how, package
// bench/suite has the workloads of perf run; here are verbs, flags and exit codes.
//
// Results go to standard output, progress to standard error. Exit codes: 0
// measured; 1 failed, or errors were counted; 2 usage or not Linux; 3 could not
// connect; 4 a threshold was passed, a comparison failed, or a workload of perf run
// was not as it demands; 6 the generator was the limit: the result is written, and
// marked.
package main
