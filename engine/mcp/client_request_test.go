package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// A call that its caller gives up is cancelled, by its own id and with a
// reason; the answer that comes all the same is counted, not taken.
func TestClientCancel(t *testing.T) {
	for _, rev := range []string{mcp.Revision20241105, mcp.Revision20260728} {
		m, s := negotiated(t, rev, mcp.ClientOptions{})
		ctx, cancel := context.WithCancelCause(context.Background())
		c := do(t, func() (*mcp.ToolResult, error) { return s.CallTool(ctx, "slow", nil) })
		call := m.expect("tools/call")
		stop := errors.New("the user went away")
		cancel(stop)
		if _, err := c.get(); !errors.Is(err, stop) {
			t.Errorf("%s: got %v", rev, err)
		}
		note := m.expect("notifications/cancelled")
		if string(note.Params["requestId"]) != string(call.ID) || !strings.Contains(string(note.Params["reason"]), "went away") || note.ID != nil {
			t.Errorf("%s: cancelled %v, call %s", rev, note, call.ID)
		}
		m.reply(call, `{"content":[]}`)
		m.reply(call, `{"content":[]}`)
		if n := s.Stats().LateAnswers; n != 2 {
			t.Errorf("%s: %d late answers", rev, n)
		}
		if _, err := s.CallTool(ctx, "slow", nil); !errors.Is(err, stop) || len(m.out) != 0 {
			t.Errorf("%s: a call whose context has ended: %v, %d messages", rev, err, len(m.out))
		}
	}
}

// Progress starts the wait again, up to the bound; then the call is cancelled.
func TestClientTimeouts(t *testing.T) {
	m, s := negotiated(t, mcp.Revision20251125, mcp.ClientOptions{RequestTimeout: 400 * time.Millisecond, RequestTimeoutMax: time.Second})
	n := 0
	count := mcp.WithProgress(func(mcp.ProgressReport) { n++ })
	c := do(t, func() (json.RawMessage, error) { return s.Request(context.Background(), "tools/list", nil, count) })
	first := m.expect("tools/list")
	var meta struct{ ProgressToken json.RawMessage }
	_ = json.Unmarshal(first.Params["_meta"], &meta)
	begin := time.Now()
	for i := range 24 {
		select {
		case <-c.done:
		case <-time.After(50 * time.Millisecond):
			m.feed(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":%d}}`, meta.ProgressToken, i))
		}
	}
	_, err := c.get()
	if !errors.Is(err, mcp.ErrRequestTimeout) || !strings.Contains(err.Error(), "waited 1s") || n < 5 || time.Since(begin) < 900*time.Millisecond {
		t.Errorf("with progress: %v after %v, %d reports", err, time.Since(begin), n)
	}
	m.expect("notifications/cancelled")
	begin = time.Now()
	if err := s.Ping(context.Background()); !errors.Is(err, mcp.ErrRequestTimeout) || !strings.Contains(err.Error(), "waited 400ms") {
		t.Errorf("without progress: %v after %v", err, time.Since(begin))
	}
	m.expect("ping")
	m.expect("notifications/cancelled")
	begin = time.Now()
	if err := s.Ping(context.Background(), mcp.WithTimeout(20*time.Millisecond)); !errors.Is(err, mcp.ErrRequestTimeout) || !strings.Contains(err.Error(), "waited 20ms") {
		t.Errorf("WithTimeout: %v after %v", err, time.Since(begin))
	}
}

// Progress reaches the caller's goroutine before the answer, the latest of
// many, and what is malformed does no harm.
func TestClientProgress(t *testing.T) {
	m, s := negotiated(t, mcp.Revision20260728, mcp.ClientOptions{})
	var got []mcp.ProgressReport
	hold := make(chan struct{})
	c := do(t, func() (*mcp.ToolResult, error) {
		return s.CallTool(context.Background(), "x", nil, mcp.WithProgress(func(p mcp.ProgressReport) {
			<-hold
			got = append(got, p)
		}))
	})
	call := m.expect("tools/call")
	var meta struct{ ProgressToken json.RawMessage }
	_ = json.Unmarshal(call.Params["_meta"], &meta)
	for i := range 100 {
		m.feed(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":%d,"total":100,"message":"m"}}`, meta.ProgressToken, i))
	}
	m.feed(
		`{"jsonrpc":"2.0","method":"notifications/progress"}`,
		`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":99999,"progress":1}}`,
		`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"abc","progress":1}}`,
		fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":"1"}}`, meta.ProgressToken),
	)
	m.reply(call, `{"resultType":"complete","content":[]}`)
	close(hold)
	if _, err := c.get(); err != nil {
		t.Fatal(err)
	}
	if len(got) < 64 || len(got) > 100 || got[len(got)-1] != (mcp.ProgressReport{Progress: 99, Total: 100, Message: "m"}) {
		t.Errorf("%d reports, last %+v", len(got), got[len(got)-1])
	}
	if d := s.Stats().ProgressDropped; int(d)+len(got) != 100 {
		t.Errorf("%d dropped and %d seen of 100", d, len(got))
	}
}

// Answers that break the protocol fail the request that they are for, and no
// other.
func TestClientBadAnswers(t *testing.T) {
	m, s := negotiated(t, mcp.Revision20251125, mcp.ClientOptions{})
	ctx := context.Background()
	for name, tc := range map[string]struct {
		answer string
		is     error
	}{
		"result is an array":     {`{"jsonrpc":"2.0","id":%s,"result":[]}`, mcp.ErrBadAnswer},
		"result is null":         {`{"jsonrpc":"2.0","id":%s,"result":null}`, mcp.ErrBadAnswer},
		"error is a string":      {`{"jsonrpc":"2.0","id":%s,"error":"no"}`, mcp.ErrBadAnswer},
		"error without code":     {`{"jsonrpc":"2.0","id":%s,"error":{"message":"no"}}`, mcp.ErrBadAnswer},
		"error code is a string": {`{"jsonrpc":"2.0","id":%s,"error":{"code":"1","message":"no"}}`, mcp.ErrBadAnswer},
		"error code is huge":     {`{"jsonrpc":"2.0","id":%s,"error":{"code":99999999999,"message":"no"}}`, mcp.ErrBadAnswer},
		"result and error":       {`{"jsonrpc":"2.0","id":%s,"result":{},"error":{"code":1,"message":"no"}}`, mcp.ErrBadAnswer},
		"no tools":               {`{"jsonrpc":"2.0","id":%s,"result":{}}`, mcp.ErrBadAnswer},
		"tools is an object":     {`{"jsonrpc":"2.0","id":%s,"result":{"tools":{}}}`, mcp.ErrBadAnswer},
		"a tool is a string":     {`{"jsonrpc":"2.0","id":%s,"result":{"tools":["x"]}}`, mcp.ErrBadAnswer},
		"name is a number":       {`{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":1}]}}`, mcp.ErrBadAnswer},
		"cursor is a number":     {`{"jsonrpc":"2.0","id":%s,"result":{"tools":[],"nextCursor":1}}`, mcp.ErrBadAnswer},
	} {
		c := do(t, func() ([]mcp.ToolInfo, error) { return s.ListTools(ctx) })
		m.feed(fmt.Sprintf(tc.answer, m.expect("tools/list").ID))
		if _, err := c.get(); !errors.Is(err, tc.is) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Garbage, unknown ids and answers of no request end nothing.
	c := doErr(t, func() error { return s.Ping(ctx) })
	ping := m.expect("ping")
	before := s.Stats()
	m.feed("Server listening on stdio", "", `{"jsonrpc":"2.0"}`, `[]`, `[{"jsonrpc":"2.0","id":1,"result":{}}]`,
		`{"jsonrpc":"2.0","id":999,"result":{}}`, `{"jsonrpc":"2.0","id":"`+string(ping.ID)+`","result":{}}`, `{"jsonrpc":"2.0","id":-1,"result":{}}`,
		`{"jsonrpc":"2.0","id":18446744073709551999,"result":{}}`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}`)
	if len(m.out) != 0 {
		t.Errorf("answered %s", m.next())
	}
	m.reply(ping, `{}`)
	if _, err := c.get(); err != nil {
		t.Error(err)
	}
	after := s.Stats()
	if after.Malformed-before.Malformed != 5 || after.LateAnswers-before.LateAnswers != 5 {
		t.Errorf("counters %+v, before %+v", after, before)
	}
}

// The server's error reaches the caller whole.
func TestClientServerError(t *testing.T) {
	m, s := negotiated(t, mcp.Revision20251125, mcp.ClientOptions{})
	c := do(t, func() (*mcp.ToolResult, error) { return s.CallTool(context.Background(), "x", map[string]int{"a": 1}) })
	call := m.expect("tools/call")
	if string(call.Params["arguments"]) != `{"a":1}` || string(call.Params["name"]) != `"x"` {
		t.Errorf("sent %v", call.Params)
	}
	m.feed(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32042,"message":"URL \u00e9","data":{"elicitations":[]}}}`, call.ID))
	_, err := c.get()
	var rpc *mcp.Error
	if !errors.As(err, &rpc) || rpc.Code != -32042 || rpc.Message != "URL é" || string(rpc.Data) != `{"elicitations":[]}` {
		t.Errorf("got %#v", err)
	}
}

// The end of the connection fails all that wait, and all that comes later.
func TestClientConnectionEnds(t *testing.T) {
	m, s := negotiated(t, mcp.Revision20251125, mcp.ClientOptions{})
	var calls []*later[struct{}]
	for range 10 {
		calls = append(calls, doErr(t, func() error { return s.Ping(context.Background()) }))
		m.expect("ping")
	}
	m.hangUp()
	for _, c := range calls {
		if _, err := c.get(); !errors.Is(err, engine.ErrConnClosed) {
			t.Errorf("got %v", err)
		}
	}
	if err := s.Ping(context.Background()); !errors.Is(err, engine.ErrConnClosed) {
		t.Errorf("afterwards: %v", err)
	}
	if err := s.Notify(context.Background(), "notifications/x", nil); !errors.Is(err, engine.ErrConnClosed) {
		t.Errorf("Notify afterwards: %v", err)
	}
	if err := s.Wait(); !errors.Is(err, engine.ErrConnClosed) {
		t.Errorf("Wait: %v", err)
	}
}

// Close ends the session without an error of Wait's.
func TestClientClose(t *testing.T) {
	m, s := negotiated(t, mcp.Revision20260728, mcp.ClientOptions{})
	c := doErr(t, func() error { return s.Ping(context.Background()) })
	m.expect("server/discover")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.get(); !errors.Is(err, engine.ErrConnClosed) {
		t.Errorf("got %v", err)
	}
	if err := s.Wait(); err != nil {
		t.Errorf("Wait: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Requests beyond the bounds are refused at once, and nothing is sent.
func TestClientPendingLimit(t *testing.T) {
	m, s := negotiated(t, mcp.Revision20251125, mcp.ClientOptions{MaxPending: 2, MaxPendingBytes: 1000})
	ctx := context.Background()
	big := map[string]string{"text": strings.Repeat("x", 2000)}
	a := do(t, func() (*mcp.ToolResult, error) { return s.CallTool(ctx, "x", big) }) // alone: any size
	first := m.expect("tools/call")
	if _, err := s.CallTool(ctx, "x", nil); !errors.Is(err, mcp.ErrTooManyPending) || !strings.Contains(err.Error(), "MaxPendingBytes") {
		t.Errorf("over the bytes: %v", err)
	}
	m.reply(first, `{"content":[]}`)
	if _, err := a.get(); err != nil {
		t.Fatal(err)
	}
	b, c := doErr(t, func() error { return s.Ping(ctx) }), doErr(t, func() error { return s.Ping(ctx) })
	p, q := m.expect("ping"), m.expect("ping")
	if err := s.Ping(ctx); !errors.Is(err, mcp.ErrTooManyPending) || !strings.Contains(err.Error(), "MaxPending") {
		t.Errorf("over the number: %v", err)
	}
	if len(m.out) != 0 {
		t.Errorf("sent %s", m.next())
	}
	m.reply(p, "{}")
	m.reply(q, "{}")
	_, err1 := b.get()
	_, err2 := c.get()
	if err := errors.Join(err1, err2); err != nil {
		t.Error(err)
	}
}

// What is no object cannot be params or arguments.
func TestClientParams(t *testing.T) {
	m, s := negotiated(t, mcp.Revision20260728, mcp.ClientOptions{})
	ctx := context.Background()
	if _, err := s.Request(ctx, "x/y", []int{1}); err == nil || !strings.Contains(err.Error(), "object") {
		t.Errorf("params: %v", err)
	}
	if _, err := s.Request(ctx, "x/y", make(chan int)); err == nil {
		t.Error("params that cannot be marshalled")
	}
	if _, err := s.CallTool(ctx, "x", "text"); err == nil || !strings.Contains(err.Error(), "object") {
		t.Errorf("arguments: %v", err)
	}
	if _, err := s.Request(ctx, "x/y", map[string]any{"_meta": 1}); err == nil || !strings.Contains(err.Error(), "_meta") {
		t.Errorf("_meta: %v", err)
	}
	// What the caller has in _meta stays.
	c := do(t, func() (json.RawMessage, error) {
		return s.Request(ctx, "x/\"y\n", map[string]any{"a": json.RawMessage("{\n \"b\": 1}"), "_meta": map[string]any{"traceparent": "00", "io.modelcontextprotocol/clientInfo": nil}})
	})
	got := m.expect("x/\"y\n")
	if string(got.Params["a"]) != `{"b":1}` || !strings.Contains(string(got.Params["_meta"]), `"traceparent":"00"`) {
		t.Errorf("sent %v", got.Params)
	}
	m.reply(got, `{"resultType":"complete","z":1}`)
	if raw, err := c.get(); err != nil || string(raw) != `{"resultType":"complete","z":1}` {
		t.Errorf("got %s, %v", raw, err)
	}
}
