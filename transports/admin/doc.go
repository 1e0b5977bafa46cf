// Package admin is what operators see of a server, on a listener of its own,
// away from where MCP is served: whether it lives and is ready, its counters in
// the text format of Prometheus, and Go's profiles.
//
//	/livez         200 as long as the process answers
//	/readyz        200, or 503 while the server drains or has ended
//	/metrics       counters of engine, transports and the Go runtime; durations of
//	               operations, if the server has an Operations
//	/debug/pprof/  net/http/pprof
//
// Nothing here asks who comes: listen on a loopback address, or put something
// in front. No label has a value that a peer chose.
package admin
