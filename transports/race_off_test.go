//go:build !race

package transports

const raced = false
