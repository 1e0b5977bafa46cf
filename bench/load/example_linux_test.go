package load_test

import (
	"fmt"
	"io"
	"net"

	"github.com/gannetmcp/gannet/bench/load"
)

// A thousand lines against an echo, sixteen in flight.
func ExampleRun() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = l.Close() }()
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}
	}()
	r, err := load.Run(load.Options{Target: "tcp://" + l.Addr().String(), Method: load.MethodRaw, Depth: 16, Count: 1000})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Messages, "messages, errors:", &r.Errors)
	// Output: 1000 messages, errors: none
}
