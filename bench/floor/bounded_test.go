//go:build !race

package main

import (
	"bytes"
	"testing"
)

// TestBounded has a line without an end: the connection is closed. Under the race
// detector 16 MiB, copied as they come, are seconds.
func TestBounded(t *testing.T) {
	network, address := start(t, "127.0.0.1:0", "line", 1)
	conn := dial(t, network, address)
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	var err error
	sent := 0
	for ; sent < 4*maxBuffered && err == nil; sent += len(chunk) {
		_, err = conn.Write(chunk)
	}
	if err == nil {
		t.Errorf("%d bytes without a newline are taken", sent)
	}
}
