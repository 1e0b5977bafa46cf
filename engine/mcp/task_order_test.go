package mcp

import (
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
)

// reports writes down what a subscriber is told, and calls meanwhile, once.
type reports struct {
	all       []string
	meanwhile func()
}

func (r *reports) Deliver(message []byte) error {
	if f := r.meanwhile; f != nil {
		r.meanwhile = nil
		f()
	}
	r.all = append(r.all, string(message))
	return nil
}

// What a task becomes while somebody is told of what it was before is told
// last: no client is left with what is over.
func TestTaskReportOrder(t *testing.T) {
	s := NewServer(Options{Name: "order"})
	now := time.Now()
	task := &task{server: s, id: "t", created: now, expires: now.Add(time.Hour)}
	to := &reports{}
	sub := s.taskUpdates.NewSubscriber(to)
	if err := sub.Subscribe([]byte("t")); err != nil {
		t.Fatal(err)
	}
	to.meanwhile = func() {
		done := make(chan struct{})
		go func() {
			task.cancel()
			close(done)
		}()
		<-done // no lock is held while somebody is told
	}
	task.waiting(false)
	if n := len(to.all); n == 0 || !strings.Contains(to.all[n-1], "cancelled") {
		t.Errorf("told %q, want cancelled last", to.all)
	}
	for i, m := range to.all[:max(0, len(to.all)-1)] {
		if strings.Contains(m, "cancelled") {
			t.Errorf("report %d came before others: %s", i, m)
		}
	}
}

// A task belongs to who sent its request, also when its connection carries
// another's request by the time that the task begins.
func TestTaskSender(t *testing.T) {
	var h *httpConn
	s := NewServer(Options{Name: "sender", Principal: func(c *Call) string {
		if c.engine.OffLoop() && c.task == nil && h != nil {
			h.own.sender = "another" // as the next request on the connection makes it
		}
		return c.sender
	}, HTTP: HTTPOptions{AnyOrigin: true, Authenticate: func(engine.RequestView) (string, bool) { return "owner", true }}})
	var got []string
	s.HandleTool(Tool{Name: "enters", TaskSupport: TaskEntered}, Pooled, func(c *Call) error {
		if err := c.EnterTask(); err != nil {
			return err
		}
		got = append(got, c.sender)
		return c.Reply().TextString("done")
	})
	c := newWebClient(t, s)
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"extensions":{"` + tasksExtension + `":{}}}}`
	conn, _ := c.do("POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"enters",`+meta+`}}`,
		map[string]string{"Content-Type": "application/json", headerVersion: "2026-07-28", headerMethod: "tools/call", headerName: "enters"})
	h = conn.State().(*session).carrier
	for range 2 { // the call, and the task that it becomes
		calls := c.w.calls
		c.w.calls = nil
		for _, call := range calls {
			call.Run()
		}
		c.l.Turn()
	}
	if len(got) != 1 || got[0] != "owner" {
		t.Errorf("the task is of %q, want owner", got)
	}
}
