package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/codec"
)

// politeFraming is an Upkeep that writes lines, says bye before it leaves, and waits
// for the test to end it.
type politeFraming struct {
	c     *Conn
	waits bool // Leave gives its peer time
	left  []CloseReason
	ticks int
}

func (*politeFraming) Open(dst []byte, _ bool) []byte               { return dst }
func (*politeFraming) Close(dst []byte, _ int, _ codec.Code) []byte { return append(dst, '\n') }
func (*politeFraming) Abort(dst []byte, at int) []byte              { return dst[:at] }
func (*politeFraming) Boundary(b []byte) int                        { return len(b) }
func (f *politeFraming) Tick()                                      { f.ticks++ }
func (f *politeFraming) Leave(reason CloseReason) {
	f.left = append(f.left, reason)
	if len(f.left) > 1 {
		return
	}
	f.c.SendRaw([]byte("bye\n"))
	if f.waits {
		f.c.CloseBy(f.c.loop.now+50e6, reason)
	}
}

func openPolite(h *harness, waits bool) (*Conn, *fakeWire, *politeFraming) {
	w, f := &fakeWire{room: -1}, &politeFraming{waits: waits}
	h.l.Begin()
	f.c = h.l.Open(w, f)
	h.l.End()
	return f.c, w, f
}

// A framing with last words is asked before its connection ends for a reason of the
// engine's, and its connection goes on if it gives its peer time: until that is up.
func TestLastWords(t *testing.T) {
	for _, tc := range []struct {
		name   string
		o      Options
		end    func(h *harness, c *Conn)
		reason CloseReason
		atOnce bool // whatever the framing says
	}{
		{"idle", Options{IdleTimeout: 20 * time.Millisecond, HandshakeTimeout: 20 * time.Millisecond}, func(h *harness, _ *Conn) { h.pass(30) }, CloseHandshake, false},
		{"half a message", Options{ReadTimeout: 20 * time.Millisecond}, func(h *harness, c *Conn) {
			h.l.Begin()
			c.Partial(0)
			h.l.End()
			h.pass(30)
		}, CloseReadTimeout, false},
		{"drain", Options{}, func(h *harness, _ *Conn) { h.e.Drain(); h.l.Turn() }, CloseDrained, false},
		{"hangup", Options{}, func(h *harness, c *Conn) { c.Hangup(CloseLocal); h.l.Turn() }, CloseLocal, true},
	} {
		for _, waits := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/waits=%v", tc.name, waits), func(t *testing.T) {
				h := newHarness(t, tc.o)
				c, w, f := openPolite(h, waits)
				tc.end(h, c)
				if len(f.left) == 0 || f.left[0] != tc.reason {
					t.Fatalf("asked %v", f.left)
				}
				want(t, w.lines(), "bye")
				if closed := !waits || tc.atOnce; c.Closed() != closed {
					t.Fatalf("closed %v, want %v", c.Closed(), closed)
				}
				if !c.Closed() {
					h.pass(35) // nothing else of the engine's ends it now
					if c.Closed() {
						t.Error("closed before its time")
					}
					h.pass(25)
				}
				if len(f.left) != 1 || f.ticks != 0 {
					t.Errorf("asked %v, %d ticks", f.left, f.ticks)
				}
				if !c.Closed() || h.e.Snapshot().Closed[tc.reason] != 1 {
					t.Errorf("closed %v, by %v", c.Closed(), h.e.Snapshot().Closed)
				}
				h.settle()
			})
		}
	}
}

// What is cut hears last words if the wire takes them at once, and none of other
// connections do.
func TestLastWordsForced(t *testing.T) {
	h := newHarness(t, Options{})
	_, w, _ := openPolite(h, true)
	stuck, ws, _ := openPolite(h, true)
	ws.room = 3
	h.l.Begin()
	stuck.Send([]byte(`"more than it takes"`))
	h.l.End()
	h.e.Close()
	h.l.Turn()
	want(t, w.lines(), "bye")
	if got := ws.got.String(); got != `"mo` {
		t.Errorf("got %q", got)
	}
	if n := h.e.Snapshot().Closed[CloseForced]; n != 2 {
		t.Errorf("%d closed", n)
	}
}

// CloseFlushed ends a connection behind what its peer takes, be it late.
func TestCloseFlushed(t *testing.T) {
	h := newHarness(t, Options{})
	c, w, _ := openPolite(h, false)
	w.room = 5
	h.l.Begin()
	c.Send([]byte(`"a message"`))
	c.CloseFlushed(ClosePeer)
	c.CloseFlushed(ClosePeer)
	h.l.End()
	if c.Closed() || !c.Stalled() {
		t.Fatalf("closed %v, stalled %v", c.Closed(), c.Stalled())
	}
	h.pass(50)
	if c.Closed() {
		t.Fatal("closed with output unsent")
	}
	w.room = -1
	h.pass(200)
	want(t, w.lines(), `"a message"`)
	if !c.Closed() || c.Stalled() || h.e.Snapshot().Closed[ClosePeer] != 1 {
		t.Errorf("closed %v, by %v", c.Closed(), h.e.Snapshot().Closed)
	}
	h.settle()
}

// CloseBy ends a connection at its time, busy or drained as it may be, unless its
// peer ends it before; a later call counts, and so does what comes sooner.
func TestCloseBy(t *testing.T) {
	for _, tc := range []struct {
		name   string
		o      Options
		meet   func(h *harness, c *Conn)
		after  int64 // milliseconds
		reason CloseReason
	}{
		{"busy", Options{}, func(_ *harness, c *Conn) { c.Busy(1) }, 20, CloseProtocol},
		{"drained", Options{}, func(h *harness, c *Conn) { c.Drain() }, 20, CloseProtocol},
		{"idle", Options{IdleTimeout: 5 * time.Millisecond, HandshakeTimeout: 5 * time.Millisecond}, func(*harness, *Conn) {}, 20, CloseProtocol},
		{"half a message", Options{ReadTimeout: 5 * time.Millisecond}, func(_ *harness, c *Conn) { c.Partial(0) }, 20, CloseProtocol},
		{"tick", Options{}, func(_ *harness, c *Conn) { c.TickAfter(5 * time.Millisecond) }, 20, CloseProtocol},
		{"again", Options{}, func(h *harness, c *Conn) { c.CloseBy(h.l.Now()+40e6, CloseLocal) }, 40, CloseLocal},
		{"flushed", Options{}, func(_ *harness, c *Conn) { c.CloseFlushed(CloseLocal) }, 0, CloseLocal},
		{"taken back, idle", Options{IdleTimeout: 30 * time.Millisecond, HandshakeTimeout: 30 * time.Millisecond}, func(_ *harness, c *Conn) { c.CloseBy(0, CloseNone) }, 30, CloseHandshake},
		{"taken back, drained", Options{}, func(_ *harness, c *Conn) { c.Drain(); c.CloseBy(0, CloseNone) }, 0, CloseDrained},
		{"end of input", Options{}, func(_ *harness, c *Conn) { c.EndOfInput() }, 0, ClosePeer},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, tc.o)
			c, w, f := openPolite(h, false)
			h.l.Begin()
			c.CloseBy(h.l.Now()+20e6, CloseProtocol)
			tc.meet(h, c)
			h.l.End()
			if tc.after > 0 {
				h.pass(tc.after - 1)
				if c.Closed() {
					t.Fatalf("closed for %v, too early", w.closed)
				}
				h.pass(2)
			}
			if asked := strings.HasPrefix(tc.name, "taken back"); w.closed != tc.reason || (len(f.left) != 0) != asked || f.ticks != 0 {
				t.Errorf("closed for %v, asked %v, %d ticks", w.closed, f.left, f.ticks)
			}
			h.l.Begin()
			c.CloseBy(h.l.Now(), CloseReset) // it has ended
			c.CloseFlushed(CloseReset)
			h.l.End()
			h.settle()
		})
	}
}

// Ticks come at their times, and the deadlines of the connection at theirs.
func TestTickAfter(t *testing.T) {
	h := newHarness(t, Options{HandshakeTimeout: 100 * time.Millisecond})
	c, _, f := openPolite(h, false)
	h.l.Begin()
	c.TickAfter(20 * time.Millisecond)
	h.l.End()
	h.pass(10)
	if f.ticks != 0 {
		t.Errorf("%d ticks too soon", f.ticks)
	}
	h.pass(15)
	if f.ticks != 1 {
		t.Errorf("%d ticks", f.ticks)
	}
	h.l.Begin()
	c.TickAfter(500 * time.Millisecond)
	c.TickAfter(10 * time.Millisecond) // instead
	h.l.End()
	h.pass(30)
	if f.ticks != 2 || c.Closed() {
		t.Errorf("%d ticks, closed %v", f.ticks, c.Closed())
	}
	h.pass(80)
	if f.ticks != 2 || !c.Closed() {
		t.Errorf("%d ticks, closed %v", f.ticks, c.Closed())
	}
	h.l.Begin()
	c.TickAfter(time.Millisecond) // it has ended
	h.l.End()
	h.pass(10)
	if f.ticks != 2 {
		t.Errorf("%d ticks", f.ticks)
	}
	h.settle()
}

// AwaitResume has the wire told when output has gone.
func TestAwaitResume(t *testing.T) {
	h := newHarness(t, Options{})
	c, w, _ := openPolite(h, false)
	w.room = 2
	h.l.Begin()
	c.Send([]byte(`"a message"`))
	h.l.End()
	h.l.Begin()
	c.AwaitResume()
	h.l.End()
	if w.resumed != 0 || !c.Stalled() {
		t.Errorf("%d times, stalled %v", w.resumed, c.Stalled())
	}
	w.room = -1
	h.pass(100)
	if w.resumed != 1 || c.Stalled() {
		t.Errorf("%d times, stalled %v", w.resumed, c.Stalled())
	}
	h.l.Begin()
	c.Close(CloseLocal)
	h.l.End()
	h.settle()
}

// A connection that has carried HTTP goes on as a stream of messages; what urgent
// ones overtake is framed anew, and what came before is not looked at.
func TestUpgrade(t *testing.T) {
	h := newHarness(t, Options{})
	c, w, f := openExchanges(h)
	w.room = 7
	h.l.Begin()
	f.x = &Exchange{}
	c.SendRaw([]byte("HTTP/1.1 101 and a head without a line end"))
	c.Upgrade(&countingFraming{t: t}, h.svc)
	f.x.Done = true
	h.l.End()
	if c.ExchangeNumber() != 0 || c.Exchange() != nil {
		t.Errorf("exchange %d, %v", c.ExchangeNumber(), c.Exchange())
	}
	h.l.Begin()
	c.Receive([]byte(request(1, "echo", `{"a":1}`)))
	c.Receive([]byte("no JSON")) // its answer is urgent
	h.l.End()
	w.room = -1
	h.pass(200)
	got := w.got.String()
	head := "HTTP/1.1 101 and a head without a line end"
	if len(got) < len(head) || got[:len(head)] != head {
		t.Fatalf("got %q", got)
	}
	want(t, strings.Split(strings.TrimSuffix(got[len(head):], "\n"), "\n"), `<{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error: unexpected character at byte 0"}}`, `<{"jsonrpc":"2.0","id":1,"result":{"a":1}}`)
	h.l.Begin()
	c.Close(CloseLocal)
	h.l.End()
	h.settle()
}

// countingFraming writes lines that begin with "<", and looks at no others.
type countingFraming struct{ t *testing.T }

func (*countingFraming) Open(dst []byte, _ bool) []byte               { return append(dst, '<') }
func (*countingFraming) Close(dst []byte, _ int, _ codec.Code) []byte { return append(dst, '\n') }
func (*countingFraming) Abort(dst []byte, at int) []byte              { return dst[:at] }
func (f *countingFraming) Boundary(b []byte) int {
	if b[0] != '<' {
		f.t.Errorf("no frame: %q", b)
		return len(b)
	}
	for i, c := range b {
		if c == '\n' {
			return i + 1
		}
	}
	return len(b)
}
