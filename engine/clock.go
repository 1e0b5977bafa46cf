package engine

import "time"

// Clock tells the time to the engine. It is one of the two interfaces through
// which the world outside reaches it (Driver is the other), so that a test
// can run the whole engine on a clock of its own. Now must never go backwards.
// Safe from any goroutine.
type Clock interface {
	// Now returns nanoseconds since an arbitrary fixed point.
	Now() int64
}

// SystemClock is the monotonic clock of the process.
type SystemClock struct{}

var clockBase = time.Now()

// Now returns the nanoseconds since the process started.
func (SystemClock) Now() int64 { return int64(time.Since(clockBase)) }
