package peers

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	gannetmcp "github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
	"github.com/gannetmcp/gannet/transports/nethttp"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// heard is what a client is told of its own accord, by name.
type heard chan string

// until waits until the client has been told a thing.
func (h heard) until(t *testing.T, name string) {
	t.Helper()
	end := time.After(20 * time.Second)
	for {
		select {
		case got := <-h:
			if got == name {
				return
			}
		case <-end:
			t.Errorf("the client was not told of %q", name)
			return
		}
	}
}

// TestFeaturesGoSDK has the go-sdk's client use all that the server offers, in
// each revision, over stdio, Streamable HTTP and HTTP with SSE: it is the
// witness for the revisions of both eras. All at once: each waits for a resource that
// changes every three seconds, and is told of what the others change too.
func TestFeaturesGoSDK(t *testing.T) {
	base, onNetHTTP := serveHTTP(t), serveNetHTTP(t)
	for _, revision := range goSDK.revisions {
		t.Run("stdio/"+revision, func(t *testing.T) {
			t.Parallel()
			featuresGoSDK(t, revision, &mcp.CommandTransport{Command: exec.Command(gannet, "serve", "--fixture", "everything", "--listen", "stdio"), TerminateDuration: 10 * time.Second})
		})
		if revision == "2024-11-05" {
			t.Run("sse/"+revision, func(t *testing.T) {
				t.Parallel()
				featuresGoSDK(t, revision, &mcp.SSEClientTransport{Endpoint: base + "/sse"})
			})
			t.Run("nethttp-sse/"+revision, func(t *testing.T) {
				t.Parallel()
				featuresGoSDK(t, revision, &mcp.SSEClientTransport{Endpoint: onNetHTTP + "/sse"})
			})
			continue
		}
		t.Run("nethttp/"+revision, func(t *testing.T) {
			t.Parallel()
			featuresGoSDK(t, revision, &mcp.StreamableClientTransport{Endpoint: onNetHTTP + "/mcp"})
		})
		t.Run("http/"+revision, func(t *testing.T) {
			t.Parallel()
			featuresGoSDK(t, revision, &mcp.StreamableClientTransport{Endpoint: base + "/mcp"})
		})
	}
}

// serveNetHTTP serves the same under a prefix of a mux of net/http and returns
// its address.
func serveNetHTTP(t *testing.T) string {
	t.Helper()
	svc := gannetmcp.NewServer(gannetmcp.Options{Name: "nethttp"})
	everything := fixture.AddEverything(svc)
	go everything.Run(t.Context())
	h, err := nethttp.New(svc, nethttp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", http.StripPrefix("/api", h))
	s := httptest.NewServer(mux)
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := h.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		s.Close()
		if n := h.Snapshot(); n.Requests != 0 || n.Engine.InFlight != 0 || n.Engine.BufferedBytes != 0 || n.Engine.Panics != 0 {
			t.Errorf("left: %+v", n)
		}
	})
	return s.URL + "/api"
}

// serveHTTP starts the server on HTTP and returns its address.
func serveHTTP(t *testing.T) string {
	t.Helper()
	url := startGannet(t, "--fixture", "everything", "--listen", "http://127.0.0.1:0")[0]
	t.Cleanup(http.DefaultClient.CloseIdleConnections) // before it is told to end
	return url
}

func featuresGoSDK(t *testing.T, revision string, transport mcp.Transport) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	told := make(heard, 1000)
	tell := func(name string) {
		select {
		case told <- name:
		default:
		}
	}
	c := mcp.NewClient(&mcp.Implementation{Name: "features", Version: "1"}, &mcp.ClientOptions{
		CreateMessageHandler: func(_ context.Context, r *mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) {
			text, _ := r.Params.Messages[0].Content.(*mcp.TextContent)
			return &mcp.CreateMessageResult{Role: "assistant", Model: "m", Content: &mcp.TextContent{Text: "sampled: " + text.Text}}, nil
		},
		ElicitationHandler: func(_ context.Context, r *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"username": "ann", "email": "ann@example.org", "name": "Ann"}}, nil
		},
		ToolListChangedHandler:   func(context.Context, *mcp.ToolListChangedRequest) { tell("tools") },
		PromptListChangedHandler: func(context.Context, *mcp.PromptListChangedRequest) { tell("prompts") },
		ResourceUpdatedHandler: func(_ context.Context, r *mcp.ResourceUpdatedNotificationRequest) {
			tell(r.Params.URI)
		},
		LoggingMessageHandler: func(_ context.Context, r *mcp.LoggingMessageRequest) { tell("log " + string(r.Params.Level)) },
		ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) {
			tell(fmt.Sprintf("progress %v of %v", r.Params.Progress, r.Params.Total))
		},
	})
	c.AddRoots(&mcp.Root{URI: "file:///work", Name: "work"})
	s, err := c.Connect(ctx, transport, &mcp.ClientSessionOptions{ProtocolVersion: revision})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	if got := s.InitializeResult().ProtocolVersion; got != revision {
		t.Errorf("revision %s, want %s", got, revision)
	}
	call := func(name string, args map[string]any) string {
		t.Helper()
		p := &mcp.CallToolParams{Name: name, Arguments: args}
		if name == "test_tool_with_progress" {
			p.SetProgressToken("token")
		}
		r, err := s.CallTool(ctx, p)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return ""
		}
		var text strings.Builder
		for _, c := range r.Content {
			if c, ok := c.(*mcp.TextContent); ok {
				text.WriteString(c.Text)
			}
		}
		if r.IsError != (name == "test_error_handling") {
			t.Errorf("%s: isError %v: %s", name, r.IsError, text.String())
		}
		return text.String()
	}
	says := func(what, got, want string) {
		t.Helper()
		if !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q in it", what, got, want)
		}
	}

	says("text", call("test_simple_text", nil), "This is a simple text response for testing.")
	says("error", call("test_error_handling", nil), "This tool intentionally returns an error for testing")
	call("test_image_content", nil)
	call("test_audio_content", nil)
	call("test_embedded_resource", nil)
	call("test_multiple_content_types", nil)
	says("sampling", call("test_sampling", map[string]any{"prompt": "hello"}), "LLM response: sampled: hello")
	if revision >= "2025-06-18" {
		says("elicitation", call("test_elicitation", map[string]any{"message": "Who?"}), "ann@example.org")
		says("input", call("test_input_required_result_elicitation", nil), "Hello, Ann!")
	}
	says("roots", call("test_input_required_result_list_roots", nil), "file:///work")

	call("test_tool_with_progress", nil)
	told.until(t, "progress 50 of 100")
	told.until(t, "progress 100 of 100")
	if revision != modern { // the client has no way to ask for log messages there
		if err := s.SetLoggingLevel(ctx, &mcp.SetLoggingLevelParams{Level: "debug"}); err != nil {
			t.Error(err)
		}
		call("test_tool_with_logging", nil)
		told.until(t, "log info")
	}

	prompts, err := s.ListPrompts(ctx, nil)
	if err != nil || len(prompts.Prompts) < 4 {
		t.Errorf("prompts: %v, %v", prompts, err)
	}
	prompt, err := s.GetPrompt(ctx, &mcp.GetPromptParams{Name: "test_prompt_with_arguments", Arguments: map[string]string{"arg1": "one", "arg2": "two"}})
	if err != nil || len(prompt.Messages) == 0 {
		t.Fatalf("prompt: %v, %v", prompt, err)
	}
	text, _ := prompt.Messages[0].Content.(*mcp.TextContent)
	says("prompt", text.Text, "one")
	says("prompt", text.Text, "two")
	if _, err := s.GetPrompt(ctx, &mcp.GetPromptParams{Name: "no_such_prompt"}); err == nil {
		t.Error("an unknown prompt was got")
	}
	if done, err := s.Complete(ctx, &mcp.CompleteParams{Ref: &mcp.CompleteReference{Type: "ref/prompt", Name: "test_prompt_with_arguments"},
		Argument: mcp.CompleteParamsArgument{Name: "arg1", Value: ""}}); err != nil || done.Completion.Values == nil {
		t.Errorf("completion: %v, %v", done, err)
	}

	resources, err := s.ListResources(ctx, nil)
	if err != nil || len(resources.Resources) < 3 {
		t.Errorf("resources: %v, %v", resources, err)
	}
	templates, err := s.ListResourceTemplates(ctx, nil)
	if err != nil || len(templates.ResourceTemplates) != 1 {
		t.Errorf("templates: %v, %v", templates, err)
	}
	read := func(uri string) *mcp.ResourceContents {
		t.Helper()
		r, err := s.ReadResource(ctx, &mcp.ReadResourceParams{URI: uri})
		if err != nil || len(r.Contents) != 1 {
			t.Fatalf("%s: %v, %v", uri, r, err)
		}
		return r.Contents[0]
	}
	says("resource", read("test://static-text").Text, "This is the content of the static text resource.")
	if b := read("test://static-binary").Blob; len(b) == 0 {
		t.Error("no bytes")
	}
	says("template", read("test://template/123/data").Text, "123")
	if _, err := s.ReadResource(ctx, &mcp.ReadResourceParams{URI: "test://none"}); err == nil {
		t.Error("a resource that does not exist was read")
	}

	call("test_trigger_tool_change", nil)
	told.until(t, "tools")
	call("test_trigger_prompt_change", nil)
	told.until(t, "prompts")
	if err := s.Subscribe(ctx, &mcp.SubscribeParams{URI: "test://watched-resource"}); err != nil {
		t.Error(err)
	}
	told.until(t, "test://watched-resource")
	if err := s.Unsubscribe(ctx, &mcp.UnsubscribeParams{URI: "test://watched-resource"}); err != nil {
		t.Error(err)
	}
}
