package engine

import "github.com/gannetmcp/gannet/codec"

// Refusals of the engine, rendered once. Their codes and data are those of
// package codec.
var (
	refusedInFlight = codec.Overloaded("too many requests of this connection are in flight")
	refusedTotal    = codec.Overloaded("too many requests are in flight")
	refusedQueue    = codec.Overloaded("the worker queue is full")
	refusedBudget   = codec.Overloaded("the byte budget is used up")
	refusedTime     = codec.Overloaded("compressed messages become more than there is time for; send this one as it is")
	errDuplicateID  = codec.InvalidRequest("a request with this id is in flight")
	errBatchRefused = codec.InvalidRequest("batches belong to revision 2025-03-26 only")
	errNestedBatch  = codec.InvalidRequest("a batch inside a batch")
)
