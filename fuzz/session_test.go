package fuzz_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/mcptest"
)

// sessionServer has one of each thing that a server can offer.
func sessionServer() *mcp.Server {
	s := mcp.NewServer(mcp.Options{Name: "fuzz", Version: "1", PageSize: 2, MaxSubscriptions: 3, MaxOpenRequests: 3, MaxQuestions: 2, MaxTasks: 4, TaskTTL: 10 * time.Minute})
	say := func(c *mcp.Call) error { return c.Reply().TextString("said") }
	ask := func(c *mcp.Call) error {
		e, err1 := c.Elicit("who", &mcp.ElicitRequest{Message: "Who?", RequestedSchema: []byte(`{"type":"object","properties":{"name":{"type":"string"}}}`)})
		roots, err2 := c.Roots("roots")
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		return c.Reply().TextString(fmt.Sprint(e.Action, len(roots)))
	}
	slow := func(c *mcp.Call) error {
		_ = c.Progress(1, 2, "")
		select {
		case <-time.After(5 * time.Second):
		case <-c.Context().Done():
			return context.Cause(c.Context())
		}
		_ = c.Log(mcp.LogInfo, "l", []byte(`"slept"`))
		return c.Reply().TextString("slept")
	}
	s.HandleTool(mcp.Tool{Name: "say"}, mcp.Inline, say)
	s.HandleTool(mcp.Tool{Name: "move"}, mcp.Inline, func(c *mcp.Call) error {
		c.GoAfter(time.Second, say)
		return nil
	})
	s.HandleTool(mcp.Tool{Name: "ask"}, mcp.Pooled, ask)
	s.HandleTool(mcp.Tool{Name: "slow"}, mcp.Pooled, slow)
	s.HandleTool(mcp.Tool{Name: "task", TaskSupport: mcp.TaskOptional}, mcp.Pooled, slow)
	s.HandleTool(mcp.Tool{Name: "task-ask", TaskSupport: mcp.TaskRequired}, mcp.Pooled, ask)
	s.HandleTool(mcp.Tool{Name: "change"}, mcp.Inline, func(c *mcp.Call) error {
		if !s.RemoveTool("new") {
			s.HandleTool(mcp.Tool{Name: "new"}, mcp.Inline, say)
		}
		s.ResourceUpdated("test://a")
		return nil
	})
	s.HandlePrompt(mcp.Prompt{Name: "p", Arguments: []mcp.PromptArgument{{Name: "a", Required: true, Complete: mcp.CompleteFrom("x", "y")}}}, mcp.Pooled, say)
	s.HandleResource(mcp.Resource{URI: "test://a"}, mcp.Inline, say)
	s.HandleResourceTemplate(mcp.ResourceTemplate{URITemplate: "test://t/{x}"}, mcp.Pooled, ask)
	return s
}

// sessionMessages are what a program is put together from. $i is an id, $m the
// members of a modern _meta, $s the state that came last, $q the id of the last
// request of the server's, $t the id of the task that came last.
var sessionMessages = []string{
	`{"jsonrpc":"2.0","id":$i,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{"roots":{}}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{},"elicitation":{}}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"ping"}`,
	`{"jsonrpc":"2.0","id":$i,"method":"server/discover","params":{"_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tools/list"}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tools/list","params":{"cursor":"t2","_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tools/call","params":{"name":"say"}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tools/call","params":{"name":"move","_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tools/call","params":{"name":"ask"}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tools/call","params":{"name":"ask","_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tools/call","params":{"name":"ask","inputResponses":{"who":{"action":"decline"}},"_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tools/call","params":{"name":"ask","inputResponses":{"roots":{"roots":[]}},"requestState":"$s","_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tools/call","params":{"name":"slow","_meta":{"progressToken":$i}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tools/call","params":{"name":"slow","_meta":{$m,"progressToken":"p"}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tools/call","params":{"name":"task","task":{"ttl":3000}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tools/call","params":{"name":"task","_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tools/call","params":{"name":"task-ask","task":{}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tools/call","params":{"name":"task-ask","_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tools/call","params":{"name":"change"}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tools/call","params":{"name":"change","_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tools/call","params":{"name":7,"arguments":[]}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tasks/get","params":{"taskId":"$t","_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tasks/result","params":{"taskId":"$t"}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tasks/cancel","params":{"taskId":"$t"}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tasks/cancel","params":{"taskId":"$t","_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tasks/update","params":{"taskId":"$t","inputResponses":{"who":{"action":"cancel"}},"_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tasks/update","params":{"taskId":"$t","inputResponses":{"roots":{"roots":[]}},"_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"tasks/list","params":{}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"prompts/list","params":{"_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"prompts/get","params":{"name":"p","arguments":{"a":"b"}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"prompts/get","params":{"name":"p","_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"resources/read","params":{"uri":"test://a"}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"resources/read","params":{"uri":"test://t/1"}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"resources/read","params":{"uri":"test://t/1","_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"resources/read","params":{"uri":"none:\u0000"}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"resources/subscribe","params":{"uri":"test://a"}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"resources/unsubscribe","params":{"uri":"test://a"}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":""},"_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"logging/setLevel","params":{"level":"debug"}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["test://a"],"taskIds":["$t"]},"_meta":{$m}}}`,
	`{"jsonrpc":"2.0","id":$i,"method":"no/such"}`,
	`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":$i,"reason":"r"}}`,
	`{"jsonrpc":"2.0","method":"notifications/initialized"}`,
	`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$i,"progress":1}}`,
	`{"jsonrpc":"2.0","id":$q,"result":{"action":"accept","content":{"name":"x"}}}`,
	`{"jsonrpc":"2.0","id":$q,"result":{"roots":[{"uri":"file:///a"}]}}`,
	`{"jsonrpc":"2.0","id":$q,"error":{"code":-1,"message":"no"}}`,
	`{"jsonrpc":"2.0","id":$i,"result":7}`,
	`[{"jsonrpc":"2.0","id":$i,"method":"ping"},{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{"name":"slow"}},{"jsonrpc":"2.0","method":"x"}]`,
	`{"jsonrpc":"2.0","id":$i}`,
	`no JSON`,
	"time passes",
}

const sessionMeta = `"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":` +
	`{"roots":{},"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}`

// session is one run of a program.
type session struct {
	t        *testing.T
	c        *mcptest.Client
	requests map[string]int // sent, by raw id
	answers  map[string]int
	values   []string // for the replacer
}

// FuzzSession plays any order of any messages of any revision to a server, and
// checks that each line that comes back is JSON-RPC, that no request is answered
// twice and none without having been sent, that nothing panics, and that in the
// end nothing is left: no call, no byte, no buffer, no goroutine. Two bytes of
// the program are a message and an id; extra is sent as it stands, once, where
// the program says so by a message beyond the table.
func FuzzSession(f *testing.F) {
	all := make([]byte, 0, 2*len(sessionMessages))
	for i := range sessionMessages {
		all = append(all, byte(i), byte(i))
	}
	f.Add(all, "{}")
	for first := range 3 { // each revision, everything twice with the same ids
		program := []byte{byte(first), 0}
		for i := 3; i < len(sessionMessages); i++ {
			program = append(program, byte(i), byte(i%5), byte(i), byte(i%5))
		}
		f.Add(program, `{"jsonrpc":"2.0","id":1e3,"method":"tools/call","params":{"name":"say","arguments":{"a":"`+"\xff"+`"}}}`)
	}
	// Asked, answered late, cancelled; listening until the end.
	f.Add([]byte{2, 0, 9, 1, 9, 2, 45, 0, 46, 0, 42, 2, 45, 0, 40, 3, 19, 4, 52, 0, 255, 0}, "\x00")
	f.Fuzz(func(t *testing.T, program []byte, extra string) {
		if len(program) > 400 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			s := sessionServer()
			r := &session{t: t, c: mcptest.New(t, s), requests: map[string]int{}, answers: map[string]int{}}
			r.values = []string{"$m", sessionMeta, "$s", "none", "$q", "99", "$t", "none"}
			for ; len(program) >= 2; program = program[2:] {
				r.step(program[0], program[1], extra)
			}
			r.listen()
			time.Sleep(20 * time.Minute) // all that has a limit has come to it
			synctest.Wait()
			r.listen()
			snapshot := r.c.Engine().Snapshot()
			if snapshot.Panics != 0 || snapshot.InFlight != 0 {
				t.Errorf("%d panics, %d in flight", snapshot.Panics, snapshot.InFlight)
			}
			r.c.Close()
			if told, refused := s.ResourceUpdated("test://a"); told != 0 || refused != 0 {
				t.Errorf("%d subscribers are left", told+refused)
			}
		})
	})
}

// step sends one message of the program.
func (r *session) step(what, id byte, extra string) {
	if int(what) >= len(sessionMessages) {
		r.send(strings.ReplaceAll(extra, "\n", " "))
		return
	}
	m := sessionMessages[what]
	if m == "time passes" {
		time.Sleep(time.Duration(id) * 100 * time.Millisecond)
		synctest.Wait()
		r.listen()
		return
	}
	raw := fmt.Sprint(id % 8)
	if id%2 == 1 {
		raw = `"` + raw + `"`
	}
	r.send(strings.NewReplacer(append(r.values, "$i", raw)...).Replace(m))
	if id >= 128 { // some messages come together
		synctest.Wait()
		r.listen()
	}
}

// send notes the requests of a message and sends it.
func (r *session) send(m string) {
	var one struct {
		ID     json.RawMessage
		Method *string
	}
	var many []json.RawMessage
	if json.Unmarshal([]byte(m), &many) != nil {
		many = []json.RawMessage{json.RawMessage(m)}
	}
	for _, b := range many {
		one.ID, one.Method = nil, nil
		if json.Unmarshal(b, &one) == nil && one.ID != nil {
			r.requests[compactID(one.ID)]++ // a response that is none is answered, too
		}
	}
	r.c.Send(m)
}

// compactID makes one text of the forms of a string.
func compactID(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return "s" + s
	}
	return string(raw)
}

// listen takes in what has come.
func (r *session) listen() {
	done, stop := context.WithCancel(r.t.Context())
	stop()
	for {
		m, err := r.c.Receive(done)
		if err != nil {
			return
		}
		var many []json.RawMessage
		if json.Unmarshal([]byte(m), &many) != nil {
			many = []json.RawMessage{json.RawMessage(m)}
		}
		for _, b := range many {
			r.take(b)
		}
	}
}

// take judges one message of the server's.
func (r *session) take(b []byte) {
	var m struct {
		JSONRPC string
		ID      json.RawMessage
		Method  string
		Result  *struct {
			RequestState, TaskID string
			Task                 struct{ TaskID string }
		}
		Error *struct {
			Code    int
			Message string
		}
	}
	if err := json.Unmarshal(b, &m); err != nil || m.JSONRPC != "2.0" {
		r.t.Fatalf("%v: %s", err, b)
	}
	switch {
	case m.Method != "":
		if m.ID != nil {
			r.values[5] = string(m.ID)
		}
		return
	case (m.Result == nil) == (m.Error == nil):
		r.t.Fatalf("neither result nor error, or both: %s", b)
	case m.Result != nil:
		if m.Result.RequestState != "" {
			r.values[3] = m.Result.RequestState
		}
		if id := m.Result.TaskID + m.Result.Task.TaskID; len(id) == 22 {
			r.values[7] = id
		}
	}
	if m.ID == nil || string(m.ID) == "null" {
		return // an error about what could not be read
	}
	id := compactID(m.ID)
	r.answers[id]++
	if r.answers[id] > r.requests[id] {
		r.t.Errorf("%d answers to %d requests with the id %s: %s", r.answers[id], r.requests[id], m.ID, b)
	}
}
