// Command streams opens event streams of MCP sessions (2025-11-25) on a server of
// its own, holds them, publishes to them, and says what that costs.
//
//	streams [-n 19000] [-publishes 20] [-settle 5s] [-mode sse|http] [-json] [-cpu-profile FILE]
//	        [-save FILE] [-from FILE]
//
// It runs itself a second time as the server, with GOMAXPROCS=1 on one CPU, and
// drives it from another. In the mode sse each session subscribes to one
// resource, and each publish is timed from the request that causes it to the
// last stream that it has reached; all of its bytes are compared. In the mode
// http the connections are kept alive after one ping each, and nothing is
// published. Memory is the server's resident memory per connection, after
// -settle, less what it had before the first.
//
// Streams get no comments meanwhile that keep them alive.
//
// A process has as many connections as it may open files, less a few; the limit
// is looked at first. Linux only. Exit codes: 0 measured, 1 failed, 2 usage.
package main
