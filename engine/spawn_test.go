package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// outcome is how a spawned call ended.
type outcome struct {
	answer string
	err    error
	times  int
}

func (o *outcome) done(answer []byte, err error) {
	o.answer, o.err = string(answer), err
	o.times++
}

// A spawned call is answered to whoever spawned it, also when its connection
// has gone, is bounded in time and number, and can be cancelled.
func TestSpawn(t *testing.T) {
	h := newHarness(t, Options{MaxInFlightTotal: 2})
	c, w := h.open()
	spawn := func(limit time.Duration, r Runner) (*Spawned, *outcome) {
		t.Helper()
		o := &outcome{}
		s, err := c.Spawn([]byte(request(1, "x", `{"a":1}`)), limit, r, func(call *Call) { call.SetExt("ext") }, o.done)
		if err != nil {
			t.Fatal(err)
		}
		if o.times != 0 {
			t.Fatal("done before Spawn has returned")
		}
		return s, o
	}
	run := func() {
		h.l.Turn()
		h.exec.runAll()
		h.l.Turn()
	}
	_, o := spawn(0, RunnerFunc(func(call *Call) {
		if call.Ext() != "ext" || string(call.Params().Raw()) != `{"a":1}` {
			t.Error("the call is not what was spawned")
		}
		if err := call.EndNotification(append(call.BeginNotification("note"), "{}"...)); err != nil {
			t.Error(err)
		}
		echo(call)
	}))
	run()
	if !strings.Contains(o.answer, `"result":{"a":1}`) || o.err != nil || o.times != 1 {
		t.Errorf("got %+v", o)
	}
	if got := w.lines(); len(got) != 1 || !strings.Contains(got[0], `"note"`) {
		t.Errorf("the connection got %q", got)
	}
	// A limit of time, whatever the handler does.
	_, o = spawn(20*time.Millisecond, echoRunner)
	h.l.Turn()
	h.pass(21)
	if !errors.Is(o.err, ErrCallTimeout) || o.times != 1 {
		t.Errorf("got %+v", o)
	}
	run()
	if o.times != 1 {
		t.Error("done twice")
	}
	// Cancelled before it begins, while it waits, and while it runs.
	cause := errors.New("the cause")
	s, o := spawn(0, echoRunner)
	s.Cancel(cause)
	run()
	s2, o2 := spawn(0, echoRunner)
	h.l.Turn()
	s2.Cancel(cause)
	run()
	var s3 *Spawned
	s3, o3 := spawn(0, RunnerFunc(func(call *Call) {
		s3.Cancel(cause)
		<-call.Context().Done()
		if context.Cause(call.Context()) != cause {
			t.Error("another cause")
		}
	}))
	run()
	for i, o := range []*outcome{o, o2, o3} {
		if o.err != cause || o.times != 1 {
			t.Errorf("cancelled %d: %+v", i, o)
		}
	}
	// Too many; a panic; a connection that has gone.
	spawn(0, echoRunner)
	spawn(0, RunnerFunc(func(*Call) { panic("contained") }))
	_, o = spawn(0, echoRunner)
	h.l.Turn()
	if o.err != ErrSpawnRefused {
		t.Errorf("got %+v", o)
	}
	run()
	h.l.Begin()
	c.Close(CloseForced)
	h.l.End()
	_, o = spawn(0, echoRunner)
	run()
	if !strings.Contains(o.answer, "result") {
		t.Errorf("got %+v", o)
	}
	if _, err := c.Spawn([]byte(`{"jsonrpc":"2.0","method":"note"}`), 0, echoRunner, func(*Call) {}, o.done); err == nil {
		t.Error("a notification was spawned")
	}
	if _, err := c.Spawn([]byte(`{`), 0, echoRunner, func(*Call) {}, o.done); err == nil {
		t.Error("garbage was spawned")
	}
	h.settle()
}

// An engine that closes ends what was spawned.
func TestSpawnClose(t *testing.T) {
	h := newHarness(t, Options{})
	c, _ := h.open()
	o := &outcome{}
	turn := RunnerFunc(func(call *Call) {
		h.l.Turn() // as drivers do while Close waits for calls
		if !call.Ended() {
			t.Error("the call has not ended")
		}
	})
	if _, err := c.Spawn([]byte(request(1, "x", "")), 0, turn, func(*Call) {}, o.done); err != nil {
		t.Fatal(err)
	}
	h.l.Turn()
	h.e.Close()
	h.l.Turn()
	if !errors.Is(o.err, ErrConnClosed) || o.times != 1 {
		t.Errorf("got %+v", o)
	}
}

// What is spawned before Close gets its end by the turn that follows; what is
// spawned after is refused, as no turn might come.
func TestSpawnAroundClose(t *testing.T) {
	h := newHarness(t, Options{})
	c, _ := h.open()
	before, after := &outcome{}, &outcome{}
	spawn := func(o *outcome) error {
		_, err := c.Spawn([]byte(request(1, "x", "")), 0, echoRunner, func(*Call) {}, o.done)
		return err
	}
	if err := spawn(before); err != nil {
		t.Fatal(err)
	}
	h.e.Close()
	if err := spawn(after); !errors.Is(err, ErrEngineClosed) {
		t.Errorf("spawned after Close: %v", err)
	}
	h.l.Turn()
	if !errors.Is(before.err, ErrConnClosed) || before.times != 1 || after.times != 0 {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// homecoming counts how often calls come home.
type homecoming struct {
	Runner
	n *int
}

func (h homecoming) CallReturned(*Call) { *h.n++ }

// A runner is told once that its call has come home: when its worker is free, not
// when the call was over before.
func TestSpawnReturns(t *testing.T) {
	h := newHarness(t, Options{MaxInFlightTotal: 1})
	c, _ := h.open()
	n := 0
	o := &outcome{}
	spawn := func(limit time.Duration) *Spawned {
		t.Helper()
		s, err := c.Spawn([]byte(request(1, "x", "")), limit, homecoming{echoRunner, &n}, func(*Call) {}, o.done)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	check := func(when string, home, over int) {
		t.Helper()
		if n != home || o.times != over {
			t.Errorf("%s: home %d times, done %d times; want %d, %d", when, n, o.times, home, over)
		}
	}
	spawn(20 * time.Millisecond)
	h.l.Turn()
	h.pass(21)
	check("timed out, and still with the executor", 0, 1)
	spawn(0)
	h.l.Turn()
	check("refused", 1, 2)
	h.exec.runAll()
	h.l.Turn()
	check("run", 2, 2)
	spawn(0).Cancel(errors.New("cancelled"))
	h.l.Turn()
	check("cancelled before it began", 3, 3)
	h.settle()
}
