package suite

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/registry"
	"github.com/gannetmcp/gannet/ringbuf"
)

// quietService is a service whose connections only send.
type quietService struct{}

// OpenConn takes every connection.
func (quietService) OpenConn(*engine.Conn) engine.Handler { return quietService{} }

// ServeRequest answers with an empty result.
func (quietService) ServeRequest(c *engine.Call) {
	c.EndResult(append(c.BeginResult(), "{}"...))
}

// ServeNotification, ServeResponse and CloseConn do nothing.
func (quietService) ServeNotification(*engine.Conn, *codec.Message) {}
func (quietService) ServeResponse(*engine.Conn, *codec.Message)     {}
func (quietService) CloseConn(*engine.Conn, engine.CloseReason)     {}

// stampWire counts messages by their newlines, and notes when the last came.
type stampWire struct {
	messages atomic.Int64
	at       atomic.Int64
}

// Write takes all of p.
func (w *stampWire) Write(p []byte) (int, error) {
	w.at.Store(now())
	n := int64(0)
	for _, c := range p {
		if c == '\n' {
			n++
		}
	}
	w.messages.Add(n)
	return len(p), nil
}

// Resume and Close do nothing.
func (*stampWire) Resume()                  {}
func (*stampWire) Close(engine.CloseReason) {}

// parkDriver runs a loop on a goroutine of its own: it turns round and round
// while it is to be awake, and otherwise sleeps until it is woken.
type parkDriver struct{ wake chan struct{} }

// Wake wakes the loop, if it sleeps.
func (d *parkDriver) Wake() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// WakeAt does nothing: no timer is set here.
func (*parkDriver) WakeAt(int64) {}

// A routed is a connection on a loop of another goroutine, with a name.
type routed struct {
	router *registry.Router
	wire   *stampWire
	stop   func()
}

var (
	routedName    = []byte("session-0123456789abcdef")
	routedMessage = []byte(`{"jsonrpc":"2.0","method":"notifications/message","params":{}}`)
)

func newRouted(awake bool) (*routed, error) {
	e, err := engine.New(quietService{}, engine.Options{MaxQueuedPushes: 1024})
	if err != nil {
		return nil, err
	}
	d := &parkDriver{wake: make(chan struct{}, 1)}
	l, w := e.NewLoop(d), &stampWire{}
	l.Begin()
	c := l.Open(w, nil)
	l.End()
	var stop atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for !stop.Load() {
			if !awake {
				<-d.wake
			}
			l.Turn()
		}
	}()
	router := registry.NewRouter(registry.TableOptions{})
	r := &routed{router, w, func() { stop.Store(true); d.Wake(); <-ended; e.Close() }}
	if err := router.NewBinder().Bind(routedName, c); err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

// send routes one message, again as long as the connection's queue is full.
func (r *routed) send() error {
	for {
		err := r.router.Route(routedName, routedMessage)
		if !errors.Is(err, engine.ErrPushQueueFull) {
			return err
		}
		runtime.Gosched()
	}
}

// arrived waits for the n-th message.
func (r *routed) arrived(n int64, within time.Duration) error {
	for deadline := now() + int64(within); r.wire.messages.Load() < n; runtime.Gosched() {
		if now() > deadline {
			return fmt.Errorf("%d of %d messages came within %v", r.wire.messages.Load(), n, within)
		}
	}
	return nil
}

// arrival is the longest wait for a message that was routed.
const arrival = 10 * time.Second

func route(e *Env, s Settings) (*result.Result, error) {
	r := &result.Result{}
	for _, mode := range []struct {
		prefix string
		awake  bool
	}{{"", true}, {"asleep_", false}} {
		flood, err := routeFlood(e, s, mode.awake)
		if err != nil {
			return nil, err
		}
		r.Add(mode.prefix+"rate", "1/s", flood)
		one, err := routeOne(e, s, mode.awake)
		if err != nil {
			return nil, err
		}
		one.percentiles(r, mode.prefix)
	}
	r.Add("clock_ns", "ns", clockCost())
	return r, nil
}

// routeFlood returns messages a second, from the first call to the last write.
func routeFlood(e *Env, s Settings, awake bool) (float64, error) {
	r, err := newRouted(awake)
	if err != nil {
		return 0, err
	}
	defer r.stop()
	sent := int64(0)
	begin := now()
	for end := begin + int64(s.Time); now() < end; {
		for range checkEvery {
			if err := r.send(); err != nil {
				return 0, err
			}
			sent++
		}
		if err := e.Context.Err(); err != nil {
			return 0, err
		}
	}
	if err := r.arrived(sent, arrival); err != nil {
		return 0, err
	}
	return float64(sent) / float64(r.wire.at.Load()-begin) * 1e9, nil
}

// routeOne sends a message when the one before has come.
func routeOne(e *Env, s Settings, awake bool) (*timing, error) {
	r, err := newRouted(awake)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	t := newTiming(1)
	sent := int64(0)
	for end := now() + int64(s.Time); ; {
		begin := now()
		if begin >= end || sent%checkEvery == 0 && e.Context.Err() != nil {
			return t, e.Context.Err()
		}
		if err := r.send(); err != nil {
			return nil, err
		}
		sent++
		if awake {
			for r.wire.messages.Load() < sent && now() < begin+int64(time.Millisecond) { // by spinning, as its loop does
			}
		}
		if err := r.arrived(sent, arrival); err != nil {
			return nil, err
		}
		t.record(r.wire.at.Load() - begin)
	}
}

// queueSize bounds the SPSC queues measured.
const queueSize = 1024

func queues(e *Env, s Settings) (*result.Result, error) {
	r := &result.Result{}
	q := ringbuf.NewSPSC[int](queueSize)
	one, err := timed(e.Context, s.Time, batch, bodyOf(batch, func(i int) error {
		if !q.Push(i) {
			return errors.New("the queue is full")
		}
		if _, ok := q.Pop(); !ok {
			return errors.New("the queue is empty")
		}
		return nil
	}))
	if err != nil {
		return nil, err
	}
	r.Add("spsc_rate", "1/s", one.rate())
	one.percentiles(r, "spsc_")
	across, err := spscAcross(e, s)
	if err != nil {
		return nil, err
	}
	r.Add("spsc_across_rate", "1/s", across)
	var box ringbuf.Mailbox[int]
	items := make([]ringbuf.Item[int], batch)
	mailbox, err := timed(e.Context, s.Time, batch, func() error {
		for i := range items {
			box.Push(&items[i])
		}
		for range items {
			if box.Pop() == nil {
				return errors.New("the mailbox is empty")
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.Add("mailbox_rate", "1/s", mailbox.rate())
	mailbox.percentiles(r, "mailbox_")
	r.Add("clock_ns", "ns", clockCost())
	return r, nil
}

// spscAcross returns the items a second that go from one goroutine to another.
func spscAcross(e *Env, s Settings) (float64, error) {
	q := ringbuf.NewSPSC[int](queueSize)
	var stop atomic.Bool
	sent := make(chan int64, 1)
	go func() {
		n := int64(0)
		for !stop.Load() {
			for range batch {
				for !q.Push(1) {
					if stop.Load() {
						sent <- n
						return
					}
					runtime.Gosched()
				}
				n++
			}
		}
		sent <- n
	}()
	got := int64(0)
	begin := now()
	end := begin
	for ; end < begin+int64(s.Time) && e.Context.Err() == nil; end = now() {
		for range checkEvery {
			if v, ok := q.Pop(); ok {
				got += int64(v)
			} else {
				runtime.Gosched()
			}
		}
	}
	stop.Store(true)
	n := <-sent
	for v, ok := q.Pop(); ok; v, ok = q.Pop() {
		n -= int64(v)
	}
	if n != got {
		return 0, fmt.Errorf("%d items were sent and %d came", n, got)
	}
	return float64(got) / float64(end-begin) * 1e9, e.Context.Err()
}
