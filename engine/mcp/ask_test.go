package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/mcptest"
)

// stateServer has a tool whose state says whether it came back.
func stateServer(o mcp.Options) *mcp.Server {
	o.Name = "state"
	s := mcp.NewServer(o)
	s.HandleTool(mcp.Tool{Name: "ask"}, mcp.Pooled, func(c *mcp.Call) error {
		if string(c.State()) == "kept" {
			return c.Reply().TextString("state-ok")
		}
		size, err := c.Args().IntOr("size", 0)
		if err != nil {
			return err
		}
		c.SetState([]byte("kept" + strings.Repeat("x", int(size))))
		_, err = c.Roots("roots")
		return err
	})
	return s
}

// askState calls the tool and returns the whole answer and its requestState.
func askState(t *testing.T, c *mcptest.Client, params string) (answer, state string) {
	t.Helper()
	answer = ask(t, c, 1, "tools/call", `"name":"ask",`+params+`,"_meta":{`+modernCan+`}`)
	var r struct{ Result struct{ RequestState string } }
	if err := json.Unmarshal([]byte(answer), &r); err != nil {
		t.Fatal(err)
	}
	return answer, r.Result.RequestState
}

// A state is taken by any process with the key, for the same principal and the
// same params, until it expires; else not.
func TestRequestState(t *testing.T) {
	who := "ann"
	principal := func(*mcp.Call) string { return who }
	key := func(keys ...string) mcp.Options {
		o := mcp.Options{Principal: principal, StateTTL: time.Minute}
		for _, k := range keys {
			o.StateKeys = append(o.StateKeys, []byte(k))
		}
		return o
	}
	for _, tc := range []struct {
		name           string
		gives, takes   mcp.Options
		same           bool // server
		principal      string
		params, retry  string
		after          time.Duration
		taken, tooLong bool
	}{
		{name: "same server, random key", same: true, gives: key(), taken: true},
		{name: "two servers, one key", gives: key("a"), takes: key("a"), taken: true},
		{name: "an older key", gives: key("a"), takes: key("b", "a"), taken: true},
		{name: "another key", gives: key("a"), takes: key("b")},
		{name: "two servers, random keys", gives: key(), takes: key()},
		{name: "another principal", same: true, gives: key("a"), principal: "bob"},
		{name: "other arguments", same: true, gives: key("a"), params: `"arguments":{"x":1}`, retry: `"arguments":{"x":2}`},
		{name: "a member more", same: true, gives: key("a"), retry: `"arguments":{},"other":1`},
		{name: "other order of members", same: true, gives: key("a"), params: `"arguments":{},"z":1,"y":2`, retry: `"y":2,"z":1,"arguments":{}`, taken: true},
		{name: "in time", same: true, gives: key("a"), after: 59 * time.Second, taken: true},
		{name: "expired", same: true, gives: key("a"), after: 62 * time.Second},
		{name: "too long", same: true, gives: key("a"), params: `"arguments":{"size":70000}`, tooLong: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				who = "ann"
				if tc.params == "" {
					tc.params = `"arguments":{}`
				}
				if tc.retry == "" {
					tc.retry = tc.params
				}
				gives := stateServer(tc.gives)
				takes := gives
				if !tc.same {
					takes = stateServer(tc.takes)
				}
				answer, state := askState(t, mcptest.New(t, gives), tc.params)
				if tc.tooLong {
					if !strings.Contains(answer, "-32603") {
						t.Errorf("got %s", answer)
					}
					return
				}
				if state == "" {
					t.Fatalf("no state in %s", answer)
				}
				time.Sleep(tc.after)
				if tc.principal != "" {
					who = tc.principal
				}
				answer, _ = askState(t, mcptest.New(t, takes), tc.retry+`,"requestState":"`+state+`"`)
				if taken := strings.Contains(answer, "state-ok"); taken != tc.taken || !taken && !strings.Contains(answer, "-32602") {
					t.Errorf("taken %v, want %v: %s", taken, tc.taken, answer)
				}
			})
		})
	}
}

// A client that does not answer in time is asked no longer, and its call times
// out; until then its time is extended, up to the hard cap. The number of
// questions is bounded.
func TestAskLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mcp.NewServer(mcp.Options{Name: "limits", MaxQuestions: 2, AnswerTimeout: 3 * time.Minute})
		s.HandleTool(mcp.Tool{Name: "roots"}, mcp.Pooled, func(c *mcp.Call) error {
			for i := range 5 {
				if _, err := c.Roots(fmt.Sprint(i)); err != nil {
					return err
				}
			}
			return c.Reply().TextString("five")
		})
		c := mcptest.NewWithOptions(t, s, engine.Options{CallTimeout: time.Minute, MaxCallTimeout: 10 * time.Minute})
		c.Send(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{"roots":{}}}}`)
		next(t, c)
		call := func(id int) {
			c.Send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"roots"}}`, id))
		}
		call(1)
		next(t, c)
		call(2)
		next(t, c)
		call(3)
		if m := next(t, c); !strings.Contains(m, `"id":3`) || !strings.Contains(m, "isError") {
			t.Errorf("a third question: %s", m)
		}
		begun := time.Now()
		var got []string
		for range 4 { // two errors, two cancellations of questions
			got = append(got, next(t, c))
		}
		if d := time.Since(begun); d < 3*time.Minute || d > 3*time.Minute+time.Second {
			t.Errorf("timed out after %v", d)
		}
		all := strings.Join(got, "\n")
		if strings.Count(all, "-31003") != 2 || strings.Count(all, "notifications/cancelled") != 2 {
			t.Errorf("got %s", all)
		}
		// Answers that come one by one extend the time, up to the cap.
		begun = time.Now()
		call(4)
		for range 5 {
			m := next(t, c)
			if strings.Contains(m, "-31003") {
				if d := time.Since(begun); d < 10*time.Minute || d > 12*time.Minute { // read after the wait below
					t.Errorf("timed out after %v", d)
				}
				break
			}
			time.Sleep(2*time.Minute + 50*time.Second)
			var q struct{ ID int }
			if err := json.Unmarshal([]byte(m), &q); err != nil {
				t.Fatal(err)
			}
			c.Send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{"roots":[]}}`, q.ID))
		}
		// One whose client goes away meanwhile.
		call(5)
		for m := ""; !strings.Contains(m, "roots/list"); m = next(t, c) {
			continue
		}
		c.Close()
	})
}

// A call that reports progress has its time anew with each report, up to the
// hard cap, whether its client wants to hear of it or not.
func TestProgressExtends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mcp.NewServer(mcp.Options{Name: "progress"})
		s.HandleTool(mcp.Tool{Name: "works"}, mcp.Pooled, func(c *mcp.Call) error {
			steps, err := c.Args().Int("steps")
			if err != nil {
				return err
			}
			for i := range steps {
				select {
				case <-time.After(50 * time.Second):
				case <-c.Context().Done():
					return context.Cause(c.Context())
				}
				if err := c.Progress(float64(i), 0, ""); err != nil {
					return err
				}
			}
			return c.Reply().TextString("done")
		})
		c := mcptest.NewWithOptions(t, s, engine.Options{CallTimeout: time.Minute, MaxCallTimeout: 5 * time.Minute})
		if _, err := c.Initialize(t.Context(), mcp.Revision20251125); err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct {
			steps int
			says  string
			after time.Duration
		}{
			{5, "done", 250 * time.Second},
			{10, "-31003", 300 * time.Second},
		} {
			begin := time.Now()
			m := ask(t, c, 100+tc.steps, "tools/call", fmt.Sprintf(`"name":"works","arguments":{"steps":%d}`, tc.steps))
			if d := time.Since(begin); !strings.Contains(m, tc.says) || d < tc.after || d > tc.after+time.Second {
				t.Errorf("%d steps: %s after %v", tc.steps, m, d)
			}
		}
	})
}
