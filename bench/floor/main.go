package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	mode := flag.String("mode", "line", "line: echo whole lines; raw: echo whatever arrives")
	addr := flag.String("addr", "127.0.0.1:0", "`HOST:PORT` (port 0 picks one) or unix:///PATH")
	loops := flag.Int("loops", 1, "event loops")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "floor: takes no arguments beside flags")
		os.Exit(2)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	err := run(*addr, *mode, *loops, func(bound string) { fmt.Println(bound) }, stop)
	if err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		var usage usageError
		if errors.As(err, &usage) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}
