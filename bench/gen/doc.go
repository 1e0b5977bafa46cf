// Command gen generates load: requests of newline-delimited JSON-RPC, many at a
// time, over TCP, a Unix socket or a child's standard input and output, and
// reports rate, latency and what the server used. The work is done by package
// bench/load, which says what is checked and how; here are flags and exit codes.
//
//	gen -target tcp://127.0.0.1:7600 -c 64 -d 16 -method call -cpu 1 -server-pid 4711
//	gen -target unix:///run/user/1000/gannet.sock -method ping -n 100000
//	gen -target http://127.0.0.1:7601/mcp -c 64 -method call
//	gen -target stdio -d 64 -method call -cpu 1 -child-cpu 0 -- gannet serve --demo --listen stdio
//	gen -target tcp://127.0.0.1:40001 -method raw -c 64 -d 16     (against bench/floor)
//	gen -target stdio -method raw -d 64 -- cat
//
// The report goes to standard output, as text or with -json as one JSON object
// (load.Result); progress goes to standard error. Exit codes: 0 measured without
// an error, 1 failed or errors were counted, 2 usage or not Linux.
//
// # Threads
//
// One thread sends and receives. Pinned by -cpu, the process runs with
// GOMAXPROCS=1 unless the environment says otherwise.
package main
