// Package pooling measures connection pools: what borrowing a connection, calling
// a tool of an MCP server on it and giving it back costs, at three sizes; and how
// the size of a pool follows its load, simulated and real.
//
// # What is measured
//
// Run has Users goroutines that share Conns connections to a server elsewhere: each
// borrows one, calls the tool echo, checks the answer, and returns it, as fast as
// it goes (a closed loop: who waits does not ask, so latencies are those of this
// many users). An operation is all of that. Its latency, the wait before the
// connection was there, and the call alone are recorded for each operation.
//
// The call is made by a Client: Line, a connection that patches the id of a
// prepared request and compares the answer with what is expected, which leaves
// most of the time to the pool, the sockets and the server; Mux, the same for many
// callers at once (Config.PerConn), whose messages share writes and reads; or
// Session, an
// mcp.ClientSession as programs use it, with encoding/json and all.
//
// # True efficiency
//
// The efficiency of a Point is that of pool.Snapshot: of the time for which
// connections were set aside for borrowers, the share in which calls were under
// way. Busy is the share of time in which connections were lent at all. Where the
// server is told to take a certain time for each call (Config.Work), Ideal is how
// many operations so many connections could do at most, and OfIdeal what share of
// that was done: sleeping costs no CPU, so it shows what the pool and the machine
// take away, whereas without work the CPUs are the bound, and more connections
// than fill them bring nothing.
//
// Direct is the rate of as many users as can have a lease at once, but with no
// pool, each keeping to one connection: what OfDirect lacks to 1 is what the pool costs, beside what
// more goroutines cost the scheduler.
//
// # Sizing
//
// Simulate and Trace play the same Phases of load to the same pool.Controller: one
// to a model of a pool in simulated time, the other to a pool.Pool and a server.
package pooling
