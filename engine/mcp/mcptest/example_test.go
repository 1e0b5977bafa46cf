package mcptest_test

import (
	"context"
	"fmt"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/mcptest"
)

// t stands for the *testing.T of a test.
var t printer

type printer struct{}

func (printer) Helper()                        {}
func (printer) Cleanup(func())                 {}
func (printer) Errorf(format string, a ...any) { fmt.Printf(format+"\n", a...) }
func (printer) Fatal(a ...any)                 { panic(fmt.Sprint(a...)) }

// A test of a tool, in memory and through the whole engine. Close, which a
// test calls by itself at its end, complains about what the server has not
// given back.
func Example() {
	srv := mcp.NewServer(mcp.Options{Name: "greeter", Version: "1.0"})
	srv.HandleTool(mcp.Tool{
		Name:        "greet",
		InputSchema: []byte(`{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}`),
		Validate:    true,
	}, mcp.Pooled, func(c *mcp.Call) error {
		name, err := c.Args().Bytes("name")
		if err != nil {
			return err
		}
		_ = c.Progress(1, 2, "halfway")
		return c.Reply().Text(append([]byte("Hello "), name...))
	})

	c := mcptest.New(t, srv)
	defer c.Close()
	ctx := context.Background()
	if _, err := c.Initialize(ctx, mcp.Revision20250618); err != nil {
		t.Fatal(err)
	}
	res, err := c.CallTool(ctx, "greet", map[string]any{"name": "Ada"})
	fmt.Println(res.Text(), err)

	c.SetModern(true) // from here on each request names revision 2026-07-28
	res, err = c.CallTool(ctx, "greet", map[string]any{"name": 7})
	fmt.Println(res.IsError, res.Text(), err)
	_, err = c.CallTool(ctx, "wave", nil)
	fmt.Println(err)
	// Output:
	// Hello Ada <nil>
	// true Invalid arguments: name must be a string <nil>
	// mcp: Unknown tool: wave
}
