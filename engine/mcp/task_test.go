package mcp_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/mcptest"
)

// answerOf is ask, past notifications.
func answerOf(t *testing.T, c *mcptest.Client, id int, method, params string) string {
	t.Helper()
	m := ask(t, c, id, method, params)
	for strings.Contains(m, `"method":`) {
		m = next(t, c)
	}
	return m
}

// startTask calls the tool as a task and returns the answer and the task's id.
func startTask(t *testing.T, c *mcptest.Client, id int, modern bool, params string) (answer, task string) {
	t.Helper()
	if modern {
		params += `,"_meta":{` + modernCan + `}`
	} else {
		params += `,"task":{}`
	}
	answer = answerOf(t, c, id, "tools/call", `"name":"task",`+params)
	var r struct {
		Result struct {
			TaskID string
			Task   struct{ TaskID string }
		}
	}
	if err := json.Unmarshal([]byte(answer), &r); err != nil {
		t.Fatal(err)
	}
	return answer, r.Result.TaskID + r.Result.Task.TaskID
}

// taskServer has a tool that answers with bytes, or waits for its end first.
func taskServer(o mcp.Options) (s *mcp.Server, running *atomic.Int32) {
	o.Name = "tasks"
	s = mcp.NewServer(o)
	running = &atomic.Int32{}
	s.HandleTool(mcp.Tool{Name: "task", TaskSupport: mcp.TaskOptional}, mcp.Pooled, func(c *mcp.Call) error {
		n, err := c.Args().IntOr("bytes", -1)
		if err != nil {
			return err
		}
		if n < 0 {
			running.Add(1)
			defer running.Add(-1)
			<-c.Context().Done()
			return nil
		}
		return c.Reply().TextString(strings.Repeat("x", int(n)))
	})
	return s, running
}

// Tasks are bounded in number, for all and for each owner, in bytes, and in
// time; what has expired or ended makes room.
func TestTaskLimits(t *testing.T) {
	for _, modern := range []bool{false, true} {
		t.Run(fmt.Sprint("modern ", modern), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, running := taskServer(mcp.Options{MaxTasks: 3, MaxTasksPerOwner: 2, MaxTaskBytes: 10_000, TaskTTL: time.Minute,
					Principal: func(c *mcp.Call) string {
						name, _ := c.Client()
						return name
					}})
				open := func() *mcptest.Client {
					c := mcptest.New(t, s)
					if !modern {
						if _, err := c.Initialize(t.Context(), mcp.Revision20251125); err != nil {
							t.Fatal(err)
						}
					}
					return c
				}
				id := 100
				start := func(c *mcptest.Client, who, params string) string {
					t.Helper()
					id++
					params = strings.ReplaceAll(params+`,"_meta":{`+modernCan+`}`, `"name":"c"`, `"name":"`+who+`"`)
					if !modern {
						params += `,"task":{}`
					}
					return answerOf(t, c, id, "tools/call", `"name":"task",`+strings.Replace(params, "2026-07-28", map[bool]string{true: "2026-07-28", false: "2025-11-25"}[modern], 1))
				}
				a, b := open(), open()
				wait := `"arguments":{}`
				for i, m := range []string{start(a, "a", wait), start(a, "a", wait), start(b, "b", wait)} {
					if !strings.Contains(m, "working") {
						t.Errorf("task %d: %s", i, m)
					}
				}
				for i, m := range []string{start(a, "a", wait), start(b, "b", wait)} {
					if !strings.Contains(m, "-31001") {
						t.Errorf("task %d beyond the limit: %s", i, m)
					}
				}
				synctest.Wait()
				if n := running.Load(); n != 3 {
					t.Errorf("%d run, want 3", n)
				}
				time.Sleep(time.Minute + time.Second)
				if n := running.Load(); n != 0 {
					t.Errorf("%d run after their time", n)
				}
				c := open()
				if m := start(c, "c", `"arguments":{"bytes":20000}`); !strings.Contains(m, "working") {
					t.Errorf("got %s", m)
				}
				if m := start(c, "c", `"arguments":{"bytes":0,"x":"`+strings.Repeat("y", 11_000)+`"}`); !strings.Contains(m, "-31001") {
					t.Errorf("a request beyond the limit: %.200s", m)
				}
				if !modern {
					time.Sleep(time.Second)
					list := answerOf(t, c, 999, "tasks/list", "")
					if strings.Count(list, "taskId") != 1 || !strings.Contains(list, "there is no room for the result") {
						t.Errorf("got %s", list)
					}
				}
			})
		})
	}
}

// Nobody but its owner is told of a task; the tasks of a session end with it,
// those of the extension do not.
func TestTaskOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, running := taskServer(mcp.Options{Principal: func(c *mcp.Call) string {
			name, _ := c.Client()
			return name
		}})
		legacy := func() *mcptest.Client {
			c := mcptest.New(t, s)
			if _, err := c.Initialize(t.Context(), mcp.Revision20251125); err != nil {
				t.Fatal(err)
			}
			return c
		}
		a, b := legacy(), legacy()
		_, task := startTask(t, a, 100, false, `"arguments":{}`)
		if task == "" {
			t.Fatal("no task")
		}
		for _, method := range []string{"tasks/get", "tasks/result", "tasks/cancel"} {
			if m := answerOf(t, b, 200, method, `"taskId":"`+task+`"`); !strings.Contains(m, "-32602") {
				t.Errorf("%s by another session: %s", method, m)
			}
		}
		if m := answerOf(t, b, 201, "tasks/list", ""); !strings.Contains(m, `"tasks":[]`) {
			t.Errorf("got %s", m)
		}
		// A modern client, on whatever connection.
		_, modern := startTask(t, b, 300, true, `"arguments":{}`)
		get := func(c *mcptest.Client, name, task string) string {
			return answerOf(t, c, 301, "tasks/get", `"taskId":"`+task+`","_meta":{`+strings.Replace(modernCan, `"name":"c"`, `"name":"`+name+`"`, 1)+`}`)
		}
		if m := get(b, "c", task); !strings.Contains(m, "-32602") {
			t.Errorf("a task of a session, found by the extension: %s", m)
		}
		if m := get(b, "other", modern); !strings.Contains(m, "-32602") {
			t.Errorf("by another principal: %s", m)
		}
		synctest.Wait()
		if n := running.Load(); n != 2 {
			t.Errorf("%d run, want 2", n)
		}
		a.Close()
		synctest.Wait()
		if n := running.Load(); n != 1 {
			t.Errorf("%d run after the session has ended, want 1", n)
		}
		if m := get(b, "c", modern); !strings.Contains(m, "working") {
			t.Errorf("got %s", m)
		}
		cancel := answerOf(t, b, 302, "tasks/cancel", `"taskId":"`+modern+`","_meta":{`+modernCan+`}`)
		synctest.Wait()
		if n := running.Load(); n != 0 || !strings.Contains(cancel, "complete") {
			t.Errorf("%d run after tasks/cancel: %s", n, cancel)
		}
	})
}

// A task whose client wants it to be kept for no time at all does not run for
// ever: what runs is bounded by the tasks that are kept.
func TestTaskWithoutTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, running := taskServer(mcp.Options{})
		c := mcptest.New(t, s)
		if _, err := c.Initialize(t.Context(), mcp.Revision20251125); err != nil {
			t.Fatal(err)
		}
		answer := answerOf(t, c, 100, "tools/call", `"name":"task","arguments":{},"task":{"ttl":0}`)
		if !strings.Contains(answer, `"ttl":0`) {
			t.Errorf("got %s", answer)
		}
		time.Sleep(time.Second)
		if n := running.Load(); n != 0 {
			t.Errorf("%d run, want 0", n)
		}
	})
}

// The handlers of tasks that run are bounded, also those whose tasks have ended
// and that do not listen, so that other calls have workers; a task that waits
// for its client holds none, and asks for one when it goes on.
func TestRunningTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, running := taskServer(mcp.Options{MaxRunningTasks: 2})
		deaf := make(chan struct{})
		s.HandleTool(mcp.Tool{Name: "deaf", TaskSupport: mcp.TaskRequired}, mcp.Pooled, func(*mcp.Call) error {
			<-deaf
			return nil
		})
		s.HandleTool(mcp.Tool{Name: "asks", TaskSupport: mcp.TaskRequired}, mcp.Pooled, func(c *mcp.Call) error {
			if _, err := c.Elicit("a", &mcp.ElicitRequest{Message: "a?", RequestedSchema: []byte(`{"type":"object","properties":{}}`)}); err != nil {
				return err
			}
			return c.Reply().TextString("done")
		})
		c := mcptest.New(t, s)
		id := 100
		do := func(method, params string) string {
			id++
			m := ask(t, c, id, method, params+`,"_meta":{`+modernCan+`}`)
			synctest.Wait()
			return m
		}
		task := func(answer string) string {
			_, id, _ := strings.Cut(answer, `"taskId":"`)
			id, _, _ = strings.Cut(id, `"`)
			return id
		}
		// What asks holds no worker while it waits.
		asks := task(do("tools/call", `"name":"asks"`))
		waits := task(do("tools/call", `"name":"task"`))
		ends := task(do("tools/call", `"name":"deaf"`))
		if asks == "" || waits == "" || ends == "" {
			t.Fatalf("tasks %q, %q, %q", asks, waits, ends)
		}
		refused := func(when, m string) {
			t.Helper()
			if !strings.Contains(m, "-31001") {
				t.Errorf("%s: %s", when, m)
			}
		}
		update := func() string {
			return do("tasks/update", `"taskId":"`+asks+`","inputResponses":{"a":{"action":"accept","content":{}}}`)
		}
		refused("a third task", do("tools/call", `"name":"task"`))
		refused("a task that would go on", update())
		if m := do("tasks/get", `"taskId":"`+asks+`"`); !strings.Contains(m, "input_required") {
			t.Errorf("after a refused update: %s", m)
		}
		do("tasks/cancel", `"taskId":"`+ends+`"`)
		refused("while a handler that was cancelled runs", do("tools/call", `"name":"task"`))
		if n := s.Stats(); n.TasksRunning != 2 || n.TasksRefused != 3 {
			t.Errorf("%+v", n)
		}
		close(deaf)
		synctest.Wait()
		if m := update(); !strings.Contains(m, "complete") {
			t.Errorf("an update when there is room: %s", m)
		}
		if m := do("tasks/get", `"taskId":"`+asks+`"`); !strings.Contains(m, "done") {
			t.Errorf("got %s", m)
		}
		do("tasks/cancel", `"taskId":"`+waits+`"`)
		if n := s.Stats(); n.TasksRunning != 0 || running.Load() != 0 {
			t.Errorf("%d run, %+v", running.Load(), n)
		}
	})
}

// What a client answers to a task takes part of the room for tasks.
func TestTaskAnswerBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mcp.NewServer(mcp.Options{Name: "tasks", MaxTaskBytes: 10_000})
		s.HandleTool(mcp.Tool{Name: "task", TaskSupport: mcp.TaskOptional}, mcp.Pooled, func(c *mcp.Call) error {
			_, err := c.Elicit("a", &mcp.ElicitRequest{Message: "a?", RequestedSchema: []byte(`{"type":"object","properties":{}}`)})
			if err != nil {
				return err
			}
			return c.Reply().TextString("done")
		})
		c := mcptest.New(t, s)
		_, id := startTask(t, c, 100, true, `"arguments":{}`)
		synctest.Wait()
		update := func(n int, size int) string {
			return answerOf(t, c, n, "tasks/update", `"taskId":"`+id+`","inputResponses":{"a":{"action":"accept","content":{"x":"`+strings.Repeat("x", size)+`"}}},"_meta":{`+modernCan+`}`)
		}
		get := func(n int) string {
			synctest.Wait()
			return ask(t, c, n, "tasks/get", `"taskId":"`+id+`","_meta":{`+modernCan+`}`)
		}
		if m := update(101, 11_000); !strings.Contains(m, "-31001") {
			t.Errorf("an answer beyond the limit: %.200s", m)
		}
		if m := get(102); !strings.Contains(m, "input_required") {
			t.Errorf("after an answer beyond the limit: %s", m)
		}
		if m := update(103, 10); !strings.Contains(m, "complete") {
			t.Errorf("got %s", m)
		}
		if m := get(104); !strings.Contains(m, "done") {
			t.Errorf("got %s", m)
		}
	})
}

// A tool that cannot be a task is told at registration.
func TestTaskRegistration(t *testing.T) {
	for _, tc := range []struct {
		support mcp.TaskSupport
		mode    mcp.Mode
	}{{mcp.TaskOptional, mcp.Inline}, {mcp.TaskEntered + 1, mcp.Pooled}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d, %d was taken", tc.support, tc.mode)
				}
			}()
			s := mcp.NewServer(mcp.Options{Name: "bad"})
			s.HandleTool(mcp.Tool{Name: "x", TaskSupport: tc.support}, tc.mode, func(*mcp.Call) error { return nil })
		}()
	}
}

// Unless the embedder says otherwise, tasks leave half of the workers to others.
func TestRunningTasksOfFewWorkers(t *testing.T) {
	for _, workers := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			s, _ := taskServer(mcp.Options{})
			deaf := make(chan struct{})
			s.HandleTool(mcp.Tool{Name: "deaf", TaskSupport: mcp.TaskRequired}, mcp.Pooled, func(*mcp.Call) error {
				<-deaf
				return nil
			})
			c := mcptest.NewWithOptions(t, s, engine.Options{WorkersMax: workers})
			room := max(workers/2, 1)
			for i := range room + 1 {
				answer := ask(t, c, 100+i, "tools/call", `"name":"deaf","_meta":{`+modernCan+`}`)
				if refused := strings.Contains(answer, "-31001"); refused != (i == room) {
					t.Errorf("%d workers, task %d: %s", workers, i+1, answer)
				}
				synctest.Wait()
			}
			close(deaf)
		})
	}
}
