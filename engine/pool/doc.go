// Package pool holds the engine's two pools. Workers runs work off the event
// loops: it is the bounded, auto-sizing worker pool that handlers which may block
// run on. Pool lends connections to a server elsewhere: bounded, fair, with health
// checks, redialling, a circuit breaker (Breaker) and a size that follows the load
// (Controller), both of use alone too.
//
// Its files are, beside the engine's clock, the only ones below engine/ that
// start goroutines.
package pool
