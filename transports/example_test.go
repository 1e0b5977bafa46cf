package transports_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports"
)

// greeter answers each request with its own method's name.
type greeter struct{}

func (g greeter) OpenConn(*engine.Conn) engine.Handler         { return g }
func (greeter) ServeNotification(*engine.Conn, *codec.Message) {}
func (greeter) ServeResponse(*engine.Conn, *codec.Message)     {}
func (greeter) CloseConn(*engine.Conn, engine.CloseReason)     {}
func (greeter) ServeRequest(c *engine.Call)                    { c.EndResult(appendGreeting(c.BeginResult(), c.Method())) }
func appendGreeting(dst, method []byte) []byte {
	return append(append(append(dst, `{"hello":"`...), method...), `"}`...)
}

// A server on a TCP port that the kernel picks, a client, and a clean end.
func Example() {
	s, err := transports.Listen(greeter{}, transports.Options{
		Listeners: []transports.Listener{{URL: "tcp://127.0.0.1:0"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	c, err := net.Dial("tcp", strings.TrimPrefix(s.Addrs()[0], "tcp://"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprintln(c, `{"jsonrpc":"2.0","id":1,"method":"world"}`)
	answer, _ := bufio.NewReader(c).ReadString('\n')
	fmt.Print(answer)

	grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(s.Shutdown(grace), errors.Is(s.Wait(), transports.ErrServerClosed))
	// Output:
	// {"jsonrpc":"2.0","id":1,"result":{"hello":"world"}}
	// <nil> true
}

// Standard input and output, here a pair of pipes. The end of the input ends
// the server, once all is answered.
func Example_stdio() {
	stdin, toServer, _ := os.Pipe()
	fromServer, stdout, _ := os.Pipe()
	s, err := transports.Listen(greeter{}, transports.Options{
		Listeners: []transports.Listener{{URL: "stdio"}},
		Stdin:     stdin,
		Stdout:    stdout,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprintln(toServer, `{"jsonrpc":"2.0","id":"a","method":"pipe"}`)
	_ = toServer.Close()
	answer, _ := bufio.NewReader(fromServer).ReadString('\n')
	fmt.Print(answer)
	fmt.Println(s.Wait())
	// Output:
	// {"jsonrpc":"2.0","id":"a","result":{"hello":"pipe"}}
	// <nil>
}

// Errors name the listener and what to do about it.
func ExampleListen_error() {
	_, err := transports.Listen(greeter{}, transports.Options{
		Listeners: []transports.Listener{{URL: "carrier-pigeon://coop"}},
	})
	fmt.Println(err)
	// Output:
	// transports: "carrier-pigeon://coop": unknown scheme "carrier-pigeon"; use stdio, tcp://HOST:PORT, http://HOST:PORT, ws://HOST:PORT, with TLS tls://, https:// or wss://HOST:PORT, or unix:///PATH
}
