package mcptest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// recorder is a TB that notes failures instead of failing.
type recorder struct {
	errors []string
	clean  []func()
}

func (r *recorder) Helper()                   {}
func (r *recorder) Cleanup(f func())          { r.clean = append(r.clean, f) }
func (r *recorder) Errorf(f string, a ...any) { r.errors = append(r.errors, fmt.Sprintf(f, a...)) }
func (r *recorder) Fatal(a ...any)            { r.errors = append(r.errors, fmt.Sprint(a...)) }

func (r *recorder) end() {
	for _, f := range r.clean {
		f()
	}
}

// wayward is a service that does what services must not.
type wayward struct{ do func(c *engine.Call) }

func (w wayward) OpenConn(*engine.Conn) engine.Handler {
	if w.do == nil {
		return nil
	}
	return w
}
func (wayward) ServeNotification(*engine.Conn, *codec.Message) {}
func (wayward) ServeResponse(*engine.Conn, *codec.Message)     {}
func (wayward) CloseConn(*engine.Conn, engine.CloseReason)     {}
func (w wayward) ServeRequest(c *engine.Call)                  { w.do(c) }

// What a server keeps, or says that is no JSON, fails the test, and says so; a
// good one does not.
func TestNotices(t *testing.T) {
	var over chan struct{} // when the wayward may end
	answer := func(c *engine.Call) { c.Result([]byte("{}")) }
	for _, tc := range []struct {
		name string
		do   func(c *engine.Call)
		says string
	}{
		{"good", answer, ""},
		{"good, from a worker", func(c *engine.Call) { c.Submit(engine.RunnerFunc(answer)) }, ""},
		{"good, later", func(c *engine.Call) { c.SubmitAfter(time.Hour, engine.RunnerFunc(answer)) }, ""},
		{"good, with a goroutine that ends with the call", func(c *engine.Call) {
			c.Submit(engine.RunnerFunc(func(c *engine.Call) {
				ctx := c.Context()
				go func() { <-ctx.Done() }()
				answer(c)
			}))
		}, ""},
		{"good, until its connection ends", func(c *engine.Call) {
			c.Submit(engine.RunnerFunc(func(c *engine.Call) { <-c.Context().Done() }))
		}, ""},
		{"a call that does not end", func(c *engine.Call) {
			c.Submit(engine.RunnerFunc(func(*engine.Call) { <-over }))
		}, "2 calls have not ended"},
		{"a goroutine of a handler on the loop", func(c *engine.Call) {
			go func() { <-over }()
			answer(c)
		}, "have not ended"},
		{"a goroutine of a handler on a worker", func(c *engine.Call) {
			c.Submit(engine.RunnerFunc(func(c *engine.Call) {
				go func() { <-over }()
				answer(c)
			}))
		}, "have not ended"},
		{"a goroutine of the second call on one worker", func(c *engine.Call) {
			c.Submit(engine.RunnerFunc(func(c *engine.Call) {
				answer(c)
				if string(c.ID().Raw()) == "2" {
					go func() { <-over }()
				}
			}))
		}, "have not ended"},
		{"a buffer that is kept", func(c *engine.Call) {
			_ = c.Loop().Engine().Buffers().Get(1000)
			answer(c)
		}, "2 buffers were not given back"},
		{"bytes that stay charged", func(c *engine.Call) {
			c.Loop().Engine().Reserve(100_000)
			answer(c)
		}, "200000 bytes"},
		{"no JSON", func(c *engine.Call) { c.Result([]byte("{")) }, "no JSON"},
		{"an empty line", func(c *engine.Call) { c.Result([]byte("\n\n")) }, "no JSON"},
		{"no connection", nil, "refused the connection"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				over = make(chan struct{})
				defer close(over)
				r := &recorder{}
				if c := New(r, wayward{tc.do}); c != nil {
					c.Send(`{"jsonrpc":"2.0","id":1,"method":"x"}`)
					synctest.Wait()
					c.Send(`{"jsonrpc":"2.0","id":2,"method":"x"}`)
					synctest.Wait()
				}
				r.end()
				got := strings.Join(r.errors, "\n")
				if (got == "") != (tc.says == "") || !strings.Contains(got, tc.says) {
					t.Errorf("said %q, want %q", got, tc.says)
				}
			})
		})
	}
}

// A call whose context ends is cancelled, and the connection goes on.
func TestCallEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mcp.NewServer(mcp.Options{Name: "test", Version: "1"})
		ended := make(chan error, 1)
		s.HandleTool(mcp.Tool{Name: "wait"}, mcp.Pooled, func(c *mcp.Call) error {
			<-c.Context().Done()
			ended <- c.Context().Err()
			return nil
		})
		c := New(t, s)
		if _, err := c.Initialize(t.Context(), mcp.LatestLegacyRevision); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.CallTool(ctx, "wait", nil); err == nil {
			t.Error("no error")
		}
		if err := <-ended; err == nil {
			t.Error("the handler's context did not end")
		}
		if _, err := c.Call(t.Context(), "ping", nil); err != nil {
			t.Error(err)
		}
		var e *mcp.Error
		if _, err := c.CallTool(t.Context(), "nothing", nil); !errors.As(err, &e) || e.Code != codec.CodeInvalidParams {
			t.Errorf("%v", err)
		}
		c.Close()
		if _, err := c.Call(t.Context(), "ping", nil); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}
