package http1_test

import (
	"fmt"
	"strings"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/http1"
)

// A connection: bytes that were read in, the bytes to write out.
func Example() {
	loop := http1.NewLoop(ringbuf.NewPool(ringbuf.PoolOptions{}), http1.Limits{})
	var p http1.Parser
	p.Init(loop, nil)
	var out []byte
	for _, read := range []string{
		"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\nPOST /b HTTP/1.1\r\nHo",
		"st: localhost\r\nContent-Length: 5\r\n\r\nhello",
		"GET /c HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
	} {
		for b := []byte(read); ; {
			n, ev := p.Next(b)
			b = b[n:]
			switch ev {
			case http1.Done:
				q := p.Request()
				r := http1.Response{Status: 200, ContentType: "text/plain"}
				r.For(q)
				out = r.AppendWhole(out, fmt.Appendf(nil, "%s %s %q", q.Method(), q.Path(), p.Body()))
			case http1.Failed:
				out = http1.AppendError(out, p.Err(), p.Request(), nil)
			}
			if ev == http1.More {
				break
			}
		}
		if p.ContinueDue() {
			out = http1.AppendContinue(out)
		}
	}
	text := strings.ReplaceAll(string(out), "\r\n", "\n")
	fmt.Println(strings.ReplaceAll(text, "HTTP/1.1", "\nHTTP/1.1"))
	// Output:
	// HTTP/1.1 200 OK
	// Content-Type: text/plain
	// Content-Length: 9
	//
	// GET /a ""
	// HTTP/1.1 200 OK
	// Content-Type: text/plain
	// Content-Length: 15
	//
	// POST /b "hello"
	// HTTP/1.1 400 Bad Request
	// Content-Type: text/plain; charset=utf-8
	// Content-Length: 36
	// Connection: close
	//
	// Host missing, repeated or malformed
}
