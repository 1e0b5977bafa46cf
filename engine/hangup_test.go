package engine

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gannetmcp/gannet/codec"
)

// Hangup sends what was sent before it, cancels what runs, and is harmless for
// a connection that has ended.
func TestHangup(t *testing.T) {
	h := newHarness(t, Options{})
	var cause error
	h.svc.run = func(c *Call) { cause = c.cause }
	c, w := h.open()
	h.feed(c, request(1, "pool", ""))
	if err := c.Deliver([]byte(`{"last":1}`)); err != nil {
		t.Fatal(err)
	}
	c.Hangup(CloseLocal)
	wakes := h.drv.wakes
	if wakes == 0 {
		t.Error("the driver was not woken")
	}
	h.l.Turn()
	want(t, w.lines(), `{"last":1}`)
	if w.closed != CloseLocal {
		t.Errorf("closed as %v", w.closed)
	}
	if err := c.Deliver([]byte(`{}`)); !errors.Is(err, ErrConnClosed) {
		t.Errorf("Deliver afterwards: %v", err)
	}
	c.Hangup(CloseForced)
	h.l.Turn()
	if len(h.svc.reasons) != 1 || h.svc.reasons[0] != CloseLocal {
		t.Errorf("reasons %v", h.svc.reasons)
	}
	if cause != nil {
		t.Error("a call that was cancelled before it began has run")
	}
	h.settle()
}

// malformedService notes what is malformed.
type malformedService struct {
	testService
	got []string
}

func (s *malformedService) OpenConn(*Conn) Handler { return s }
func (s *malformedService) ServeMalformed(_ *Conn, id codec.ID, err *codec.Error) {
	s.got = append(s.got, fmt.Sprintf("%s %d", id.Raw(), err.Code))
}

// A handler that takes malformed input has nothing answered for it.
func TestServeMalformed(t *testing.T) {
	h := newHarness(t, Options{})
	svc := &malformedService{}
	e, err := New(svc, Options{Clock: h.clock, Executor: h.exec})
	if err != nil {
		t.Fatal(err)
	}
	h.e, h.l = e, e.NewLoop(h.drv)
	c, w := h.open()
	h.feed(c, "Listening on port 7600", `{"jsonrpc":"2.0","id":7,"result":3}`, `[]`, `[{}]`, `{"jsonrpc":"2.0","id":8,"result":{}}`)
	h.l.Begin()
	c.Oversized()
	c.Overloaded()
	h.l.End()
	c.AllowBatch(true)
	h.feed(c, `[{"jsonrpc":"2.0","id":9,"result":4},[],{}]`)
	want(t, svc.got, " -32700", "7 -32600", " -32600", " -32600", " -32600", " -31001", "9 -32600", " -32600", " -32600")
	want(t, svc.responses, "8")
	if lines := w.lines(); len(lines) != 0 {
		t.Errorf("answered %q", lines)
	}
	h.settle()
}
