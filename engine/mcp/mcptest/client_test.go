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

// recorder is a testing.TB that notes failures instead of failing.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Cleanup(func())            {}
func (r *recorder) Errorf(f string, a ...any) { r.errors = append(r.errors, fmt.Sprintf(f, a...)) }
func (r *recorder) Fatal(a ...any)            { r.errors = append(r.errors, fmt.Sprint(a...)) }

// leaky is a service that does what services must not.
type leaky struct{ do func(c *engine.Call) }

func (l leaky) OpenConn(*engine.Conn) engine.Handler         { return l }
func (leaky) ServeNotification(*engine.Conn, *codec.Message) {}
func (leaky) ServeResponse(*engine.Conn, *codec.Message)     {}
func (leaky) CloseConn(*engine.Conn, engine.CloseReason)     {}
func (l leaky) ServeRequest(c *engine.Call)                  { l.do(c) }

// What a server keeps, or says that is no JSON, fails the test; a good one
// does not.
func TestNotices(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(c *engine.Call)
		says string
	}{
		{"good", func(c *engine.Call) { c.Result([]byte("{}")) }, ""},
		{"a buffer is kept", func(c *engine.Call) {
			_ = c.Loop().Engine().Buffers().Get(1000)
			c.Result([]byte("{}"))
		}, "1 buffers were not given back"},
		{"no JSON", func(c *engine.Call) { c.Result([]byte("{")) }, "no JSON"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &recorder{TB: t}
			c := New(r, leaky{tc.do})
			c.Send(`{"jsonrpc":"2.0","id":1,"method":"x"}`)
			c.Close()
			got := strings.Join(r.errors, "\n")
			if (got == "") != (tc.says == "") || !strings.Contains(got, tc.says) {
				t.Errorf("said %q, want %q", got, tc.says)
			}
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
