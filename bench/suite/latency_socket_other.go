//go:build !linux

package suite

// socketWorkloads are none here: they use epoll.
func socketWorkloads() []Workload { return nil }
