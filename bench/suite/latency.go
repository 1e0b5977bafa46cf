package suite

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
	"github.com/gannetmcp/gannet/engine/registry"
	"github.com/gannetmcp/gannet/ringbuf"
)

// latencyWorkloads are the workloads of the area latency. The first six are the
// operations of the report's table of hotspots, by its names.
func latencyWorkloads() []Workload {
	full := Settings{Time: 2 * time.Second, Keys: 100_000}
	quick := Settings{Time: 200 * time.Millisecond, Keys: 100_000}
	return append([]Workload{
		{ID: "latency.gproc_where", Brief: "a name looked up (the report's gproc:where/1)",
			Measures: "Table.Lookup of names in random order among Keys, in batches of 64.",
			Full:     full, Quick: quick, Run: gprocWhere},
		{ID: "latency.find_server", Brief: "a message routed to what a name stands for (the report's erlmcp_registry:find_server/1)",
			Measures: "Router.Route of a message to one of Keys targets, which takes it at once, in batches of 64. registry.route has the way to another goroutine.",
			Full:     full, Quick: quick, Run: findServer},
		{ID: "latency.jsx_encode", Brief: "a response of 1,024 bytes written (the report's jsx:encode/1)",
			Measures: "The codec's appending of a whole response from Go values, in batches of 64: nested members; escapes_: text with an escape each 20 bytes; letters_: text that is not ASCII.",
			Full:     full, Quick: quick, Run: encode},
		{ID: "latency.jsx_decode", Brief: "a request of 1,024 bytes judged and taken apart (the report's jsx:decode/1)",
			Measures: "Parser.Parse, which validates the whole message, UTF-8 included, in batches of 64; nested members, escapes_ and letters_ as for latency.jsx_encode.",
			Full:     full, Quick: quick, Run: decode},
	}, append(socketWorkloads(),
		Workload{ID: "latency.call", Brief: "one tools/call in the engine, from its bytes to those of its answer",
			Measures: "A connection of the MCP server with the demo's tools over a wire that takes everything: a call of echo with 1,002 bytes, parsed, dispatched and answered, in batches of 64 by turns of 16. No socket.",
			Full:     full, Quick: quick, Run: engineCall},
		Workload{ID: "latency.urgent", Brief: "an urgent message that overtakes 10,000 others",
			Measures: "ringbuf.Mailbox with 10,000 items waiting: an urgent one pushed, and taken by the consumer, in batches of 64.",
			Full:     full, Quick: quick, Run: urgent},
		Workload{ID: "latency.clock", Brief: "reading the clock, which is in every time measured here",
			Measures: "time.Since of a fixed time, in batches of 64.",
			Full:     Settings{Time: time.Second}, Quick: Settings{Time: 100 * time.Millisecond}, Run: clock},
	)...)
}

func clock(e *Env, s Settings) (*result.Result, error) {
	var sum int64
	t, err := timed(e.Context, s.Time, batch, bodyOf(batch, func(int) error { sum += now() & 1; return nil }))
	if err != nil {
		return nil, err
	}
	r := &result.Result{}
	t.add(r)
	return r, nil
}

func gprocWhere(e *Env, s Settings) (*result.Result, error) {
	keys := names("tool", s.Keys)
	table, _, err := filled(keys)
	if err != nil {
		return nil, err
	}
	asked := arriving(keys, uniform(s.Keys))
	return one(e, s, batch, bodyOf(batch, func(i int) error {
		if table.Lookup(asked[i&(orderSize-1)]) == nil {
			return registry.ErrNotFound
		}
		return nil
	}))
}

// one times one operation and adds all that there is of it.
func one(e *Env, s Settings, each int, op func() error) (*result.Result, error) {
	t, err := timed(e.Context, s.Time, each, op)
	if err != nil {
		return nil, err
	}
	r := &result.Result{}
	t.add(r)
	return r, nil
}

// readyTarget takes every message.
type readyTarget struct{ taken int }

// Deliver counts.
func (t *readyTarget) Deliver([]byte) error { t.taken++; return nil }

func findServer(e *Env, s Settings) (*result.Result, error) {
	router := registry.NewRouter(registry.TableOptions{MaxPerOwner: s.Keys, MaxEntries: 2 * s.Keys})
	binder, target, keys := router.NewBinder(), &readyTarget{}, names("server", s.Keys)
	for _, k := range keys {
		if err := binder.Bind(k, target); err != nil {
			return nil, err
		}
	}
	asked := arriving(keys, uniform(s.Keys))
	r, err := one(e, s, batch, bodyOf(batch, func(i int) error {
		return router.Route(asked[i&(orderSize-1)], routedMessage)
	}))
	if err == nil && target.taken == 0 {
		err = fmt.Errorf("no message was taken")
	}
	return r, err
}

// kilobyte is the size of the messages of jsx_encode and jsx_decode.
const kilobyte = 1024

// A shape is one kind of content of a message.
type shape struct {
	prefix string // of figures
	text   string // of one string, "" where it is members
}

// shapes are the contents, the first being what figures without a prefix are of.
func shapes() []shape {
	return []shape{
		{"", ""},
		{"escapes_", strings.Repeat("a line of text, and\n", 60)},
		{"letters_", strings.Repeat("Größe, длина, 長さ, ", 50)},
	}
}

// appendContent appends n rows of members, built of Go values as those of a
// structured result are, or the first n bytes of the text; and a member of pad bytes.
func (sh *shape) appendContent(dst []byte, n, pad int) []byte {
	if sh.text != "" {
		// A character that the cut went through is left out.
		dst = codec.AppendString(append(dst, `{"text":`...), sh.text[:n])
		return append(codec.AppendString(append(dst, `,"more":`...), filler[:pad]), '}')
	}
	dst = append(dst, `{"rows":[`...)
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"id":`...)
		dst = codec.AppendInt(dst, int64(4711*i))
		dst = append(dst, `,"name":`...)
		dst = codec.AppendString(dst, "record of a table")
		dst = append(dst, `,"at":{"x":`...)
		dst = codec.AppendFloat(dst, float64(i)+0.25)
		dst = append(dst, `,"open":`...)
		dst = codec.AppendBool(dst, i%2 == 0)
		dst = append(dst, `,"tags":["a","b"]}}`...)
	}
	return append(codec.AppendString(append(dst, `],"more":`...), filler[:pad]), '}')
}

var filler = strings.Repeat("x", kilobyte)

// fit finds n and pad with which a message has exactly a kilobyte, and cuts no
// character of the text in two.
func (sh *shape) fit(message func(n, pad int) []byte) (n, pad int) {
	whole := 0
	for ; len(message(n, 0)) <= kilobyte; n++ {
		if sh.text == "" || utf8.RuneStart(sh.text[n]) {
			whole = n
		}
	}
	return whole, kilobyte - len(message(whole, 0))
}

// appendResponse appends a response with the shape's content.
func (sh *shape) appendResponse(dst []byte, id codec.ID, n, pad int) []byte {
	return append(sh.appendContent(codec.AppendResultHead(dst, id), n, pad), '}')
}

// request is a call of a kilobyte with the shape's content.
func (sh *shape) request() []byte {
	of := func(n, pad int) []byte {
		dst := codec.AppendRequestHead(nil, codec.RawID([]byte("4711")), "tools/call")
		dst = append(dst, `{"name":"create_ticket","arguments":`...)
		return append(sh.appendContent(dst, n, pad), `}}`...)
	}
	return of(sh.fit(of))
}

func encode(e *Env, s Settings) (*result.Result, error) {
	r := &result.Result{}
	id := codec.RawID([]byte("4711"))
	for i, sh := range shapes() {
		n, pad := sh.fit(func(n, pad int) []byte { return sh.appendResponse(nil, id, n, pad) })
		var dst []byte
		t, err := timed(e.Context, s.Time, batch, bodyOf(batch, func(int) error {
			dst = sh.appendResponse(dst[:0], id, n, pad)
			return nil
		}))
		if err != nil {
			return nil, err
		}
		var m codec.Message
		if err := codec.NewParser(codec.Limits{}).Parse(&m, dst); err != nil {
			return nil, fmt.Errorf("what was written is no message: %w", err)
		}
		addShape(r, t, sh.prefix, i == 0, len(dst))
	}
	return r, nil
}

// addShape adds the figures of one shape.
func addShape(r *result.Result, t *timing, prefix string, whole bool, size int) {
	if whole {
		t.add(r)
	} else {
		r.Add(prefix+"rate", "1/s", t.rate())
		r.Add(prefix+"mean_ns", "ns", t.mean())
		t.percentiles(r, prefix)
	}
	r.Add(prefix+"size", "B", float64(size))
	r.Add(prefix+"throughput", "MB/s", t.rate()*float64(size)/1e6)
}

func decode(e *Env, s Settings) (*result.Result, error) {
	r := &result.Result{}
	p := codec.NewParser(codec.Limits{})
	for i, sh := range shapes() {
		text := sh.request()
		var m codec.Message
		t, err := timed(e.Context, s.Time, batch, bodyOf(batch, func(int) error {
			if err := p.Parse(&m, text); err != nil {
				return err
			}
			return nil
		}))
		if err != nil {
			return nil, err
		}
		addShape(r, t, sh.prefix, i == 0, len(text))
	}
	return r, nil
}

// keepWire keeps what was written until it is reset.
type keepWire struct{ bytes.Buffer }

// Resume and Close do nothing.
func (*keepWire) Resume()                  {}
func (*keepWire) Close(engine.CloseReason) {}

// idleDriver is for a loop that its caller turns.
type idleDriver struct{}

// Wake and WakeAt do nothing.
func (idleDriver) Wake()        {}
func (idleDriver) WakeAt(int64) {}

// turn is how many calls a loop serves in one turn.
const turn = 16

func engineCall(e *Env, s Settings) (*result.Result, error) {
	srv := mcp.NewServer(mcp.Options{Name: "perf", Version: "1"})
	fixture.AddDemo(srv)
	eng, err := engine.New(srv, engine.Options{})
	if err != nil {
		return nil, err
	}
	defer eng.Close()
	l, w := eng.NewLoop(idleDriver{}), &keepWire{}
	l.Begin()
	c := l.Open(w, nil)
	l.End()
	feed := func(messages ...[]byte) {
		l.Begin()
		for _, m := range messages {
			c.Receive(m)
		}
		l.End()
	}
	feed([]byte(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"perf","version":"1"}}}`),
		[]byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`))
	w.Reset()
	const call = `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"echo","arguments":{"text":"%s"}}}`
	messages := make([][]byte, turn)
	for i := range messages {
		bare := len(fmt.Sprintf(call, 1000+i, ""))
		messages[i] = fmt.Appendf(nil, call, 1000+i, strings.Repeat("x", load.DefaultSize-bare))
	}
	feed(messages...)
	want := w.Len()
	if n := bytes.Count(w.Bytes(), []byte(`"result"`)); n != turn {
		return nil, fmt.Errorf("%d of %d calls were answered: %.200q", n, turn, w.Bytes())
	}
	return one(e, s, batch, func() error {
		for range batch / turn {
			w.Reset()
			feed(messages...)
			if w.Len() != want {
				return fmt.Errorf("answers of %d bytes, not %d", w.Len(), want)
			}
		}
		return nil
	})
}

// waiting is how many messages an urgent one overtakes.
const waiting = 10_000

func urgent(e *Env, s Settings) (*result.Result, error) {
	var box ringbuf.Mailbox[int]
	items := make([]ringbuf.Item[int], waiting)
	for i := range items {
		box.Push(&items[i])
	}
	mine := &ringbuf.Item[int]{Value: 1}
	// One normal item goes after each 16 urgent ones; it is put back.
	return one(e, s, batch, bodyOf(batch, func(int) error {
		box.PushUrgent(mine)
		for {
			switch it := box.Pop(); it {
			case nil:
				return fmt.Errorf("the mailbox is empty")
			case mine:
				return nil
			default:
				box.Push(it)
			}
		}
	}))
}
