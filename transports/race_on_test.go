//go:build race

package transports

// raced says that the race detector makes everything many times slower.
const raced = true
