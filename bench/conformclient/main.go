// Command conformclient is the client that the official conformance suite tests:
// it runs one of the suite's scenarios against the server that the suite plays.
//
//	conformclient URL
//
// The environment says which: MCP_CONFORMANCE_SCENARIO is its name,
// MCP_CONFORMANCE_PROTOCOL_VERSION, if it is there, the only revision to use,
// MCP_CONFORMANCE_CONTEXT what else the scenario needs, in JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports"
	"github.com/gannetmcp/gannet/transports/webclient"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "conformclient: want one argument, the server's URL")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
	defer cancel()
	if err := run(ctx, os.Args[1], os.Getenv("MCP_CONFORMANCE_SCENARIO")); err != nil {
		fmt.Fprintln(os.Stderr, "conformclient:", err)
		os.Exit(1)
	}
}

// scenarios are what to do once the session is negotiated, by name.
var scenarios = map[string]func(context.Context, *mcp.ClientSession) error{
	"initialize":                          listTools,
	"tools_call":                          addNumbers,
	"request-metadata":                    listTools,
	"json-schema-ref-no-deref":            listTools,
	"elicitation-sep1034-client-defaults": calls("test_client_elicitation_defaults"),
	"sse-retry":                           calls("test_reconnection"),
	"sep-2322-client-request-state":       calls("test_mrtr_echo_state", "test_mrtr_unrelated", "test_mrtr_no_state", "test_mrtr_no_result_type"),
	"http-standard-headers":               everything,
	"http-custom-headers":                 contextCalls,
	"http-invalid-tool-headers":           callAll,
	"json-schema-2020-12-preservation":    echoSchema,
}

func run(ctx context.Context, url, name string) error {
	scenario := scenarios[name]
	if scenario == nil {
		return fmt.Errorf("no scenario %q (MCP_CONFORMANCE_SCENARIO)", name)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	accept := func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
		return &mcp.ElicitResult{Action: "accept"}, nil
	}
	client := mcp.NewClient(mcp.ClientOptions{
		Name: "gannet-conformance", Version: "1.0", Logger: log,
		Revision: os.Getenv("MCP_CONFORMANCE_PROTOCOL_VERSION"), Elicitation: accept,
	})
	s, err := webclient.Dial(ctx, client, url, webclient.Options{
		Dial: transports.DialOptions{Logger: log},
		// This scenario takes whichever GET comes first for the resumption, and
		// answers the call on it.
		NoServerStream: name == "sse-retry",
	})
	if err != nil {
		return err
	}
	return errors.Join(scenario(ctx, s), s.Close())
}

func listTools(ctx context.Context, s *mcp.ClientSession) error {
	_, err := s.ListTools(ctx)
	return err
}

func addNumbers(ctx context.Context, s *mcp.ClientSession) error {
	if err := listTools(ctx, s); err != nil {
		return err
	}
	_, err := s.CallTool(ctx, "add_numbers", map[string]int{"a": 5, "b": 3})
	return err
}

// calls lists the tools and calls some of them without arguments.
func calls(names ...string) func(context.Context, *mcp.ClientSession) error {
	return func(ctx context.Context, s *mcp.ClientSession) error {
		if err := listTools(ctx, s); err != nil {
			return err
		}
		for _, name := range names {
			if _, err := s.CallTool(ctx, name, map[string]any{}); err != nil {
				return err
			}
		}
		return nil
	}
}

// callAll calls all tools that are listed, with something for each argument.
func callAll(ctx context.Context, s *mcp.ClientSession) error {
	tools, err := s.ListTools(ctx)
	if err != nil {
		return err
	}
	for _, t := range tools {
		var schema struct {
			Properties map[string]struct{ Type string }
		}
		if err := json.Unmarshal(t.InputSchema, &schema); err != nil {
			return err
		}
		args := map[string]any{}
		for name, p := range schema.Properties {
			switch p.Type {
			case "string":
				args[name] = "value"
			case "integer", "number":
				args[name] = 1
			case "boolean":
				args[name] = true
			}
		}
		if _, err := s.CallTool(ctx, t.Name, args); err != nil {
			return err
		}
	}
	return nil
}

// everything asks for one of each kind of thing that is listed.
func everything(ctx context.Context, s *mcp.ClientSession) error {
	if err := callAll(ctx, s); err != nil {
		return err
	}
	resources, err := s.ListResources(ctx)
	if err != nil {
		return err
	}
	for _, r := range resources {
		if _, err := s.ReadResource(ctx, r.URI); err != nil {
			return err
		}
	}
	prompts, err := s.ListPrompts(ctx)
	if err != nil {
		return err
	}
	for _, p := range prompts {
		if _, err := s.GetPrompt(ctx, p.Name, nil); err != nil {
			return err
		}
	}
	return nil
}

// contextCalls makes the calls that the suite asks for.
func contextCalls(ctx context.Context, s *mcp.ClientSession) error {
	var asked struct {
		ToolCalls []struct {
			Name      string
			Arguments json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(os.Getenv("MCP_CONFORMANCE_CONTEXT")), &asked); err != nil {
		return fmt.Errorf("MCP_CONFORMANCE_CONTEXT: %w", err)
	}
	if len(asked.ToolCalls) == 0 {
		return errors.New("MCP_CONFORMANCE_CONTEXT asks for no calls")
	}
	if err := listTools(ctx, s); err != nil {
		return err
	}
	for _, c := range asked.ToolCalls {
		if _, err := s.CallTool(ctx, c.Name, c.Arguments); err != nil {
			return err
		}
	}
	return nil
}

// echoSchema sends a schema back as it was received.
func echoSchema(ctx context.Context, s *mcp.ClientSession) error {
	tools, err := s.ListTools(ctx)
	if err != nil {
		return err
	}
	for _, t := range tools {
		if t.Name != "json_schema_echo" {
			if _, err := s.CallTool(ctx, "json_schema_echo", map[string]any{"schema": t.InputSchema}); err != nil {
				return err
			}
		}
	}
	return nil
}
