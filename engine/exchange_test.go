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
func (*flatFraming) Boundary(b []byte) int                          { return len(b) }
func (f *flatFraming) Respond(dst []byte, status int, _ string, _ []byte) []byte {
	f.x.Done = true
	return fmt.Appendf(dst, "%d status %d\n", f.n, status)
}
func (*flatFraming) BeginStream(dst []byte) []byte { return dst }
func (*flatFraming) Comment(dst []byte) []byte     { return dst }
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
