package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
)

// curiousServer asks its clients for all that they may be asked for.
func curiousServer() *mcp.Server {
	s := mcp.NewServer(mcp.Options{Name: "curious", PageSize: 1})
	ask := func(name string, f func(c *mcp.Call) (string, error)) {
		s.HandleTool(mcp.Tool{Name: name}, mcp.Pooled, func(c *mcp.Call) error {
			text, err := f(c)
			if err != nil {
				return err
			}
			return c.Reply().TextString(text)
		})
	}
	ask("elicit", func(c *mcp.Call) (string, error) {
		a, err := c.Elicit("who", &mcp.ElicitRequest{Message: "Who?", RequestedSchema: json.RawMessage(
			`{"type":"object","properties":{"name":{"type":"string"},"title":{"type":"string","default":"Dr"}},"required":["name","title"]}`)})
		if err != nil {
			return "", err
		}
		b, err := c.Elicit("sure", &mcp.ElicitRequest{Message: "Sure?", RequestedSchema: json.RawMessage(`{"type":"object","properties":{}}`)})
		if err != nil {
			return "", err
		}
		return fmt.Sprint(a.Content["title"], " ", a.Content["name"], " ", b.Action), nil
	})
	ask("sample", func(c *mcp.Call) (string, error) {
		r, err := c.Sample("s", &mcp.SamplingRequest{MaxTokens: 5, Messages: []mcp.SamplingMessage{{Role: mcp.User, Content: []mcp.Content{mcp.TextContent("hi")}}}})
		if err != nil {
			return "", err
		}
		return r.Text() + " by " + r.Model, nil
	})
	ask("roots", func(c *mcp.Call) (string, error) {
		r, err := c.Roots("r")
		if err != nil {
			return "", err
		}
		return r[0].URI, nil
	})
	ask("log", func(c *mcp.Call) (string, error) {
		return "logged", errors.Join(c.Log(mcp.LogInfo, "l", []byte(`"quiet"`)), c.Log(mcp.LogError, "l", []byte(`"loud"`)))
	})
	s.HandleTool(mcp.Tool{Name: "task", TaskSupport: mcp.TaskOptional}, mcp.Pooled, func(c *mcp.Call) error {
		return c.Reply().TextString(fmt.Sprint("in a task: ", c.InTask()))
	})
	s.HandleResource(mcp.Resource{URI: "test://a", MIMEType: "text/plain"}, mcp.Inline, func(c *mcp.Call) error { return c.Reply().TextString("text") })
	s.HandleResourceTemplate(mcp.ResourceTemplate{URITemplate: "test://x/{id}"}, mcp.Inline, func(c *mcp.Call) error { return mcp.ErrNotFound })
	s.HandlePrompt(mcp.Prompt{Name: "p", Arguments: []mcp.PromptArgument{{Name: "a", Complete: mcp.CompleteFrom("one", "only", "two")}}}, mcp.Inline,
		func(c *mcp.Call) error { return c.Reply().TextString("said") })
	return s
}

// Client and server of ours ask each other for everything, in each revision
// that knows it.
func TestClientOfCuriousServer(t *testing.T) {
	for i, rev := range mcp.Revisions() {
		t.Run(rev, func(t *testing.T) {
			notes := make(chan string, 100)
			srv := curiousServer()
			s := connected(t, mcp.ClientOptions{
				Revision: rev, Tasks: true,
				Sampling: func(_ context.Context, r *mcp.SamplingRequest) (*mcp.SamplingResult, error) {
					return &mcp.SamplingResult{Content: r.Messages[0].Content, Model: "m"}, nil
				},
				Elicitation: func(_ context.Context, r *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
					if r.Message == "Sure?" {
						return &mcp.ElicitResult{Action: "decline"}, nil
					}
					return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"name": "Ann"}}, nil
				},
				Roots: func(context.Context) ([]mcp.Root, error) { return []mcp.Root{{URI: "file:///a"}}, nil },
				OnNotification: func(_ *mcp.ClientSession, method string, params json.RawMessage) {
					notes <- method + " " + string(params)
				},
			}, srv)
			note := func(want string) {
				t.Helper()
				for {
					select {
					case n := <-notes:
						if strings.HasPrefix(n, want) {
							return
						}
					case <-time.After(10 * time.Second):
						t.Errorf("no %s", want)
						return
					}
				}
			}
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			call := func(name, want string, opts ...mcp.RequestOption) {
				t.Helper()
				if r, err := s.CallTool(ctx, name, nil, opts...); err != nil || r.IsError || r.Text() != want {
					t.Errorf("%s: %+v, %v", name, r, err)
				}
			}
			if i >= 2 {
				call("elicit", "Dr Ann decline")
			}
			call("sample", "hi by m")
			call("roots", "file:///a")
			if err := s.SetLogLevel(ctx, mcp.LogWarning); err != nil {
				t.Error(err)
			}
			call("log", "logged")
			note(`notifications/message {"level":"error"`)
			tasks := 0
			count := mcp.OnTask(func(mcp.TaskInfo) { tasks++ })
			call("task", fmt.Sprint("in a task: ", i >= 3), mcp.WithTask(time.Minute), count)
			if (tasks > 0) != (i >= 3) {
				t.Errorf("told of tasks %d times", tasks)
			}
			if l, err := s.ListTools(ctx); err != nil || len(l) != 5 {
				t.Errorf("%d tools, %v", len(l), err)
			}
			if l, err := s.ListResources(ctx); err != nil || len(l) != 1 {
				t.Errorf("resources %+v, %v", l, err)
			}
			if l, err := s.ListResourceTemplates(ctx); err != nil || len(l) != 1 {
				t.Errorf("templates %+v, %v", l, err)
			}
			if r, err := s.ReadResource(ctx, "test://a"); err != nil || r.Contents[0].Text != "text" {
				t.Errorf("resource %+v, %v", r, err)
			}
			var rpc *mcp.Error
			if _, err := s.ReadResource(ctx, "test://x/1"); !errors.As(err, &rpc) {
				t.Errorf("a resource that is not there: %v", err)
			}
			if l, err := s.ListPrompts(ctx); err != nil || len(l) != 1 || l[0].Arguments[0].Name != "a" {
				t.Errorf("prompts %+v, %v", l, err)
			}
			if p, err := s.GetPrompt(ctx, "p", map[string]string{"a": "one"}); err != nil || p.Messages[0].Content.Text != "said" || p.Messages[0].Role != mcp.User {
				t.Errorf("prompt %+v, %v", p, err)
			}
			if c, err := s.Complete(ctx, mcp.CompletionRef{Prompt: "p"}, "a", "o", nil); err != nil || strings.Join(c.Values, " ") != "one only" {
				t.Errorf("completion %+v, %v", c, err)
			}
			if rev == mcp.Revision20260728 {
				u, err := s.Listen(ctx, mcp.ListenFilter{ToolsListChanged: true, ResourceSubscriptions: []string{"test://a"}})
				if err != nil {
					t.Fatal(err)
				}
				defer u.Close()
			} else if err := s.Subscribe(ctx, "test://a"); err != nil {
				t.Error(err)
			}
			srv.ResourceUpdated("test://a")
			note("notifications/resources/updated")
			srv.RemoveTool("log")
			note("notifications/tools/list_changed")
		})
	}
}
