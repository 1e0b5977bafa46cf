package codec_test

import (
	"fmt"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/ringbuf"
)

// A request is parsed in place; its parts are views of its bytes.
func ExampleParser_Parse() {
	p := codec.NewParser(codec.Limits{})
	var m codec.Message // reused from message to message
	err := p.Parse(&m, []byte(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hi"}}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	name, _ := m.Params().Get("name")
	fmt.Printf("%v %s of %s, id %s\n", m.Kind(), m.Method(), name.Raw(), m.ID().Raw())
	// Output: request tools/call of "echo", id 7
}

// What is no message is answered with the code of its error.
func ExampleAppendErrorReply() {
	p := codec.NewParser(codec.Limits{})
	var m codec.Message
	for _, in := range []string{`{"jsonrpc":"2.0","id":7,`, `{"jsonrpc":"2.0","id":7}`} {
		if err := p.Parse(&m, []byte(in)); err != nil {
			fmt.Printf("%s\n", codec.AppendErrorReply(nil, m.ID(), codec.NoIDOmit, err.(*codec.Error)))
		}
	}
	// Output:
	// {"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error: unexpected end at byte 24"}}
	// {"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"Invalid Request: no method, result or error"}}
}

// Strings with escapes are unescaped into an arena, others alias the message.
func ExampleValue_Bytes() {
	v, err := codec.ParseValue([]byte(`["plain","two\nlines"]`))
	if err != nil {
		fmt.Println(err)
		return
	}
	arena := ringbuf.NewArena(nil, 1<<10)
	for it := v.Array().Elements(); ; {
		e, more := it.Next()
		if !more {
			break
		}
		text, err := e.Bytes(arena)
		fmt.Printf("%q %v, %d bytes of the arena\n", text, err, arena.Used())
	}
	// Output:
	// "plain" <nil>, 0 bytes of the arena
	// "two\nlines" <nil>, 10 bytes of the arena
}

// A batch is judged as a whole; each of its messages is then parsed by itself.
func ExampleMessage_Batch() {
	p := codec.NewParser(codec.Limits{})
	var batch, m codec.Message
	if err := p.Parse(&batch, []byte(`[{"jsonrpc":"2.0","method":"a"}, 1, {"jsonrpc":"2.0","id":"x","method":"b"}]`)); err != nil {
		fmt.Println(err)
		return
	}
	for it := batch.Batch(); ; {
		raw, more := it.Next()
		if !more {
			break
		}
		fmt.Println(p.Parse(&m, raw), m.Kind())
	}
	// Output:
	// <nil> notification
	// codec: Invalid Request: want an object invalid
	// <nil> request
}

// A result is a head, a value of one's own and a brace.
func ExampleAppendResultHead() {
	out := codec.AppendResultHead(nil, codec.RawID([]byte(`"a-1"`)))
	out = codec.AppendString(append(out, `{"text":`...), "say \"hi\"")
	out = append(out, "}}"...)
	fmt.Printf("%s\n", out)
	// Output: {"jsonrpc":"2.0","id":"a-1","result":{"text":"say \"hi\""}}
}
