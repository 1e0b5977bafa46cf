// Package pool runs work off the event loops: Workers is the bounded,
// auto-sizing worker pool that handlers which may block run on.
//
// Its files are, beside the engine's clock, the only ones below engine/ that
// start goroutines.
package pool
