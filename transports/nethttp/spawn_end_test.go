package nethttp

import (
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// handing hands its connections out.
type handing struct {
	*mcp.Server
	conns chan *engine.Conn
}

func (h handing) OpenExchanges(c *engine.Conn) engine.ExchangeHandler {
	select {
	case h.conns <- c:
	default:
	}
	return h.Server.OpenExchanges(c)
}

// A loop that is told to quit leaves nothing in its mailbox, whichever it hears of
// first.
func TestLastTurn(t *testing.T) {
	for range 50 {
		e, err := engine.New(mcp.NewServer(mcp.Options{Name: "last"}), engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		l, quit, taken := newLoop(e), make(chan struct{}), false
		e.Close()
		e.EachLoop(0, func(*engine.Loop) { taken = true })
		close(quit)
		l.run(quit)
		if !taken {
			t.Fatal("the last turn did not come")
		}
	}
}

// What is spawned while a handler ends is either refused or told how it went,
// before Close has returned, and nothing is left of it.
func TestSpawnWhileClosing(t *testing.T) {
	for range 20 {
		svc := handing{mcp.NewServer(mcp.Options{Name: "ending"}), make(chan *engine.Conn, 1)}
		h, err := New(svc, Options{})
		if err != nil {
			t.Fatal(err)
		}
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/mcp", strings.NewReader("{}")))
		c := <-svc.conns
		echo := engine.RunnerFunc(func(c *engine.Call) { c.Result([]byte("{}")) })
		var spawned, done atomic.Int64
		var running sync.WaitGroup
		for range 2 {
			running.Go(func() {
				for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
					_, err := c.Spawn([]byte(`{"jsonrpc":"2.0","id":1,"method":"x"}`), 0, echo, func(*engine.Call) {}, func([]byte, error) { done.Add(1) })
					if err != nil {
						if !errors.Is(err, engine.ErrEngineClosed) {
							t.Error(err)
						}
						return
					}
					spawned.Add(1)
					time.Sleep(10 * time.Microsecond)
				}
				t.Error("spawned for ever")
			})
		}
		time.Sleep(2 * time.Millisecond)
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		now := done.Load()
		running.Wait()
		if n := spawned.Load(); now != n {
			t.Errorf("%d spawned, %d told of when Close had returned", n, now)
		}
		if n := h.Snapshot().Engine.InFlight; n != 0 {
			t.Errorf("%d in flight", n)
		}
	}
}
