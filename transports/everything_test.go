package transports

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
)

// The client against the public TypeScript server that has everything, over
// stdio, in whatever revisions that server knows. GANNET_NODE_EVERYTHING is the
// path of its entry: npm install @modelcontextprotocol/server-everything, then
// node_modules/@modelcontextprotocol/server-everything/dist/index.js.
func TestEverythingServer(t *testing.T) {
	entry := os.Getenv("GANNET_NODE_EVERYTHING")
	if entry == "" {
		t.Skip("GANNET_NODE_EVERYTHING names no server")
	}
	nothingLeft(t)
	for _, rev := range []string{"", mcp.Revision20241105, mcp.Revision20250618, mcp.Revision20251125} {
		t.Run("revision "+rev, func(t *testing.T) { everything(t, rev, entry) })
	}
}

func everything(t *testing.T, rev, entry string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var mu sync.Mutex
	notes := map[string]int{}
	client := mcp.NewClient(mcp.ClientOptions{
		Name: "test", Version: "1", Revision: rev,
		Sampling: func(_ context.Context, r *mcp.SamplingRequest) (*mcp.SamplingResult, error) {
			return &mcp.SamplingResult{Model: "none", Content: []mcp.Content{mcp.TextContent("sampled: " + r.Messages[0].Content[0].Text)}}, nil
		},
		Elicitation: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"name": "Ann"}}, nil
		},
		Roots: func(context.Context) ([]mcp.Root, error) { return []mcp.Root{{URI: "file:///srv/a", Name: "a"}}, nil },
		OnNotification: func(_ *mcp.ClientSession, method string, _ json.RawMessage) {
			mu.Lock()
			notes[method]++
			mu.Unlock()
		},
	})
	s, err := Command(ctx, client, exec.Command("node", entry), CommandOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(s.Info().Name, s.Info().Version, s.Info().Revision)
	tools, err := s.ListTools(ctx)
	if err != nil || len(tools) == 0 {
		t.Fatalf("%d tools, %v", len(tools), err)
	}
	has := func(name string) bool {
		return slices.ContainsFunc(tools, func(t mcp.ToolInfo) bool { return t.Name == name })
	}
	call := func(name string, args any, want string, opts ...mcp.RequestOption) {
		t.Helper()
		if !has(name) {
			t.Logf("the server has no tool %s", name)
			return
		}
		r, err := s.CallTool(ctx, name, args, opts...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if r.IsError || !strings.Contains(string(r.Raw), want) {
			t.Errorf("%s: want %q in %.2000s", name, want, r.Raw)
		}
	}
	call("echo", map[string]string{"message": "hé <there>"}, "Echo: hé <there>")
	call("get-sum", map[string]int{"a": 2, "b": 40}, "42")
	call("get-tiny-image", nil, `"image"`)
	call("get-structured-content", map[string]string{"location": "Chicago"}, "structuredContent")
	call("get-annotated-message", map[string]any{"messageType": "error", "includeImage": true}, "annotations")
	call("get-resource-links", map[string]int{"count": 3}, "resource_link")
	call("get-resource-reference", map[string]any{"resourceType": "Text", "resourceId": 1}, `"resource"`)
	call("trigger-sampling-request", map[string]any{"prompt": "hi", "maxTokens": 10}, "sampled: ")
	call("trigger-elicitation-request", nil, "Ann")
	call("get-roots-list", nil, "file:///srv/a")
	reports := 0
	call("trigger-long-running-operation", map[string]int{"duration": 1, "steps": 4}, "completed", mcp.WithProgress(func(mcp.ProgressReport) { reports++ }))
	if has("trigger-long-running-operation") && reports < 3 {
		t.Errorf("%d reports of progress", reports)
	}
	if s.Info().Revision == mcp.Revision20251125 {
		statuses := []string{}
		call("simulate-research-query", map[string]any{"topic": "gannets"}, "gannets", mcp.WithTask(time.Minute), mcp.OnTask(func(i mcp.TaskInfo) { statuses = append(statuses, i.Status) }))
		t.Logf("statuses of the task: %v", statuses)
	}
	short, stop := context.WithTimeout(ctx, 100*time.Millisecond)
	defer stop()
	if _, err := s.CallTool(short, "trigger-long-running-operation", map[string]int{"duration": 5, "steps": 5}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call that is given up: %v", err)
	}
	var names []string
	for _, tool := range tools {
		names = append(names, tool.Name)
	}
	t.Log("tools: ", names)

	prompts, err := s.ListPrompts(ctx)
	if err != nil || len(prompts) == 0 {
		t.Errorf("prompts: %v, %v", prompts, err)
	} else if p, err := s.GetPrompt(ctx, prompts[0].Name, nil); err != nil || len(p.Messages) == 0 {
		t.Errorf("prompt %s: %+v, %v", prompts[0].Name, p, err)
	}
	resources, err := s.ListResources(ctx)
	if err != nil || len(resources) == 0 {
		t.Errorf("resources: %v, %v", resources, err)
	} else {
		if r, err := s.ReadResource(ctx, resources[0].URI); err != nil || len(r.Contents) == 0 {
			t.Errorf("resource %s: %+v, %v", resources[0].URI, r, err)
		}
		if err := errors.Join(s.Subscribe(ctx, resources[0].URI), s.Unsubscribe(ctx, resources[0].URI)); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.ListResourceTemplates(ctx); err != nil {
		t.Error(err)
	}
	if s.Info().Has("completions") {
		for _, p := range prompts {
			if len(p.Arguments) > 0 {
				if _, err := s.Complete(ctx, mcp.CompletionRef{Prompt: p.Name}, p.Arguments[0].Name, "", nil); err != nil {
					t.Errorf("completion for %s of %s: %v", p.Arguments[0].Name, p.Name, err)
				}
			}
		}
	}
	if err := errors.Join(s.SetLogLevel(ctx, mcp.LogDebug), s.Ping(ctx), s.RootsChanged(ctx)); err != nil {
		t.Error(err)
	}
	var rpc *mcp.Error
	if r, err := s.CallTool(ctx, "no-such-tool", nil); !errors.As(err, &rpc) && (err != nil || !r.IsError) {
		t.Errorf("unknown tool: %+v, %v", r, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	t.Logf("notifications: %v; counters %+v", notes, s.Stats())
	mu.Unlock()
}
