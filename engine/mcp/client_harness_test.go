package mcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// memory drives an engine with one connection whose wire is a channel of lines.
type memory struct {
	t      *testing.T
	engine *engine.Engine
	loop   *engine.Loop
	conn   *engine.Conn
	timer  *time.Timer
	mu     sync.Mutex // whoever holds it owns the loop
	noted  atomic.Bool
	tail   []byte
	out    chan string
	over   chan struct{}
}

func newMemory(t *testing.T, svc engine.Service) *memory {
	t.Helper()
	e, err := engine.New(svc, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := &memory{t: t, engine: e, out: make(chan string, 4096), over: make(chan struct{})}
	m.timer = time.AfterFunc(time.Hour, m.Wake)
	m.timer.Stop()
	m.loop = e.NewLoop(m)
	m.turn(func() { m.conn = m.loop.Open((*memoryWire)(m), nil) })
	return m
}

func (m *memory) turn(f func()) {
	m.mu.Lock()
	m.loop.Begin()
	f()
	m.loop.End()
	m.mu.Unlock()
	m.catchUp()
}

func (m *memory) Wake() { m.noted.Store(true); m.catchUp() }

func (m *memory) catchUp() {
	for m.noted.Load() && m.mu.TryLock() {
		if m.noted.Swap(false) {
			m.loop.Turn()
		}
		m.mu.Unlock()
	}
}

func (m *memory) WakeAt(at int64) {
	m.timer.Reset(time.Duration(at - m.engine.Options().Clock.Now()))
}

// feed hands lines to the engine, as if its peer had sent them.
func (m *memory) feed(lines ...string) {
	m.turn(func() {
		for _, l := range lines {
			m.conn.Receive([]byte(l))
		}
	})
}

func (m *memory) hangUp() { m.turn(func() { m.conn.Close(engine.ClosePeer) }) }

type memoryWire memory

func (w *memoryWire) Write(p []byte) (int, error) {
	w.tail = append(w.tail, p...)
	for {
		i := bytes.IndexByte(w.tail, '\n')
		if i < 0 {
			return len(p), nil
		}
		w.out <- string(w.tail[:i])
		w.tail = w.tail[i+1:]
	}
}
func (w *memoryWire) Resume()                  {}
func (w *memoryWire) Close(engine.CloseReason) { close(w.over) }

// stop ends the connection and everything behind it.
func (m *memory) stop() {
	m.turn(func() {
		if !m.conn.Closed() {
			m.conn.Close(engine.CloseLocal)
		}
	})
	m.engine.Close()
	m.timer.Stop()
}

// next returns the next line that was written.
func (m *memory) next() string {
	m.t.Helper()
	select {
	case l := <-m.out:
		return l
	case <-time.After(10 * time.Second):
		m.t.Fatal("nothing was sent for 10 s")
		return ""
	}
}

// sentMessage is any message, taken apart.
type sentMessage struct {
	ID     json.RawMessage
	Method string
	Params map[string]json.RawMessage
	Result json.RawMessage
	Error  json.RawMessage
}

func parseSent(t *testing.T, line string) (m sentMessage) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		t.Errorf("the client sent %q: %v", line, err)
	}
	return m
}

// expect returns the next message, which must be of that method.
func (m *memory) expect(method string) sentMessage {
	m.t.Helper()
	line := m.next()
	msg := parseSent(m.t, line)
	if msg.Method != method {
		m.t.Fatalf("want %s, the client sent %s", method, line)
	}
	return msg
}

// reply answers a request.
func (m *memory) reply(to sentMessage, result string) {
	m.feed(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, to.ID, result))
}

func (m *memory) replyError(to sentMessage, code int, more string) {
	m.feed(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":%d,"message":"no"%s}}`, to.ID, code, more))
}

const (
	modernDiscovery = `{"resultType":"complete","supportedVersions":["2025-11-25","2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"scripted","version":"3"}}}`
	initialized     = `{"protocolVersion":"%s","capabilities":{"tools":{"listChanged":true},"logging":{},"resources":{"subscribe":false}},"serverInfo":{"name":"scripted","version":"3","title":"T"},"instructions":"be kind"}`
)

// later is a call on another goroutine.
type later[T any] struct {
	t    *testing.T
	done chan struct{}
	v    T
	err  error
}

func do[T any](t *testing.T, f func() (T, error)) *later[T] {
	l := &later[T]{t: t, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		l.v, l.err = f()
	}()
	return l
}

// get waits for the call.
func (l *later[T]) get() (T, error) {
	l.t.Helper()
	select {
	case <-l.done:
	case <-time.After(20 * time.Second):
		l.t.Fatal("a call does not return")
	}
	return l.v, l.err
}

func doErr(t *testing.T, f func() error) *later[struct{}] {
	return do(t, func() (struct{}, error) { return struct{}{}, f() })
}

// scripted opens a connection of a client to a peer that the test plays. At
// the end of the test nothing may be left of it.
func scripted(t *testing.T, o mcp.ClientOptions) (*memory, *mcp.ClientSession) {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	if o.Name == "" {
		o.Name = "test"
	}
	m := newMemory(t, mcp.NewClient(o))
	var s *mcp.ClientSession
	m.turn(func() { s = mcp.SessionOf(m.conn) })
	t.Cleanup(func() {
		_ = s.Close()
		if err := s.Wait(); err != nil && !strings.Contains(err.Error(), "closed") {
			t.Error(err)
		}
		m.stop()
		if err := goleak.Find(leaks); err != nil {
			t.Error(err)
		}
	})
	return m, s
}

// negotiated is scripted, and settles on a revision.
func negotiated(t *testing.T, revision string, o mcp.ClientOptions) (*memory, *mcp.ClientSession) {
	t.Helper()
	o.Revision = revision
	m, s := scripted(t, o)
	n := doErr(t, func() error { return s.Negotiate(context.Background()) })
	if revision == mcp.Revision20260728 {
		m.reply(m.expect("server/discover"), modernDiscovery)
	} else {
		m.reply(m.expect("initialize"), fmt.Sprintf(initialized, revision))
		m.expect("notifications/initialized")
	}
	if _, err := n.get(); err != nil {
		t.Fatal(err)
	}
	return m, s
}

// connected connects a client to a service, in memory, and negotiates.
func connected(t *testing.T, o mcp.ClientOptions, svc engine.Service) *mcp.ClientSession {
	t.Helper()
	m, s := scripted(t, o)
	srv := newMemory(t, svc)
	ended := make(chan struct{})
	var wg sync.WaitGroup
	forward := func(from, to *memory) {
		defer wg.Done()
		for {
			select {
			case l := <-from.out:
				to.feed(l)
			case <-ended:
				return
			}
		}
	}
	wg.Add(2)
	go forward(m, srv)
	go forward(srv, m)
	t.Cleanup(func() {
		close(ended)
		wg.Wait()
		srv.stop()
	})
	if err := s.Negotiate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s
}
