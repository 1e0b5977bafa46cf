package transports

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
)

// handing hands its connections out.
type handing struct {
	service
	conns chan *engine.Conn
}

func (h handing) OpenConn(c *engine.Conn) engine.Handler {
	select {
	case h.conns <- c:
	default:
	}
	return h.service
}

// What is spawned while a server ends is either refused or told how it went,
// before Close has returned: who counts what runs never waits for ever.
func TestSpawnWhileClosing(t *testing.T) {
	for range 20 {
		h := handing{conns: make(chan *engine.Conn, 1)}
		s, err := Listen(h, Options{Loops: 2, Listeners: []Listener{{URL: "tcp://127.0.0.1:0"}}})
		if err != nil {
			t.Fatal(err)
		}
		p := dial(t, s)
		c := <-h.conns
		var spawned, done atomic.Int64
		var running sync.WaitGroup
		for range 2 {
			running.Go(func() {
				for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
					switch _, err := c.Spawn([]byte(`{"jsonrpc":"2.0","id":1,"method":"x"}`), 0, echoRunner, func(*engine.Call) {}, func([]byte, error) { done.Add(1) }); {
					case err == nil:
						spawned.Add(1)
					case errors.Is(err, engine.ErrEngineClosed):
						return
					default:
						t.Error(err)
						return
					}
					time.Sleep(10 * time.Microsecond)
				}
				t.Error("spawned for ever")
			})
		}
		time.Sleep(2 * time.Millisecond)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		now := done.Load()
		running.Wait()
		if n := spawned.Load(); now != n {
			t.Errorf("%d spawned, %d told of when Close had returned", n, now)
		}
		_ = p.Close()
	}
}
