package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/codec"
)

// flatFraming is an ExchangeFraming that writes messages as lines, and names
// the exchange that each went into.
type flatFraming struct {
	x *Exchange
	n int
}

func (f *flatFraming) next(c *Conn, body string) {
	f.n++
	f.x = &Exchange{Body: []byte(body)}
	c.ServeExchange(f.x)
}

func (f *flatFraming) Open(dst []byte, answer bool) []byte          { return fmt.Appendf(dst, "%d ", f.n) }
func (f *flatFraming) Close(dst []byte, _ int, _ codec.Code) []byte { return append(dst, '\n') }
func (*flatFraming) Abort(dst []byte, at int) []byte                { return dst[:at] }
func (*flatFraming) Boundary(b []byte) int                          { return len(b) }
func (f *flatFraming) Respond(dst []byte, status int, _ string, _ []byte) []byte {
	f.x.Done = true
	return fmt.Appendf(dst, "%d status %d\n", f.n, status)
}
func (*flatFraming) BeginStream(dst []byte) []byte  { return dst }
func (*flatFraming) Comment(dst []byte) []byte      { return dst }
func (*flatFraming) Event(dst, event []byte) []byte { return append(dst, event...) }
func (*flatFraming) CutStream(dst []byte) []byte    { return dst }
func (f *flatFraming) EndStream(dst []byte) []byte {
	f.x.Done = true
	return fmt.Appendf(dst, "%d end\n", f.n)
}
func (f *flatFraming) Exchange() *Exchange { return f.x }

// exchangeService is testService for exchanges.
type exchangeService struct{ *testService }

func (s exchangeService) OpenExchanges(c *Conn) ExchangeHandler {
	s.OpenConn(c)
	return s
}

func (s exchangeService) ServeExchange(c *Conn, x *Exchange) { c.Receive(x.Body) }

func openExchanges(h *harness) (*Conn, *fakeWire, *flatFraming) {
	h.e.svc = exchangeService{h.svc}
	w, f := &fakeWire{room: -1}, &flatFraming{}
	h.l.Begin()
	c := h.l.OpenHTTP(w, f)
	h.l.End()
	return c, w, f
}

// What is said to one exchange keeps its order, whether or not the peer reads:
// nothing is urgent.
func TestExchangeOrder(t *testing.T) {
	h := newHarness(t, Options{CallTimeout: 50 * time.Millisecond, WriteStallTimeout: time.Minute})
	c, w, f := openExchanges(h)
	h.l.Begin()
	f.next(c, request(1, "pool", ""))
	h.l.End()
	w.room = 0
	h.l.Begin()
	c.Send([]byte(`"first"`))
	h.l.End()
	h.pass(60) // the call is timed out
	w.room = -1
	h.pass(200)
	got := w.lines()
	if len(got) != 2 || !strings.Contains(got[0], "first") || !strings.Contains(got[1], "error") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	h.settle()
}

// What belongs to a call, and comes when its exchange has ended, is not said to
// the next exchange of the connection, which may be another client's.
func TestExchangeLateMessages(t *testing.T) {
	h := newHarness(t, Options{})
	c, w, f := openExchanges(h)
	say := func(call *Call) {
		for range 2 {
			if err := call.EndNotification(append(call.BeginNotification("late"), "{}"...)); err != nil {
				t.Error(err)
			}
		}
		if err := call.Deliver([]byte(`"late"`)); err != nil {
			t.Error(err)
		}
	}
	h.svc.run = func(call *Call) {
		say(call) // in time
		h.l.Begin()
		c.Cancel([]byte("1"), "")
		c.EndStream()
		f.next(c, request(1, "leave", "")) // the id is free again
		h.l.End()
		say(call)
		echo(call)
	}
	h.l.Begin()
	f.next(c, request(1, "pool", ""))
	h.l.End()
	// As if the loop were slow: what was sent in time arrives too late as well.
	h.exec.runAll()
	h.l.Turn()
	want(t, w.lines(), "1 end")
	h.l.Begin()
	c.Send([]byte(`"here"`))
	h.l.End()
	want(t, w.lines(), `2 "here"`)

	// So is what a spawned call says, which outlives its exchange.
	h.svc.run = nil
	h.l.Begin()
	f.next(c, request(2, "leave", ""))
	h.l.End()
	o := &outcome{}
	if _, err := c.Spawn([]byte(request(3, "x", "")), 0, RunnerFunc(func(call *Call) { say(call); echo(call) }), func(*Call) {}, o.done); err != nil {
		t.Fatal(err)
	}
	h.l.Begin()
	f.next(c, request(4, "leave", ""))
	h.l.End()
	h.exec.runAll()
	h.l.Turn()
	want(t, w.lines())
	if o.times != 1 || o.err != nil {
		t.Errorf("got %+v", o)
	}
	h.settle()
}

// panicky serves an exchange as its body says, and panics.
type panicky struct{ *testService }

func (s panicky) OpenExchanges(c *Conn) ExchangeHandler { s.OpenConn(c); return s }

func (s panicky) ServeExchange(c *Conn, x *Exchange) {
	switch body := string(x.Body); body {
	case "stream":
		c.BeginStream()
		x.Begun = true // as a framing does
		c.Event([]byte("half an answer\n"))
		panic("boom")
	case "at once":
		panic("boom")
	case "call":
		c.Receive([]byte(request(1, "pool", "")))
		panic("boom")
	default:
		c.Receive(x.Body)
	}
}

// A service that panics where it serves an exchange answers that by 500 if
// nothing was said yet. A stream that has begun is cut, and the peer sees that.
// The answer of a call of such an exchange does not come in the next.
func TestExchangePanics(t *testing.T) {
	h := newHarness(t, Options{})
	h.e.svc = panicky{h.svc}
	w, f := &fakeWire{room: -1}, &flatFraming{}
	f.x = &Exchange{}
	h.l.Begin()
	c := h.l.OpenHTTP(w, f)
	serve := func(body string) {
		f.n++
		f.x = &Exchange{Body: []byte(body), Request: noRequest{}}
		c.ServeExchange(f.x)
	}
	serve("at once")
	serve("call")
	serve(request(2, "leave", ""))
	h.l.End()
	h.exec.runAll()
	h.l.Turn()
	want(t, w.lines(), "1 status 500", "2 status 500")
	if w.closed != CloseNone {
		t.Errorf("closed: %v", w.closed)
	}
	h.l.Begin()
	serve("stream")
	h.l.End()
	want(t, w.lines(), "half an answer")
	if w.closed != CloseLocal {
		t.Errorf("a stream that was cut: closed %v", w.closed)
	}
	if n := h.e.Snapshot().Panics; n != 3 {
		t.Errorf("%d panics counted", n)
	}
	h.settle()
}

// noRequest is a request without a head.
type noRequest struct{}

func (noRequest) Method() []byte              { return nil }
func (noRequest) Path() []byte                { return nil }
func (noRequest) Query() []byte               { return nil }
func (noRequest) Host() []byte                { return nil }
func (noRequest) Header(string) ([]byte, int) { return nil, 0 }
