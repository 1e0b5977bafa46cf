package line_test

import (
	"fmt"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/line"
)

func Example() {
	var f line.Framer
	f.Init(ringbuf.NewPool(ringbuf.PoolOptions{}), nil, 1<<20)
	for _, read := range []string{"{\"id\":1}\r\n{\"i", "d\":2}\n"} {
		for p := []byte(read); ; {
			msg, n, ev := f.Next(p)
			if ev == line.More {
				break
			}
			fmt.Println(string(msg))
			p = p[n:]
		}
	}
	// Output:
	// {"id":1}
	// {"id":2}
}
