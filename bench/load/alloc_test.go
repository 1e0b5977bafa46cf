//go:build linux && !race

package load

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/websocket"
)

// TestAllocs drives a loop and the server at the other end of a socket pair on
// one goroutine, so that what is counted is the generator's alone.
func TestAllocs(t *testing.T) {
	for _, c := range []struct {
		name   string
		depth  int
		method string
		answer func(p *peer)
	}{
		{"op=raw/depth=1", 1, MethodRaw, (*peer).whole},
		{"op=raw/depth=16", 16, MethodRaw, (*peer).whole},
		{"op=ping/depth=64", 64, MethodPing, (*peer).whole},
		{"op=ping/split", 16, MethodPing, (*peer).halves},
		{"op=ping/reversed", 16, MethodPing, (*peer).reversed},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, p := pair(t, c.method, c.depth)
			p.step = func() {
				if err := l.step(0); err != nil {
					t.Fatal(err)
				}
			}
			l.budget = -1
			l.after(l.conns[0], l.conns[0].fill(l.stage, l.now()))
			turn := func() { c.answer(p) }
			for range 100 {
				turn() // buffers get their size
			}
			if n := testing.AllocsPerRun(500, turn); n != 0 {
				t.Errorf("%v allocations a turn", n)
			}
			if l.live != 1 || l.tally.errors != (Errors{}) || l.tally.good < int64(500*c.depth) {
				t.Errorf("%d answered, errors: %s", l.tally.good, &l.tally.errors)
			}
		})
	}
}

// TestAllocsHTTP takes responses with a length, in chunks, and an event stream
// apart, again and again.
func TestAllocsHTTP(t *testing.T) {
	const msg = `{"jsonrpc":"2.0","id":1000000000,"result":{}}`
	for name, in := range map[string]string{
		"length": "HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n" + msg,
		"chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2d\r\n" + msg + "\r\n0\r\n\r\n",
		"stream": "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndata\r\n31\r\n: " + msg[:45] + "\n\n\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			tm := mustTemplate(t, Options{})
			sh, err := learnShape(tm, []byte(msg+"\n"), firstID)
			if err != nil {
				t.Fatal(err)
			}
			s := newStage([]*shape{sh}, newTally(1, true), 1)
			c := &conn{window: newWindow(1, 1, 1, true), http: &responseReader{}}
			b := []byte(in)
			at := bytes.Index(b, []byte("1000000000"))
			turn := func() {
				s.out = s.out[:0]
				c.compose(s, 5, 7)
				copy(b[at:], s.out[tm.idAt:tm.idAt+idDigits])
				if n, err := c.consume(s, b, 9); err != nil || n != len(b) {
					t.Fatal(n, err)
				}
			}
			turn()
			if n := testing.AllocsPerRun(500, turn); n != 0 {
				t.Errorf("%v allocations a turn", n)
			}
			if s.tally.errors != (Errors{}) || s.tally.good < 500 || s.flying != 0 || s.tally.slow != 0 {
				t.Errorf("%d answered, %d slow, errors: %s", s.tally.good, s.tally.slow, &s.tally.errors)
			}
		})
	}
}

// TestAllocsPoisson draws the times of a plan by chance.
func TestAllocsPoisson(t *testing.T) {
	seed := uint64(3)
	c := newPace(Plan{{10, 1e6, time.Hour}, {1e6, 1e6, time.Hour}}, &seed, 0)
	if n := testing.AllocsPerRun(10_000, c.advance); n != 0 || c.done() {
		t.Errorf("%v allocations a start", n)
	}
}

// A peer answers what the generator asked at the other end of its socket.
type peer struct {
	fd        int
	stage     *stage
	line      int // length of a request
	in, reply []byte
	step      func() // one step of the generator
}

// pair returns a loop with one connection and the peer of that.
func pair(t testing.TB, method string, depth int) (*loop, *peer) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	tm := mustTemplate(t, Options{Method: method, Depth: depth})
	sh := rawShape(tm)
	if method == MethodPing {
		if sh, err = learnShape(tm, []byte(`{"jsonrpc":"2.0","id":1000000000,"result":{}}`+"\n"), firstID); err != nil {
			t.Fatal(err)
		}
	}
	k := &socket{fd: fds[0]}
	c := &conn{r: k, w: k, window: newWindow(depth, 1, 1, false)}
	l, err := newLoop(newStage([]*shape{sh}, newTally(1, false), depth), []*conn{c}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.close()
		_ = unix.Close(fds[1])
	})
	return l, &peer{fd: fds[1], stage: l.stage, line: len(tm.line), in: make([]byte, 1<<20)}
}

// answers reads the requests there are and makes their replies, in the order
// asked or the other one.
func (p *peer) answers(reverse bool) {
	n, err := unix.Read(p.fd, p.in)
	if err != nil || n%p.line != 0 {
		panic("load: the peer cannot read whole requests")
	}
	p.reply = p.reply[:0]
	for i := range n / p.line {
		if reverse {
			i = n/p.line - 1 - i
		}
		at := i*p.line + p.stage.shapes[0].t.idAt
		p.reply = append(p.reply, p.stage.shapes[0].prefix...)
		p.reply = append(p.reply, p.in[at:at+idDigits]...)
		p.reply = append(p.reply, p.stage.shapes[0].suffix...)
		p.reply = append(p.reply, '\n')
	}
}

func (p *peer) send(b []byte) {
	if n, err := unix.Write(p.fd, b); err != nil || n != len(b) {
		panic("load: the peer cannot write its replies")
	}
	p.step()
}

func (p *peer) whole()    { p.answers(false); p.send(p.reply) }
func (p *peer) reversed() { p.answers(true); p.send(p.reply) }

// halves splits inside a reply. What the first part brings on is asked for
// anew, and is answered in the next turn.
func (p *peer) halves() {
	p.answers(false)
	half := len(p.reply)/2 + 3
	p.send(p.reply[:half])
	p.send(p.reply[half:])
}

// BenchmarkTurn is what one message costs the generator at least: its own work
// and a socket pair's, the peer's included.
func BenchmarkTurn(b *testing.B) {
	for _, c := range []struct{ name, method string }{{"msg=raw", MethodRaw}, {"msg=ping", MethodPing}} {
		b.Run(c.name+"/depth=16", func(b *testing.B) {
			l, p := pair(b, c.method, 16)
			p.step = func() { _ = l.step(0) }
			l.budget = -1
			l.after(l.conns[0], l.conns[0].fill(l.stage, l.now()))
			for range 1_000 { // what grows has grown
				p.whole()
			}
			b.ReportAllocs()
			b.SetBytes(int64(16 * p.line))
			for b.Loop() {
				p.whole()
			}
		})
	}
}

// Composing and consuming frames allocates nothing.
func TestAllocsWebSocket(t *testing.T) {
	o := Options{Method: MethodCall, Size: 1002, Tool: "echo"}
	tmpl, err := newTemplate(&o)
	if err != nil {
		t.Fatal(err)
	}
	tmpl.dress(&target{ws: true}, &o)
	sh := &shape{t: tmpl, prefix: `{"id":`, suffix: "}"}
	s := newStage([]*shape{sh}, newTally(1, false), 8)
	ws := &webSocket{loop: newWebSockets()}
	ws.parser.Init(ws.loop, nil, ws.agreed)
	c := &conn{ws: ws, window: newWindow(8, 1, 1, false)}
	server := websocket.NewLoop(ringbuf.NewPool(ringbuf.PoolOptions{}), websocket.Options{})
	var reply [idDigits]byte
	var in []byte
	if n := testing.AllocsPerRun(100, func() {
		s.out, in = s.out[:0], in[:0]
		first := c.window.next
		for range 4 {
			c.compose(s, 1, 1)
		}
		for i := range uint64(4) {
			putID(reply[:], first+i)
			at := len(in)
			in = append(append(append(server.OpenText(in), sh.prefix...), reply[:]...), sh.suffix...)
			in = server.CloseText(in, at, websocket.Agreed{})
		}
		if done, err := c.consume(s, in, 2); err != nil || done != len(in) || c.window.inFlight != 0 {
			t.Fatal(done, err, c.window.inFlight)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if !bytes.Contains(tmpl.wire, []byte(`"method":"tools/call"`)) || bytes.HasSuffix(tmpl.wire, []byte("\n")) {
		t.Errorf("the message is %.80q", tmpl.wire)
	}
}

// Composing requests of HTTP/2 and consuming their answers allocates nothing: answers
// whole or in two frames, with heads that name a table's fields or spell them, and
// windows that are opened again on either side.
func TestAllocsHTTP2(t *testing.T) {
	for _, spelt := range []bool{false, true} {
		o := Options{Method: MethodCall, Size: 40_000, Tool: "echo"}
		tmpl, err := newTemplate(&o)
		if err != nil {
			t.Fatal(err)
		}
		tmpl.dress(&target{h2: true}, &o)
		sh := &shape{t: tmpl, prefix: `{"id":`, suffix: `,"x":"` + string(bytes.Repeat([]byte("x"), 12_000)) + `"}`}
		s := newStage([]*shape{sh}, newTally(1, false), 8)
		c := conversation(s, 0)
		c.window = newWindow(8, 1, 1, false)
		server := newScript()
		fields := []string{":status", "200", "content-type", "application/json", "x-a", "b"}
		first, head := server.block(fields...), server.block(fields...)
		if spelt {
			first = append([]byte{0x88}, appendLiteral(nil, "content-type", "application/json")...)
			head = first
		}
		_ = server.WriteSettings()
		_ = server.WriteWindowUpdate(0, 1<<20) // and 65,535 of each stream
		in := server.Bytes()
		var reply []byte
		turn := func() {
			s.out = c.h2.appendWaiting(s.out[:0])
			id, stream := c.window.next, c.h2.nextID
			for i := range 4 {
				c.compose(s, 1, 1)
				reply = append(append(reply[:0], sh.prefix...), "1000000000"...)
				putID(reply[len(sh.prefix):], id+uint64(i))
				reply = append(reply, sh.suffix...)
				in = append(appendFrameHead(in, len(first), frameHeaders, flagEndHeaders, stream), first...)
				first = head
				if i%2 == 1 {
					const cut = 3000
					in = append(appendFrameHead(in, cut, frameData, 0, stream), reply[:cut]...)
					reply = append(reply[:0], reply[cut:]...)
				}
				in = append(appendFrameHead(in, len(reply), frameData, flagEndStream, stream), reply...)
				stream += 2
			}
			in = appendWindowUpdate(in, 0, 4*int64(len(tmpl.wire)))
			if done, err := c.consume(s, in, 2); err != nil || done != len(in) || c.window.inFlight != 0 {
				t.Fatal(done, len(in), err, c.window.inFlight)
			}
			in = in[:0]
		}
		for range 20 {
			turn()
		}
		if n := testing.AllocsPerRun(2000, turn); n != 0 {
			t.Errorf("spelt %v: %v allocations", spelt, n)
		}
		if s.tally.errors != (Errors{}) || s.tally.good < 8000 || s.tally.slow != 0 || c.h2.open != 0 || c.h2.blocked != 0 {
			t.Errorf("%d answered, %d open, errors: %s", s.tally.good, c.h2.open, &s.tally.errors)
		}
	}
}
