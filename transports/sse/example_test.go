package sse_test

import (
	"fmt"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/sse"
)

// A server keeps two events; a client comes back with the id of the first.
func Example() {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	stream, _ := sse.ParseStream([]byte("Kq3x81PzZ5mMwq0bN7eHAA"))
	var replay sse.Replay
	replay.Init(sse.ReplayOptions{})
	for now, data := range []string{`{"progress":1}`, `{"progress":2}`} {
		e := sse.Event{Name: []byte(sse.NameMessage), Data: []byte(data)}
		shared, err := e.Share(pool)
		if err != nil {
			panic(err)
		}
		replay.Append(int64(now), shared)
	}

	name, seq, _ := sse.ParseID([]byte("Kq3x81PzZ5mMwq0bN7eHAA_1")) // Last-Event-ID
	fmt.Println(string(name) == stream.String())
	var out []byte
	missed, err := replay.Since(2, seq)
	if err != nil {
		panic(err)
	}
	for shared, seq, ok := missed.Next(); ok; shared, seq, ok = missed.Next() {
		out = stream.AppendIDLine(out, seq)
		out = append(out, shared.Bytes()...)
	}
	replay.Close()
	fmt.Printf("%s", out)

	var r sse.Reader
	r.Init(pool, sse.ReaderOptions{})
	ev, _, _ := r.Next(out)
	fmt.Printf("%s\n%s\n", ev.ID, ev.Data)
	// Output:
	// true
	// id: Kq3x81PzZ5mMwq0bN7eHAA_2
	// event: message
	// data: {"progress":2}
	//
	// Kq3x81PzZ5mMwq0bN7eHAA_2
	// {"progress":2}
}
