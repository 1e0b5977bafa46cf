package websocket_test

import (
	"fmt"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/http1"
	"github.com/gannetmcp/gannet/transports/websocket"
)

// Both ends of a connection, without a socket between them.
func Example() {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	client := websocket.NewLoop(pool, websocket.Options{Client: true})
	server := websocket.NewLoop(pool, websocket.Options{})

	// The handshake: the server parses the request by package http1.
	request, handshake := client.Connect(nil, "localhost:7601", "/ws", "")
	var head http1.Parser
	head.Init(http1.NewLoop(pool, http1.Limits{}), nil)
	head.Next(request)
	response, agreed, refused := server.Accept(nil, head.Request())
	if refused != nil {
		fmt.Println(refused.Status, refused.Reason)
		return
	}
	_, agreedToo, err := handshake.Read(response)
	fmt.Println(agreed.Deflate, agreedToo.Deflate, err)

	// The client sends, in pieces as they come to the server.
	wire := client.AppendText(nil, []byte(`{"jsonrpc":"2.0","id":1,"method":"ping"}`), agreedToo)
	wire = client.AppendPing(wire, []byte("still there?"))
	wire = client.AppendClose(wire, websocket.CodeNormal, "done")

	var p websocket.Parser
	p.Init(server, nil, agreed)
	for len(wire) > 0 {
		read := wire[:min(20, len(wire))]
		wire = wire[len(read):]
		for ev := websocket.Failed; ev != websocket.More; {
			var n int
			n, ev = p.Next(read)
			read = read[n:]
			switch ev {
			case websocket.Message:
				fmt.Printf("%s\n", p.Payload())
			case websocket.Ping:
				fmt.Printf("ping %q, to be answered by %q\n", p.Payload(), server.AppendPong(nil, p.Payload()))
			case websocket.Close:
				fmt.Printf("close %d %q\n", p.Code(), p.Payload())
			case websocket.Failed:
				fmt.Println(p.Err().Code, p.Err().Reason)
			}
		}
	}
	p.Release()
	// Output:
	// true true <nil>
	// {"jsonrpc":"2.0","id":1,"method":"ping"}
	// ping "still there?", to be answered by "\x8a\fstill there?"
	// close 1000 "done"
}
