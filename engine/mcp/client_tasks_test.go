package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
)

// A task of 2025-11-25 is asked for, polled, and its result fetched.
func TestClientLegacyTask(t *testing.T) {
	m, s := negotiated(t, mcp.Revision20251125, mcp.ClientOptions{})
	var seen []string
	call := func(ctx context.Context) *later[*mcp.ToolResult] {
		return do(t, func() (*mcp.ToolResult, error) {
			return s.CallTool(ctx, "x", nil, mcp.WithTask(3*time.Second), mcp.OnTask(func(i mcp.TaskInfo) { seen = append(seen, i.Status) }))
		})
	}
	ctx := context.Background()
	c := call(ctx)
	r := m.expect("tools/call")
	sameJSON(t, "task", r.Params["task"], `{"ttl":3000}`)
	m.reply(r, `{"task":{"taskId":"t1","status":"working","createdAt":"x","lastUpdatedAt":"x","ttl":null,"pollInterval":1}}`)
	r = m.expect("tasks/get")
	sameJSON(t, "task id", r.Params["taskId"], `"t1"`)
	m.reply(r, `{"taskId":"t1","status":"working","ttl":1000,"pollInterval":1}`)
	m.reply(m.expect("tasks/get"), `{"taskId":"t1","status":"completed","ttl":1000}`)
	r = m.expect("tasks/result")
	sameJSON(t, "task id", r.Params["taskId"], `"t1"`)
	m.reply(r, `{"content":[{"type":"text","text":"done"}],"_meta":{}}`)
	if got, err := c.get(); err != nil || got.Text() != "done" || strings.Join(seen, " ") != "working working completed" {
		t.Errorf("%+v, %v, statuses %v", got, err, seen)
	}
	// Input is asked for while tasks/result waits; a failed task's error is its
	// result's.
	c = call(ctx)
	m.reply(m.expect("tools/call"), `{"task":{"taskId":"t2","status":"input_required","ttl":null}}`)
	m.replyError(m.expect("tasks/result"), -32000, "")
	var rpc *mcp.Error
	if _, err := c.get(); !errors.As(err, &rpc) || rpc.Code != -32000 {
		t.Errorf("got %v", err)
	}
	// A server without tasks answers at once.
	c = call(ctx)
	m.reply(m.expect("tools/call"), `{"content":[]}`)
	if _, err := c.get(); err != nil {
		t.Error(err)
	}
	c = call(ctx)
	m.reply(m.expect("tools/call"), `{"task":{"status":"working"}}`)
	if _, err := c.get(); !errors.Is(err, mcp.ErrBadAnswer) {
		t.Errorf("a task without id: %v", err)
	}
	// A caller that goes away cancels its task.
	going, cancel := context.WithCancel(ctx)
	c = call(going)
	m.reply(m.expect("tools/call"), `{"task":{"taskId":"t3","status":"working","pollInterval":60000}}`)
	time.Sleep(10 * time.Millisecond)
	cancel()
	if _, err := c.get(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	sameJSON(t, "task id", m.expect("tasks/cancel").Params["taskId"], `"t3"`)

	l := do(t, func() ([]mcp.TaskInfo, error) { return s.ListTasks(ctx) })
	m.reply(m.expect("tasks/list"), `{"tasks":[{"taskId":"t1","status":"completed","ttl":5}]}`)
	if got, err := l.get(); err != nil || len(got) != 1 || !got[0].Final() || got[0].TTL != 5 {
		t.Errorf("%+v, %v", got, err)
	}
	k := doErr(t, func() error { return s.CancelTask(ctx, "t1") })
	m.reply(m.expect("tasks/cancel"), `{"taskId":"t1","status":"cancelled"}`)
	if _, err := k.get(); err != nil {
		t.Error(err)
	}
}

// A task of the modern extension comes unasked, gets the input it asks for
// once, and its result, error or end is the call's.
func TestClientModernTask(t *testing.T) {
	m, s := negotiated(t, mcp.Revision20260728, mcp.ClientOptions{Tasks: true, Roots: func(context.Context) ([]mcp.Root, error) { return nil, nil }})
	ctx := context.Background()
	call := func() *later[*mcp.ToolResult] {
		c := do(t, func() (*mcp.ToolResult, error) { return s.CallTool(ctx, "x", nil, mcp.WithTask(0)) })
		r := m.expect("tools/call")
		var meta map[string]json.RawMessage
		_ = json.Unmarshal(r.Params["_meta"], &meta)
		if r.Params["task"] != nil || !strings.Contains(string(meta["io.modelcontextprotocol/clientCapabilities"]), "io.modelcontextprotocol/tasks") {
			t.Errorf("sent %v", r.Params)
		}
		m.reply(r, `{"resultType":"task","taskId":"t1","status":"working","ttlMs":null,"pollIntervalMs":1}`)
		return c
	}
	c := call()
	asks := `{"resultType":"complete","taskId":"t1","status":"input_required","pollIntervalMs":1,"inputRequests":{"a":{"method":"roots/list"}}}`
	m.reply(m.expect("tasks/get"), asks)
	r := m.expect("tasks/update")
	sameJSON(t, "input", r.Params["inputResponses"], `{"a":{"roots":[]}}`)
	m.reply(r, `{"resultType":"complete"}`)
	m.reply(m.expect("tasks/get"), asks) // not taken in yet: not answered twice
	m.reply(m.expect("tasks/get"), `{"resultType":"complete","taskId":"t1","status":"completed","result":{"content":[{"type":"text","text":"done"}]}}`)
	if got, err := c.get(); err != nil || got.Text() != "done" {
		t.Errorf("%+v, %v", got, err)
	}
	var rpc *mcp.Error
	for end, ok := range map[string]func(error) bool{
		`"status":"failed","error":{"code":-32603,"message":"m","data":{"k":1}}`: func(err error) bool { return errors.As(err, &rpc) && string(rpc.Data) == `{"k":1}` },
		`"status":"cancelled","statusMessage":"why"`:                             func(err error) bool { return strings.Contains(err.Error(), "why") },
		`"status":"completed"`: func(err error) bool { return errors.Is(err, mcp.ErrBadAnswer) },
	} {
		c := call()
		m.reply(m.expect("tasks/get"), `{"resultType":"complete","taskId":"t1",`+end+`}`)
		if _, err := c.get(); err == nil || !ok(err) {
			t.Errorf("%s: %v", end, err)
		}
	}
	if _, err := s.ListTasks(ctx); !errors.Is(err, mcp.ErrNotInRevision) {
		t.Errorf("ListTasks: %v", err)
	}
	g := do(t, func() (*mcp.TaskInfo, error) { return s.GetTask(ctx, "t9") })
	m.reply(m.expect("tasks/get"), `{"resultType":"complete"}`)
	if _, err := g.get(); !errors.Is(err, mcp.ErrBadAnswer) {
		t.Errorf("GetTask: %v", err)
	}
}

// A task that does not end is waited for no longer than TaskTimeout, or than the
// call's own limit where that is longer, and cancelled then: also where the server
// asks for input for ever, or is silent when it should say what came of it.
func TestClientTaskTimeout(t *testing.T) {
	const limit = 30 * time.Millisecond
	for _, tc := range []struct {
		name, rev, first string
		then             string // what tasks/get is answered, "": the wait is in another request
		opts             []mcp.RequestOption
		least            time.Duration
	}{
		{"legacy", mcp.Revision20251125, `{"task":{"taskId":"t1","status":"working","pollInterval":1}}`, `{"taskId":"t1","status":"working","pollInterval":1}`, nil, limit},
		{"legacy, between two polls", mcp.Revision20251125, `{"task":{"taskId":"t1","status":"working","pollInterval":60000}}`, "", nil, limit},
		{"legacy, the result", mcp.Revision20251125, `{"task":{"taskId":"t1","status":"input_required"}}`, "", nil, limit},
		{"modern", mcp.Revision20260728, `{"resultType":"task","taskId":"t1","status":"working","pollIntervalMs":1}`, `{"resultType":"complete","taskId":"t1","status":"working","pollIntervalMs":1}`, nil, limit},
		{"longer", mcp.Revision20260728, `{"resultType":"task","taskId":"t1","status":"working","pollIntervalMs":1}`, `{"resultType":"complete","taskId":"t1","status":"working","pollIntervalMs":1}`, []mcp.RequestOption{mcp.WithTimeout(3 * limit)}, 3 * limit},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, s := negotiated(t, tc.rev, mcp.ClientOptions{Tasks: true, TaskTimeout: limit})
			begin := time.Now()
			c := do(t, func() (*mcp.ToolResult, error) {
				return s.CallTool(context.Background(), "x", nil, append(tc.opts, mcp.WithTask(0))...)
			})
			m.reply(m.expect("tools/call"), tc.first)
			for ended := false; !ended; {
				switch r := parseSent(t, m.next()); {
				case r.Method == "tasks/cancel":
					sameJSON(t, "task id", r.Params["taskId"], `"t1"`)
					ended = true
				case r.Method == "tasks/get" && tc.then != "":
					m.reply(r, tc.then)
				}
			}
			if _, err := c.get(); !errors.Is(err, mcp.ErrRequestTimeout) || !strings.Contains(err.Error(), "TaskTimeout") {
				t.Errorf("got %v", err)
			}
			if waited := time.Since(begin); waited < tc.least {
				t.Errorf("waited %v, want %v", waited, tc.least)
			}
		})
	}
}
