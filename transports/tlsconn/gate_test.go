package tlsconn

import (
	"crypto/tls"
	"io"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// helloOf returns the first flight of a client of crypto/tls.
func helloOf(t testing.TB, config *tls.Config) []byte {
	t.Helper()
	e := end{newDuct(), newDuct()}
	done := make(chan struct{})
	go func() { _ = tls.Client(e, config).Handshake(); close(done) }()
	<-e.out.told
	b, _ := e.out.take()
	e.in.close()
	<-done
	if whole, why := judgeHello(b); !whole || why != notFailed {
		t.Fatal("no hello")
	}
	return b
}

func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for begun := time.Now(); !f(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > patience {
			t.Fatal("not in time: ", what)
		}
	}
}

// Peers that stop behind their hello hold no CPU: with one for all, others get
// through. When they leave, nothing of them is left.
func TestParkedHandshakesHoldNoCPU(t *testing.T) {
	r := newRig(t, GateOptions{CPUs: 1})
	hello := helloOf(t, r.client())
	var parked []*owner
	for range 50 {
		o := r.owner().start()
		_, _ = o.end.Write(hello)
		parked = append(parked, o)
	}
	for _, o := range parked { // each has been answered, and waits
		if _, err := io.ReadFull(o.end, make([]byte, 500)); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.opts.Gate.InFlight(); n != 50 {
		t.Errorf("%d in flight", n)
	}
	for range 3 {
		o := r.owner().start()
		exchange(t, o.dial(r.client()), []byte("through"))
		o.finish()
	}
	for _, o := range parked {
		o.end.out.close()
	}
	eventually(t, "the parked ones are gone", func() bool { return r.opts.Gate.InFlight() == 0 })
	if s := r.opts.Gate.Stats.Snapshot(); s.Done != 3 || s.Failed[FailedGone] != 50 || sum(s.Failed[:]) != 50 {
		t.Errorf("%+v", s)
	}
}

// Beyond the bound a peer is refused with an alert, and counted; when one of the
// others is over there is room again.
func TestGateBound(t *testing.T) {
	r := newRig(t, GateOptions{MaxHandshakes: 2, GiveWay: -1})
	hello := helloOf(t, r.client())
	first := r.owner().start()
	_, _ = first.end.Write(hello)
	second := r.owner().start()
	_, _ = second.end.Write(hello)
	eventually(t, "two in flight", func() bool { return r.opts.Gate.InFlight() == 2 })
	third := r.owner().start()
	_, _ = third.end.Write(hello)
	got := make([]byte, 7)
	if _, err := io.ReadFull(third.end, got); err != nil || string(got) != "\x15\x03\x01\x00\x02\x02\x50" {
		t.Errorf("%q, %v", got, err)
	}
	third.finish()
	if third.err != ErrBusy {
		t.Errorf("error %v", third.err)
	}
	first.finish()
	eventually(t, "one in flight", func() bool { return r.opts.Gate.InFlight() == 1 })
	o := r.owner().start()
	exchange(t, o.dial(r.client()), []byte("room"))
	if s := r.opts.Gate.Stats.Snapshot(); s.Done != 1 || s.Failed[FailedBusy] != 1 || s.Failed[FailedGone] != 1 {
		t.Errorf("%+v", s)
	}
}

// Who has waited longest for a peer gives way when there is no room: clients get
// through however many have begun and do not go on.
func TestGateGivesWay(t *testing.T) {
	r := newRig(t, GateOptions{MaxHandshakes: 3, GiveWay: time.Nanosecond})
	hello := helloOf(t, r.client())
	var parked []*owner
	for i := range 20 {
		o := r.owner().start()
		_, _ = o.end.Write(hello)
		if _, err := io.ReadFull(o.end, make([]byte, 500)); err != nil {
			t.Fatalf("number %d is not answered: %v", i, err)
		}
		parked = append(parked, o)
		eventually(t, "no more than there may be", func() bool { return r.opts.Gate.InFlight() <= 3 })
	}
	o := r.owner().start()
	exchange(t, o.dial(r.client()), []byte("through"))
	eventually(t, "those that gave way are over", func() bool {
		n := r.opts.Gate.Stats.Snapshot()
		return n.Failed[FailedBusy] == 18 && r.opts.Gate.InFlight() == 2
	})
	for i, o := range parked {
		o.finish()
		if gone := i < 18; gone != (o.err == ErrBusy) {
			t.Errorf("number %d: %v", i, o.err)
		}
	}
}

// While what gives way has no CPU to end by, there is no room without bound.
func TestGateGivesWayBound(t *testing.T) {
	g := NewGate(GateOptions{MaxHandshakes: 4, CPUs: 1, GiveWay: time.Nanosecond})
	taken := 0
	for range 20 {
		h := &handshake{gate: g, wake: make(chan struct{}, 1), waiting: true}
		g.mu.Lock()
		room, late := g.room()
		if room {
			g.inFlight++
			taken++
			h.since = time.Now().Add(-time.Second)
			g.parked.add(h)
		}
		g.mu.Unlock()
		if late != nil {
			late.yield()
			if !late.yielded || len(late.wake) != 1 || late.parked {
				t.Fatal("it does not give way")
			}
		}
	}
	if taken != 8 {
		t.Errorf("%d are in flight of 4 that may be", taken)
	}
}

// No more handshakes compute at once than there are CPUs for them, and all are done
// in the end.
func TestGateCPUs(t *testing.T) {
	var now, most atomic.Int64
	r := newRig(t, GateOptions{CPUs: 2})
	r.opts.Config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		n := now.Add(1)
		for {
			if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		for range 10 {
			runtime.Gosched()
		}
		now.Add(-1)
		return nil, nil
	}
	const clients = 60
	done := make(chan error, clients)
	for range clients {
		o := r.owner().start()
		go func() {
			_ = o.end.SetDeadline(time.Now().Add(patience))
			done <- tls.Client(o.end, r.client()).Handshake()
		}()
	}
	for range clients {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if most.Load() > 2 || most.Load() == 0 {
		t.Errorf("%d computed at once", most.Load())
	}
	eventually(t, "all are over", func() bool { return r.opts.Gate.InFlight() == 0 })
}

// The order in which a CPU is given: those that had one before, but one that
// begins after each sixteen of them.
func TestGateQueues(t *testing.T) {
	g := NewGate(GateOptions{CPUs: 1})
	g.free = 0
	var resumed []*handshake
	for range 40 {
		h := &handshake{wake: make(chan struct{}, 1)}
		g.resumed.push(h)
		resumed = append(resumed, h)
	}
	// A fresh one would be run: instead it is seen to have left its queue.
	woken := func() (n int) {
		for _, h := range resumed {
			n += len(h.wake)
		}
		return n
	}
	fresh := closedHandshake(g)
	g.inFlight = 1
	g.fresh.push(fresh)
	for i := 1; g.fresh.first != nil; i++ {
		g.leave()
		if i > resumedRun+1 {
			t.Fatal("the fresh one starves")
		}
	}
	if n := woken(); n < resumedRun || n > resumedRun+1 {
		t.Errorf("%d were woken before it", n)
	}
	g.Wait()
}

// closedHandshake returns one that ends as soon as it runs.
func closedHandshake(g *Gate) *handshake {
	return &handshake{gate: g, wake: make(chan struct{}, 1), notify: func() {}, closed: true}
}

// A peer whose deadline has passed is dropped wherever its handshake stands, and
// counted as such.
func TestExpire(t *testing.T) {
	r := newRig(t, GateOptions{})
	hello := helloOf(t, r.client())
	for _, in := range [][]byte{nil, hello[:3], hello[:100], hello} {
		notify := make(chan struct{}, 4)
		l := NewLoop(r.pool)
		s := l.NewSession(&r.opts, nil, nil, func() { notify <- struct{}{} })
		if _, n, ev := s.Next(in); n != len(in) || ev != More {
			t.Fatalf("%d, %v", n, ev)
		}
		if len(in) == len(hello) {
			<-notify // it has answered and waits
		}
		s.Expire()
		if _, n, ev := s.Next([]byte("more")); n != 4 || ev != More || s.Open() {
			t.Errorf("behind its end: %d, %v", n, ev)
		}
		s.Expire()
		s.Close()
		s.Close()
		l.Close()
	}
	if s := r.opts.Gate.Stats.Snapshot(); s.Failed[FailedTimeout] != 4 || sum(s.Failed[:]) != 4 {
		t.Errorf("%v", s.Failed)
	}
}

func TestGateOptions(t *testing.T) {
	for _, o := range []GateOptions{{MaxHandshakes: -1}, {CPUs: -1}} {
		if o.Validate() == nil {
			t.Errorf("%+v is taken", o)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v: a Gate", o)
				}
			}()
			NewGate(o)
		}()
	}
	if g := NewGate(GateOptions{}); g.max != DefaultMaxHandshakes || g.giveWay != time.Second || g.free != runtime.GOMAXPROCS(0) {
		t.Errorf("%+v", g)
	}
}

// When nothing more will come, a handshake that waits for more fails, as one whose
// peer has gone; one that has all it needs is completed.
func TestEndOfInput(t *testing.T) {
	for _, whole := range []bool{false, true} {
		r := newRig(t, GateOptions{})
		notify := make(chan struct{}, 8)
		l := NewLoop(r.pool)
		s := l.NewSession(&r.opts, nil, nil, func() { notify <- struct{}{} })
		e := end{newDuct(), newDuct()}
		done := make(chan error, 1)
		go func() { done <- tls.Client(e, r.client()).Handshake() }()
		<-e.out.told
		b, _ := e.out.take()
		s.Next(b)
		<-notify // it waits for the client's part
		s.Next(nil)
		if whole {
			_, _ = e.in.Write(s.Output())
			s.Sent(len(s.Output()))
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			b, _ = e.out.take()
			s.Next(b)
		}
		s.EndOfInput()
		ev := More
		for ev == More {
			<-notify
			_, _, ev = s.Next(nil)
		}
		n := r.opts.Gate.Stats.Snapshot()
		if whole && (ev != Established || n.Done != 1) || !whole && (ev != Failed || n.Failed[FailedGone] != 1) {
			t.Errorf("whole %v: event %v, %+v", whole, ev, n)
		}
		s.Close()
		l.Close()
		e.in.close()
		if !whole {
			<-done
		}
	}
}

// A peer that has gone before it was sent anything cannot have done its part: its
// handshake, which waits for a CPU, is not computed for nobody.
func TestEndOfInputUnanswered(t *testing.T) {
	r := newRig(t, GateOptions{CPUs: 1})
	var computed atomic.Int64
	inside, free := make(chan struct{}, 8), make(chan struct{})
	r.opts.Config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		computed.Add(1)
		inside <- struct{}{}
		<-free
		return nil, nil
	}
	hello := helloOf(t, r.client())
	l := NewLoop(r.pool)
	defer l.Close()
	first := l.NewSession(&r.opts, nil, nil, func() {})
	first.Next(hello)
	<-inside
	for range 5 {
		s := l.NewSession(&r.opts, nil, nil, func() {})
		s.Next(hello)
		if s.EndOfInput() {
			t.Error("it goes on, for a peer that has gone")
		}
		s.Close()
	}
	close(free)
	first.Close()
	eventually(t, "all are over", func() bool { return r.opts.Gate.InFlight() == 0 })
	if n := computed.Load(); n != 1 {
		t.Errorf("%d handshakes were computed", n)
	}
	if n := r.opts.Gate.Stats.Snapshot(); n.Failed[FailedGone] != 6 {
		t.Errorf("%+v", n.Failed)
	}
}
