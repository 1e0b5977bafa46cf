//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	_ = serve
	fmt.Fprintln(os.Stderr, "streams: this measures on Linux only")
	os.Exit(2)
}
