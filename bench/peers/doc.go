// Package peers is where MCP libraries that others wrote meet this one: as
// clients, in its tests, and as servers to compare with (server).
//
// It is a module of its own, so that an embedder of the engine links none of
// them. Run its tests by make interop; the clients need the gannet binary, which
// the tests build from the folder two levels up.
package peers
