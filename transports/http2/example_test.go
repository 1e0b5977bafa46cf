package http2_test

import (
	"fmt"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/http2"
)

// A connection is fed what was read, and has its requests answered.
func Example() {
	loop := http2.NewLoop(ringbuf.NewPool(ringbuf.PoolOptions{}), http2.Limits{})
	conn := loop.Open(nil)
	defer conn.Close()
	read := []byte(http2.Preface +
		"\x00\x00\x00\x04\x00\x00\x00\x00\x00" + // SETTINGS
		"\x00\x00\x06\x01\x05\x00\x00\x00\x01\x82\x86\x84\x41\x01a") // GET http://a/
	for now := int64(1); ; {
		n, event := conn.Next(read, now)
		read = read[n:]
		switch event {
		case http2.Done:
			s := conn.Stream()
			fmt.Printf("%s %s\n", s.Request().Method(), s.Request().Path())
			conn.SendHead(s, &http2.Response{Status: 200, ContentType: "text/plain", Length: 5}, false)
			if n := conn.SendData(s, []byte("hello"), true); n < 5 {
				fmt.Println("the rest waits for Writable")
			}
			conn.Release(s)
		case http2.Failed:
			fmt.Println(conn.Err())
		}
		if event == http2.More {
			break
		}
	}
	fmt.Println(len(conn.AppendOutput(nil)) > 0)
	// Output:
	// GET /
	// true
}
