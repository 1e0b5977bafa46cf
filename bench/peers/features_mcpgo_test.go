package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
)

// TestFeaturesMCPGo has mcp-go's client use all that the server offers, in each
// revision, over stdio, Streamable HTTP and HTTP with SSE.
func TestFeaturesMCPGo(t *testing.T) {
	base := serveHTTP(t)
	for _, revision := range mcpGo.revisions {
		t.Run("stdio/"+revision, func(t *testing.T) {
			t.Parallel()
			featuresMCPGo(t, revision, transport.NewStdio(gannet, nil, "serve", "--fixture", "everything", "--listen", "stdio"))
		})
		if revision == "2024-11-05" {
			t.Run("sse/"+revision, func(t *testing.T) {
				t.Parallel()
				tr, err := transport.NewSSE(base + "/sse")
				if err != nil {
					t.Fatal(err)
				}
				featuresMCPGo(t, revision, tr)
			})
			continue
		}
		t.Run("http/"+revision, func(t *testing.T) {
			t.Parallel()
			var options []transport.StreamableHTTPCOption
			if revision != modern { // which has no stream of a session, and is not taken with this
				options = append(options, transport.WithContinuousListening())
			}
			tr, err := transport.NewStreamableHTTP(base+"/mcp", options...)
			if err != nil {
				t.Fatal(err)
			}
			featuresMCPGo(t, revision, tr)
		})
	}
}

// answers is what a client says to a server that asks.
type answers struct{}

func (answers) CreateMessage(_ context.Context, r mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) {
	b, err := json.Marshal(r.Messages[0].Content)
	if err != nil {
		return nil, err
	}
	var asked struct{ Text string }
	if err := json.Unmarshal(b, &asked); err != nil {
		return nil, err
	}
	return &mcp.CreateMessageResult{
		SamplingMessage: mcp.SamplingMessage{Role: mcp.RoleAssistant, Content: mcp.NewTextContent("sampled: " + asked.Text)},
		Model:           "m",
	}, nil
}

func (answers) Elicit(context.Context, mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	return &mcp.ElicitationResult{ElicitationResponse: mcp.ElicitationResponse{
		Action:  mcp.ElicitationResponseActionAccept,
		Content: map[string]any{"username": "ann", "email": "ann@example.org", "name": "Ann"},
	}}, nil
}

func (answers) ListRoots(context.Context, mcp.ListRootsRequest) (*mcp.ListRootsResult, error) {
	return &mcp.ListRootsResult{Roots: []mcp.Root{{URI: "file:///work", Name: "work"}}}, nil
}

func featuresMCPGo(t *testing.T, revision string, tr transport.Interface) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	told := make(heard, 1000)
	c := client.NewClient(tr, client.WithSamplingHandler(answers{}), client.WithElicitationHandler(answers{}), client.WithRootsHandler(answers{}))
	if err := c.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	c.OnNotification(func(n mcp.JSONRPCNotification) {
		f := n.Params.AdditionalFields
		name := n.Method
		switch n.Method {
		case "notifications/progress":
			name = fmt.Sprintf("progress %v of %v", f["progress"], f["total"])
		case "notifications/resources/updated":
			name = fmt.Sprint(f["uri"])
		case "notifications/message":
			name = fmt.Sprint("log ", f["level"])
		}
		select {
		case told <- name:
		default:
		}
	})
	var init mcp.InitializeRequest
	init.Params.ProtocolVersion = revision
	init.Params.ClientInfo = mcp.Implementation{Name: "features", Version: "1"}
	if _, err := c.Initialize(ctx, init); err != nil {
		t.Fatal(err)
	}
	if got := c.ProtocolVersion(); got != revision {
		t.Errorf("revision %s, want %s", got, revision)
	}
	call := func(name string, args map[string]any) string {
		t.Helper()
		var r mcp.CallToolRequest
		r.Params.Name, r.Params.Arguments = name, args
		if name == "test_tool_with_progress" {
			r.Params.Meta = &mcp.Meta{ProgressToken: "token"}
		}
		answer, err := c.CallTool(ctx, r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return ""
		}
		var text strings.Builder
		for _, part := range answer.Content {
			if part, ok := part.(mcp.TextContent); ok {
				text.WriteString(part.Text)
			}
		}
		if answer.IsError != (name == "test_error_handling") {
			t.Errorf("%s: isError %v: %s", name, answer.IsError, text.String())
		}
		return text.String()
	}
	says := func(what, got, want string) {
		t.Helper()
		if !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q in it", what, got, want)
		}
	}

	tools, err := c.ListTools(ctx, mcp.ListToolsRequest{})
	if err != nil || len(tools.Tools) < 20 {
		t.Errorf("tools: %v, %v", tools, err)
	}
	says("text", call("test_simple_text", nil), "This is a simple text response for testing.")
	says("error", call("test_error_handling", nil), "This tool intentionally returns an error for testing")
	for _, name := range []string{"test_image_content", "test_audio_content", "test_embedded_resource", "test_multiple_content_types"} {
		call(name, nil)
	}
	if _, asked := tr.(transport.BidirectionalInterface); asked { // not its SSE, which answers no requests
		says("roots", call("test_input_required_result_list_roots", nil), "file:///work")
		says("sampling", call("test_sampling", map[string]any{"prompt": "hello"}), "LLM response: sampled: hello")
	}
	if revision >= "2025-06-18" {
		says("elicitation", call("test_elicitation", map[string]any{"message": "Who?"}), "ann@example.org")
		says("input", call("test_input_required_result_elicitation", nil), "Hello, Ann!")
	}
	call("test_tool_with_progress", nil)
	told.until(t, "progress 50 of 100")
	told.until(t, "progress 100 of 100")
	var level mcp.SetLevelRequest
	level.Params.Level = mcp.LoggingLevelDebug
	if err := c.SetLevel(ctx, level); err != nil {
		t.Error(err)
	}
	call("test_tool_with_logging", nil)
	told.until(t, "log info")

	prompts, err := c.ListPrompts(ctx, mcp.ListPromptsRequest{})
	if err != nil || len(prompts.Prompts) < 4 {
		t.Errorf("prompts: %v, %v", prompts, err)
	}
	var get mcp.GetPromptRequest
	get.Params.Name, get.Params.Arguments = "test_prompt_with_arguments", map[string]string{"arg1": "one", "arg2": "two"}
	prompt, err := c.GetPrompt(ctx, get)
	if err != nil || len(prompt.Messages) == 0 {
		t.Fatalf("prompt: %v, %v", prompt, err)
	}
	text, _ := prompt.Messages[0].Content.(mcp.TextContent)
	says("prompt", text.Text, "one")
	says("prompt", text.Text, "two")
	get.Params.Name = "no_such_prompt"
	if _, err := c.GetPrompt(ctx, get); err == nil {
		t.Error("an unknown prompt was got")
	}
	var complete mcp.CompleteRequest
	complete.Params.Ref = mcp.PromptReference{Type: "ref/prompt", Name: "test_prompt_with_arguments"}
	complete.Params.Argument.Name = "arg1"
	if done, err := c.Complete(ctx, complete); err != nil || done.Completion.Values == nil {
		t.Errorf("completion: %v, %v", done, err)
	}

	resources, err := c.ListResources(ctx, mcp.ListResourcesRequest{})
	if err != nil || len(resources.Resources) < 3 {
		t.Errorf("resources: %v, %v", resources, err)
	}
	templates, err := c.ListResourceTemplates(ctx, mcp.ListResourceTemplatesRequest{})
	if err != nil || len(templates.ResourceTemplates) != 1 {
		t.Errorf("templates: %v, %v", templates, err)
	}
	read := func(uri string) (*mcp.ReadResourceResult, error) {
		var r mcp.ReadResourceRequest
		r.Params.URI = uri
		return c.ReadResource(ctx, r)
	}
	for uri, want := range map[string]string{
		"test://static-text":       "This is the content of the static text resource.",
		"test://template/123/data": "123",
	} {
		r, err := read(uri)
		if err != nil || len(r.Contents) != 1 {
			t.Errorf("%s: %v, %v", uri, r, err)
			continue
		}
		part, _ := r.Contents[0].(mcp.TextResourceContents)
		says(uri, part.Text, want)
	}
	if r, err := read("test://static-binary"); err != nil {
		t.Error(err)
	} else if part, _ := r.Contents[0].(mcp.BlobResourceContents); len(part.Blob) == 0 {
		t.Error("no bytes")
	}
	if _, err := read("test://none"); err == nil {
		t.Error("a resource that does not exist was read")
	}

	const watched = "test://watched-resource"
	if revision == modern {
		listening, stop := context.WithCancel(ctx)
		defer stop()
		ended := make(chan error, 1)
		go func() {
			ended <- c.Listen(listening, mcp.SubscriptionFilter{ToolsListChanged: true, PromptsListChanged: true, ResourceSubscriptions: []string{watched}})
		}()
		told.until(t, "notifications/subscriptions/acknowledged")
		defer func() { stop(); <-ended }()
	} else {
		var r mcp.SubscribeRequest
		r.Params.URI = watched
		if err := c.Subscribe(ctx, r); err != nil {
			t.Error(err)
		}
	}
	call("test_trigger_tool_change", nil)
	told.until(t, "notifications/tools/list_changed")
	call("test_trigger_prompt_change", nil)
	told.until(t, "notifications/prompts/list_changed")
	told.until(t, watched)
	if revision != modern {
		var r mcp.UnsubscribeRequest
		r.Params.URI = watched
		if err := c.Unsubscribe(ctx, r); err != nil {
			t.Error(err)
		}
	}
}
