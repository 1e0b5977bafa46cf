//go:build !linux

package transports

// canHold says that holding is not to be had here.
func canHold() bool { return false }

func holdForInput(int) {}
