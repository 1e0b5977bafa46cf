package peers

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
	mcpgoserver "github.com/mark3labs/mcp-go/server"
	gosdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports"
	"github.com/gannetmcp/gannet/transports/webclient"
)

// Our client against servers that others wrote, started as processes: each
// revision that they know, and their own choice.
func TestClientOfServers(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "server")
	if out, err := exec.Command("go", "build", "-o", binary, "./server").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, peer := range []string{"go-sdk", "go-sdk-lowlevel", "mcp-go"} {
		for _, revision := range append(mcp.Revisions(), "") {
			t.Run(peer+"/"+revision, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				client := mcp.NewClient(mcp.ClientOptions{Name: "interop", Version: "1", Revision: revision})
				s, err := transports.Command(ctx, client, exec.Command(binary, "-peer", peer), transports.CommandOptions{})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				t.Log(s.Info().Name, s.Info().Revision)
				if err := s.Ping(ctx); err != nil {
					t.Error(err)
				}
				tools, err := s.ListTools(ctx)
				if err != nil || len(tools) != 1 || tools[0].Name != "echo" || !json.Valid(tools[0].InputSchema) {
					t.Errorf("tools %+v, %v", tools, err)
				}
				for range 10 {
					if r, err := s.CallTool(ctx, "echo", map[string]string{"text": "hé\n<b>"}); err != nil || r.Text() != "hé\n<b>" {
						t.Errorf("echo: %+v, %v", r, err)
					}
				}
				var rpc *mcp.Error
				if r, err := s.CallTool(ctx, "nosuch", nil); !errors.As(err, &rpc) && (err != nil || !r.IsError) {
					t.Errorf("unknown tool: %+v, %v", r, err)
				}
			})
		}
	}
}

// Our client against the same servers over HTTP: with sessions and without, by
// JSON and by event streams, and over HTTP+SSE.
func TestWebClientOfServers(t *testing.T) {
	type kind struct {
		sse    bool
		modern bool // it serves 2026-07-28
		h      http.Handler
	}
	get := func(*http.Request) *gosdk.Server { return richServer() }
	tool := mcpgoserver.NewMCPServer("peer", "1")
	tool.AddTool(mcpgo.NewTool("work"), func(context.Context, mcpgo.CallToolRequest) (*mcpgo.CallToolResult, error) {
		return mcpgo.NewToolResultText("done"), nil
	})
	mux := http.NewServeMux()
	sse := mcpgoserver.NewSSEServer(tool)
	mux.Handle("/sse", sse.SSEHandler())
	mux.Handle("/message", sse.MessageHandler())
	for name, k := range map[string]kind{
		"go-sdk stateful":  {h: gosdk.NewStreamableHTTPHandler(get, nil)},
		"go-sdk stateless": {modern: true, h: gosdk.NewStreamableHTTPHandler(get, &gosdk.StreamableHTTPOptions{Stateless: true})},
		"go-sdk JSON":      {modern: true, h: gosdk.NewStreamableHTTPHandler(get, &gosdk.StreamableHTTPOptions{Stateless: true, JSONResponse: true})},
		"go-sdk sse":       {sse: true, h: gosdk.NewSSEHandler(get, nil)},
		"mcp-go stateful":  {modern: true, h: mcpgoserver.NewStreamableHTTPServer(tool)},
		"mcp-go stateless": {modern: true, h: mcpgoserver.NewStreamableHTTPServer(tool, mcpgoserver.WithStateLess(true))},
		"mcp-go sse":       {sse: true, h: mux},
	} {
		srv := httptest.NewServer(k.h)
		defer srv.Close()
		url := srv.URL + "/mcp"
		if k.sse {
			url = "sse+" + srv.URL + "/sse"
		}
		for _, revision := range append(mcp.Revisions(), "") {
			if revision == mcp.Revision20260728 && !k.modern {
				continue
			}
			t.Run(name+"/"+revision, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				client := mcp.NewClient(mcp.ClientOptions{Name: "interop", Version: "1", Revision: revision})
				s, err := webclient.Dial(ctx, client, url, webclient.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				t.Log(s.Info().Name, s.Info().Revision)
				if revision == "" && k.modern != (s.Info().Revision == mcp.Revision20260728) {
					t.Errorf("negotiated %s", s.Info().Revision)
				}
				if err := s.Ping(ctx); err != nil {
					t.Error(err)
				}
				if tools, err := s.ListTools(ctx); err != nil || len(tools) == 0 {
					t.Errorf("tools %+v, %v", tools, err)
				}
				for range 10 {
					if r, err := s.CallTool(ctx, "work", nil, mcp.WithProgress(func(mcp.ProgressReport) {})); err != nil || r.Text() != "done" {
						t.Errorf("work: %+v, %v", r, err)
					}
				}
				var rpc *mcp.Error
				if r, err := s.CallTool(ctx, "nosuch", nil); !errors.As(err, &rpc) && (err != nil || !r.IsError) {
					t.Errorf("unknown tool: %+v, %v", r, err)
				}
			})
		}
	}
}

// richServer is a go-sdk server that asks for input, reports progress, logs,
// and has a resource and a prompt.
func richServer() *gosdk.Server {
	s := gosdk.NewServer(&gosdk.Implementation{Name: "rich", Version: "1"}, &gosdk.ServerOptions{
		SubscribeHandler:   func(context.Context, *gosdk.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(context.Context, *gosdk.UnsubscribeRequest) error { return nil },
	})
	gosdk.AddTool(s, &gosdk.Tool{Name: "greet"}, func(_ context.Context, r *gosdk.CallToolRequest, _ struct{}) (*gosdk.CallToolResult, any, error) {
		if len(r.Params.InputResponses) == 0 {
			return &gosdk.CallToolResult{RequestState: "step=1", InputRequests: gosdk.InputRequestMap{
				"who": &gosdk.ElicitParams{Message: "Who?", RequestedSchema: map[string]any{"type": "object", "properties": map[string]any{
					"name": map[string]any{"type": "string"}, "title": map[string]any{"type": "string", "default": "Dr"}}}},
			}}, nil, nil
		}
		c := r.Params.InputResponses["who"].(*gosdk.ElicitResult).Content
		return &gosdk.CallToolResult{Content: []gosdk.Content{&gosdk.TextContent{Text: "Hello " + c["title"].(string) + " " + c["name"].(string)}}}, nil, nil
	})
	gosdk.AddTool(s, &gosdk.Tool{Name: "work"}, func(ctx context.Context, r *gosdk.CallToolRequest, _ struct{}) (*gosdk.CallToolResult, any, error) {
		_ = r.Session.Log(ctx, &gosdk.LoggingMessageParams{Level: "warning", Data: "working"})
		for i := range 5 {
			_ = r.Session.NotifyProgress(ctx, &gosdk.ProgressNotificationParams{ProgressToken: r.Params.GetProgressToken(), Progress: float64(i + 1), Total: 5, Message: "step"})
		}
		return &gosdk.CallToolResult{Content: []gosdk.Content{&gosdk.TextContent{Text: "done"}}}, nil, nil
	})
	gosdk.AddTool(s, &gosdk.Tool{Name: "hang"}, func(ctx context.Context, _ *gosdk.CallToolRequest, _ struct{}) (*gosdk.CallToolResult, any, error) {
		<-ctx.Done()
		return nil, nil, ctx.Err()
	})
	s.AddResource(&gosdk.Resource{URI: "file:///a", Name: "a"}, func(context.Context, *gosdk.ReadResourceRequest) (*gosdk.ReadResourceResult, error) {
		return &gosdk.ReadResourceResult{Contents: []*gosdk.ResourceContents{{URI: "file:///a", Text: "text"}}}, nil
	})
	s.AddPrompt(&gosdk.Prompt{Name: "p"}, func(context.Context, *gosdk.GetPromptRequest) (*gosdk.GetPromptResult, error) {
		return &gosdk.GetPromptResult{Messages: []*gosdk.PromptMessage{{Role: "user", Content: &gosdk.TextContent{Text: "hi"}}}}, nil
	})
	return s
}

// Our client and a go-sdk server ask each other for everything that both know,
// in the newest revisions of both eras.
func TestClientOfRichServer(t *testing.T) {
	for _, revision := range []string{mcp.Revision20250618, mcp.Revision20251125, mcp.Revision20260728} {
		t.Run(revision, func(t *testing.T) { exerciseClient(t, revision) })
	}
}

func exerciseClient(t *testing.T, revision string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	srv := richServer()
	served := make(chan error, 1)
	go func() {
		c, err := ln.Accept()
		if err == nil {
			err = srv.Run(ctx, &gosdk.IOTransport{Reader: c, Writer: c})
		}
		served <- err
	}()
	notes := make(chan string, 100)
	client := mcp.NewClient(mcp.ClientOptions{
		Name: "interop", Revision: revision,
		Elicitation: func(_ context.Context, r *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"name": "Ann"}}, nil
		},
		OnNotification: func(_ *mcp.ClientSession, method string, params json.RawMessage) { notes <- method + string(params) },
	})
	note := func(method string) string {
		t.Helper()
		for {
			select {
			case n := <-notes:
				if strings.HasPrefix(n, method) {
					return n
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("no %s for 10 s", method)
			}
		}
	}
	s, err := transports.Dial(ctx, client, "unix://"+path, transports.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := s.CallTool(ctx, "greet", nil); err != nil || r.Text() != "Hello Dr Ann" {
		t.Errorf("greet: %+v, %v", r, err)
	}
	if err := s.SetLogLevel(ctx, mcp.LogInfo); err != nil {
		t.Error(err)
	}
	var reports []mcp.ProgressReport
	if r, err := s.CallTool(ctx, "work", nil, mcp.WithProgress(func(p mcp.ProgressReport) { reports = append(reports, p) })); err != nil || r.Text() != "done" {
		t.Errorf("work: %+v, %v", r, err)
	}
	if len(reports) != 5 || reports[4] != (mcp.ProgressReport{Progress: 5, Total: 5, Message: "step"}) {
		t.Errorf("reports %+v", reports)
	}
	note("notifications/message")
	short, stop := context.WithTimeout(ctx, 50*time.Millisecond)
	defer stop()
	if _, err := s.CallTool(short, "hang", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hang: %v", err)
	}
	if r, err := s.ReadResource(ctx, "file:///a"); err != nil || r.Contents[0].Text != "text" {
		t.Errorf("resource: %+v, %v", r, err)
	}
	if p, err := s.GetPrompt(ctx, "p", nil); err != nil || p.Messages[0].Content.Text != "hi" {
		t.Errorf("prompt: %+v, %v", p, err)
	}
	if l, err := s.ListResources(ctx); err != nil || len(l) != 1 {
		t.Errorf("resources: %+v, %v", l, err)
	}
	if l, err := s.ListPrompts(ctx); err != nil || len(l) != 1 {
		t.Errorf("prompts: %+v, %v", l, err)
	}
	if revision == mcp.Revision20260728 {
		u, err := s.Listen(ctx, mcp.ListenFilter{ToolsListChanged: true, ResourceSubscriptions: []string{"file:///a"}})
		if err != nil {
			t.Fatal(err)
		}
		if f := u.Honored(); !f.ToolsListChanged || len(f.ResourceSubscriptions) != 1 {
			t.Errorf("honored %+v", f)
		}
		defer u.Close()
	} else if err := s.Subscribe(ctx, "file:///a"); err != nil {
		t.Error(err)
	}
	_ = srv.ResourceUpdated(ctx, &gosdk.ResourceUpdatedNotificationParams{URI: "file:///a"})
	note("notifications/resources/updated")
	srv.RemoveTools("hang")
	note("notifications/tools/list_changed")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	t.Logf("counters %+v", s.Stats())
	select {
	case <-served:
	case <-time.After(10 * time.Second):
		t.Error("the server does not notice the end")
	}
}
