package engine

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// fakePart is the wire of a part.
type fakePart struct {
	fakeWire
	ended int
}

func (w *fakePart) Ended() {
	if w.closed == CloseNone {
		panic("Ended before Close")
	}
	w.ended++
}

// openPart opens a part of c.
func openPart(h *harness, c *Conn) (*Conn, *fakePart, *flatFraming) {
	w, f := &fakePart{fakeWire: fakeWire{room: -1}}, &flatFraming{}
	h.l.Begin()
	p := c.OpenPart(w, f)
	h.l.End()
	return p, w, f
}

// Parts are served like connections and are counted as none, nor does the observer
// hear of them; a drain waits for them all the same.
func TestPartIsNoConnection(t *testing.T) {
	opened, closed := 0, 0
	h := newHarness(t, Options{Observer: Observer{ConnOpened: func(*Conn) { opened++ }, ConnClosed: func(*Conn, CloseReason) { closed++ }}})
	c, _, _ := openExchanges(h)
	a, wa, fa := openPart(h, c)
	b, wb, fb := openPart(h, c)
	h.l.Begin()
	fa.next(a, request(1, "echo", ""))
	fb.next(b, request(1, "pool", ""))
	h.l.End()
	h.exec.runAll()
	h.l.Turn()
	want(t, wa.lines(), `1 {"jsonrpc":"2.0","id":1,"result":{}}`)
	want(t, wb.lines(), `1 {"jsonrpc":"2.0","id":1,"result":{}}`)
	if n := h.e.Snapshot(); n.Connections != 1 || n.Opened != 1 || n.BytesOut != 0 || opened != 1 || h.e.Connections() != 3 {
		t.Errorf("%+v, %d told of, %d open", n, opened, h.e.Connections())
	}
	h.l.Begin()
	for _, p := range []*Conn{a, b} {
		p.EndStream()
		p.Unpause()
	}
	h.l.End()
	h.e.Drain()
	h.l.Turn()
	if n := h.e.Snapshot(); n.ClosedBy(CloseDrained) != 1 || closed != 1 || h.e.Connections() != 0 || wa.ended != 1 || wb.ended != 1 {
		t.Errorf("%+v, %d told of, %d open, ended %d and %d times", n.Closed, closed, h.e.Connections(), wa.ended, wb.ended)
	}
	h.settle()
}

// orderPart notes that it was written to.
type orderPart struct {
	fakePart
	n     int
	order *[]int
}

func (w *orderPart) Write(p []byte) (int, error) {
	*w.order = append(*w.order, w.n)
	return len(p), nil
}

// What a turn has answered is written in that order, and parts before what carries
// them, which writes once.
func TestFlushOrder(t *testing.T) {
	h := newHarness(t, Options{})
	var order []int
	h.e.svc = exchangeService{h.svc}
	h.l.Begin()
	c := h.l.OpenHTTP(&orderPart{n: 100, order: &order}, &flatFraming{})
	h.l.End()
	var parts []*Conn
	var framings []*flatFraming
	for i := range 8 {
		h.l.Begin()
		f := &flatFraming{}
		parts, framings = append(parts, c.OpenPart(&orderPart{fakePart: fakePart{fakeWire: fakeWire{room: -1}}, n: i, order: &order}, f)), append(framings, f)
		h.l.End()
	}
	h.l.Begin()
	c.SendRaw([]byte("first"))
	for i, p := range parts {
		framings[i].next(p, request(1, "echo", ""))
	}
	h.l.End()
	if want := []int{0, 1, 2, 3, 4, 5, 6, 7, 100}; !slices.Equal(order, want) {
		t.Errorf("written in the order %v, want %v", order, want)
	}
	h.l.Begin()
	for _, p := range append(parts, c) {
		p.Close(ClosePeer)
	}
	h.l.End()
	h.settle()
}

// A part has ended when its last call is home, not when it is closed.
func TestPartEnds(t *testing.T) {
	for name, end := range map[string]func(h *harness, p *Conn){
		"closed":           func(_ *harness, p *Conn) { p.Close(ClosePeer) },
		"lost":             func(_ *harness, p *Conn) { p.Lose(ClosePeer) },
		"closed and again": func(_ *harness, p *Conn) { p.Close(ClosePeer); p.Close(CloseForced) },
		"engine closed":    func(h *harness, _ *Conn) { h.e.closed.Store(true) },
	} {
		for _, method := range []string{"pool", "later"} {
			t.Run(name+"/"+method, func(t *testing.T) {
				h := newHarness(t, Options{})
				c, _, _ := openExchanges(h)
				p, w, f := openPart(h, c)
				h.l.Begin()
				f.next(p, request(1, method, `{"ms":50}`))
				f.n++
				h.l.End()
				h.l.Begin()
				end(h, p)
				h.l.End()
				// A call that waits for its moment ends with its connection, one that is
				// queued comes home; what is lost goes on.
				if atOnce := method == "later" && name != "lost"; (w.ended == 1) != atOnce || w.closed == CloseNone {
					t.Errorf("ended %d times, closed %v", w.ended, w.closed)
				}
				h.pass(100)
				h.exec.runAll()
				h.l.Turn()
				if w.ended != 1 {
					t.Errorf("ended %d times", w.ended)
				}
				h.l.Begin()
				c.Close(ClosePeer)
				h.l.End()
				h.settle()
			})
		}
	}
}

// refusesExchanges serves messages only, and says so late.
type refusesExchanges struct{ *testService }

func (refusesExchanges) OpenExchanges(*Conn) ExchangeHandler { return nil }

// A service that refuses a part, or cannot serve any, ends it at once.
func TestPartRefused(t *testing.T) {
	h := newHarness(t, Options{})
	c, _, _ := openExchanges(h)
	h.e.svc = refusesExchanges{h.svc}
	if p, w, _ := openPart(h, c); p != nil || w.closed != CloseRefused || w.ended != 1 {
		t.Errorf("%v, closed %v, ended %d times", p, w.closed, w.ended)
	}
	h.e.svc = h.svc // of messages only
	if p, w, _ := openPart(h, c); p != nil || w.closed != CloseRefused || w.ended != 1 {
		t.Errorf("%v, closed %v, ended %d times", p, w.closed, w.ended)
	}
	h.l.Begin()
	c.Close(ClosePeer)
	h.l.End()
	h.settle()
}

// What carries parts is neither idle nor drained while some are at work.
func TestBusy(t *testing.T) {
	h := newHarness(t, Options{IdleTimeout: 100 * time.Millisecond, HandshakeTimeout: 50 * time.Millisecond})
	c, w, _ := openExchanges(h)
	h.l.Begin()
	c.Busy(2)
	c.Busy(-1)
	h.l.End()
	h.pass(300)
	if c.Closed() || c.Idle() {
		t.Fatalf("closed for %v", w.closed)
	}
	h.l.Begin()
	c.Busy(-1)
	h.l.End()
	h.pass(90)
	if c.Closed() {
		t.Fatalf("closed for %v, too early", w.closed)
	}
	h.pass(20)
	if w.closed != CloseIdle {
		t.Errorf("closed for %v", w.closed)
	}
	c, w, _ = openExchanges(h)
	h.l.Begin()
	c.Busy(1)
	c.Drain()
	h.l.End()
	if c.Closed() {
		t.Fatalf("closed for %v", w.closed)
	}
	h.l.Begin()
	c.Busy(-1)
	h.l.End()
	if w.closed != CloseDrained {
		t.Errorf("closed for %v", w.closed)
	}
	c.Busy(1) // of what has ended
	h.settle()
}

// What waits in the output of parts is charged, however little each holds: their
// number is not bounded as that of connections is.
func TestPartOutputIsCharged(t *testing.T) {
	for name, end := range map[string]func(h *harness, p *Conn, w *fakePart){
		"read":   func(h *harness, _ *Conn, w *fakePart) { w.room = -1; h.pass(100) },
		"closed": func(_ *harness, p *Conn, _ *fakePart) { p.Close(ClosePeer) },
		"lost":   func(_ *harness, p *Conn, _ *fakePart) { p.Lose(ClosePeer) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, Options{WriteStallTimeout: time.Minute})
			c, _, _ := openExchanges(h)
			p, w, f := openPart(h, c)
			w.room = 10
			h.l.Begin()
			f.next(p, request(1, "echo", ""))
			h.l.End()
			if n := h.e.Snapshot().BufferedBytes; n < outMin || n > 4*outMin {
				t.Errorf("%d bytes are charged", n)
			}
			end(h, p, w)
			h.l.Turn()
			if n := h.e.Snapshot().BufferedBytes; n != 0 {
				t.Errorf("%d bytes are charged when nothing waits", n)
			}
			h.l.Begin()
			p.Close(ClosePeer)
			c.Close(ClosePeer)
			h.l.End()
			h.settle()
		})
	}
}

// The read timeout of a transport that has several messages on their way is that
// of the oldest, however often it is told of.
func TestPartialSince(t *testing.T) {
	h := newHarness(t, Options{ReadTimeout: 100 * time.Millisecond, HandshakeTimeout: -1})
	c, w, _ := openExchanges(h)
	began := h.l.Now()
	for range 9 {
		h.l.Begin()
		c.PartialSince(began, 0)
		c.Revisit() // holds up no deadline
		h.l.End()
		h.pass(10)
	}
	h.l.Begin()
	c.PartialSince(0, 0)
	h.l.End()
	h.pass(50)
	if c.Closed() {
		t.Fatalf("closed for %v", w.closed)
	}
	h.l.Begin()
	c.PartialSince(h.l.Now()-50e6, 0)
	h.l.End()
	h.pass(40)
	if c.Closed() {
		t.Fatalf("closed for %v, too early", w.closed)
	}
	h.pass(11)
	if w.closed != CloseReadTimeout {
		t.Errorf("closed for %v", w.closed)
	}
	h.settle()
}

// appender has bytes to send.
type appender struct{ b []byte }

func (a *appender) AppendOutput(dst []byte) []byte {
	dst = append(dst, a.b...)
	a.b = nil
	return dst
}

// A transport that has more to send than it wants in the output at once is asked
// for the rest when that has gone, be the peer slow or not.
func TestRevisit(t *testing.T) {
	for name, room := range map[string]int{"at once": -1, "slowly": 0} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, Options{WriteStallTimeout: time.Minute})
			c, w, _ := openExchanges(h)
			left := 5
			w.onResume = func() {
				if left--; left >= 0 {
					c.SendFrom(&appender{[]byte(strings.Repeat("x", 600) + "\n")}, 601)
					c.Revisit()
				}
			}
			w.room = room
			h.l.Begin()
			c.Revisit()
			if c.Idle() {
				t.Error("idle, though it is to be asked")
			}
			h.l.End()
			if room == 0 {
				if left != 4 || c.Unsent() != 601 {
					t.Fatalf("%d times left, %d bytes unsent", left, c.Unsent())
				}
				w.room = -1
				h.pass(200)
			}
			if n := len(w.lines()); n != 5 || left >= 0 || c.Unsent() != 0 {
				t.Errorf("%d lines, %d times left", n, left)
			}
			h.l.Begin()
			c.Close(ClosePeer)
			h.l.End()
			if c.Cut() {
				t.Error("cut, though nothing was left")
			}
			h.settle()
		})
	}
	h := newHarness(t, Options{})
	c, w, _ := openExchanges(h)
	w.room = 300
	h.l.Begin()
	c.SendFrom(&appender{make([]byte, 601)}, 601)
	h.l.End()
	h.l.Begin()
	c.Close(ClosePeer)
	h.l.End()
	if !c.Cut() {
		t.Error("not cut")
	}
	h.settle()
}

// A connection that is paused and visited meanwhile is still told when the pause is
// over.
func TestRevisitPaused(t *testing.T) {
	h := newHarness(t, Options{})
	c, w, _ := openExchanges(h)
	h.l.Begin()
	c.Pause()
	c.Revisit()
	h.l.End()
	if w.resumed != 1 {
		t.Errorf("visited %d times", w.resumed)
	}
	h.l.Begin()
	c.Unpause()
	h.l.End()
	if w.resumed != 2 {
		t.Errorf("told %d times", w.resumed)
	}
	h.l.Begin()
	c.Close(ClosePeer)
	h.l.End()
	h.settle()
}

// A connection that is made a carrier has ended for the handler that it had.
func TestCarry(t *testing.T) {
	h := newHarness(t, Options{})
	c, _, _ := openExchanges(h)
	c.SetState("of the service")
	other := &testService{}
	h.l.Begin()
	c.Carry(other)
	h.l.End()
	if h.svc.closed != 1 || c.State() != nil || c.Closed() {
		t.Errorf("told %d times, state %v", h.svc.closed, c.State())
	}
	h.l.Begin()
	c.Close(ClosePeer)
	h.l.End()
	if h.svc.closed != 1 || other.closed != 1 {
		t.Errorf("told %d and %d times", h.svc.closed, other.closed)
	}
	h.settle()
}
