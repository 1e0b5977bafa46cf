package mcp_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/mcptest"
)

// A typed tool: schemas come from the types, arguments are judged by them.
func ExampleAddTool() {
	type Query struct {
		City string `json:"city" jsonschema:"name of the city"`
		Days int    `json:"days,omitempty" jsonschema:"how many days, 1 if left out"`
	}
	type Forecast struct {
		Text string `json:"text"`
	}
	srv := mcp.NewServer(mcp.Options{Name: "weather", Version: "1.0"})
	mcp.AddTool(srv, mcp.Tool{Name: "forecast", Description: "Forecast for a city"},
		func(_ context.Context, q Query) (Forecast, error) {
			return Forecast{"Rain in " + q.City}, nil
		})
	try(srv, "forecast", map[string]any{"city": "Lerwick"})
	try(srv, "forecast", map[string]any{"city": 7})
	// Output:
	// {"text":"Rain in Lerwick"}
	// error: Invalid arguments: city must be a string
}

// A raw tool reads its arguments where they lie and appends its reply to the
// connection's output: nothing is allocated.
func ExampleServer_HandleTool() {
	srv := mcp.NewServer(mcp.Options{Name: "echo", Version: "1.0"})
	srv.HandleTool(mcp.Tool{
		Name:        "echo",
		InputSchema: []byte(`{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}`),
	}, mcp.Inline, func(c *mcp.Call) error {
		text, err := c.Args().Bytes("text") // valid until the handler returns
		if err != nil {
			return err
		}
		return c.Reply().Text(text)
	})
	try(srv, "echo", map[string]any{"text": "hello"})
	try(srv, "echo", nil)
	// Output:
	// hello
	// error: Invalid arguments: text is missing; it must be a string
}

// Middleware goes round every request.
func ExampleServer_Use() {
	srv := mcp.NewServer(mcp.Options{Name: "watched", Version: "1.0"})
	srv.Use(func(next mcp.Handler) mcp.Handler {
		return func(c *mcp.Call) error {
			fmt.Println(strings.TrimSpace(string(c.Method()) + " " + c.Tool()))
			return next(c)
		}
	})
	srv.HandleTool(mcp.Tool{Name: "hello"}, mcp.Inline, func(c *mcp.Call) error { return c.Reply().TextString("hi") })
	try(srv, "hello", nil)
	// Output:
	// initialize
	// tools/call hello
	// hi
}

// try calls a tool by an in-memory client. In a test, mcptest.New takes the
// test's own t, and fails it if the server leaves something behind.
func try(srv *mcp.Server, tool string, args map[string]any) {
	t := &testing.T{}
	c := mcptest.New(t, srv)
	defer c.Close()
	if _, err := c.Initialize(context.Background(), mcp.LatestLegacyRevision); err != nil {
		fmt.Println(err)
		return
	}
	r, err := c.CallTool(context.Background(), tool, args)
	switch {
	case err != nil:
		fmt.Println(err)
	case r.IsError:
		fmt.Println("error:", r.Text())
	default:
		fmt.Println(r.Text())
	}
}

// A handler that asks its client: written once, for clients that are sent a
// request and for those that are asked by the answer to their own.
func ExampleCall_Elicit() {
	srv := mcp.NewServer(mcp.Options{Name: "travel", Version: "1.0"})
	srv.HandleTool(mcp.Tool{Name: "book"}, mcp.Pooled, func(c *mcp.Call) error {
		answer, err := c.Elicit("seat", &mcp.ElicitRequest{
			Message:         "Where do you want to sit?",
			RequestedSchema: []byte(`{"type":"object","properties":{"seat":{"type":"string","enum":["window","aisle"]}},"required":["seat"]}`),
		})
		if err != nil {
			return err // mcp.ErrInputRequired among others
		}
		if !answer.Accepted() {
			return c.Reply().TextString("not booked")
		}
		return c.Reply().TextString(fmt.Sprint("booked a seat: ", answer.Content["seat"]))
	})
	t := &testing.T{}
	client := mcptest.New(t, srv)
	defer client.Close()
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}`
	client.Send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"book",` + meta + `}}`)
	asked, _ := client.Receive(context.Background())
	fmt.Println(strings.Contains(asked, `"resultType":"input_required"`))
	client.Send(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"book","inputResponses":{"seat":{"action":"accept","content":{"seat":"aisle"}}},` + meta + `}}`)
	done, _ := client.Receive(context.Background())
	fmt.Println(strings.Contains(done, "booked a seat: aisle"))
	// Output:
	// true
	// true
}
