//go:build linux && !race

package load

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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
// apart, again and again, and frames of a WebSocket.
func TestAllocsHTTP(t *testing.T) {
	const msg = `{"jsonrpc":"2.0","id":1000000000,"result":{}}`
	for name, in := range map[string]string{
		"length": "HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n" + msg,
		"chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2d\r\n" + msg + "\r\n0\r\n\r\n",
		"frame":  serverFrame(frameText, msg),
		"parts":  serverFrame(0x01, msg[:40]) + serverFrame(framePong, "") + serverFrame(0x80, msg[40:]),
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
			if name == "frame" || name == "parts" {
				c.http, c.frames = nil, &frameReader{}
			}
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
