package nethttp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports/nethttp"
)

// An MCP server at /tools/mcp of a program that serves other things, too. It is
// shut down before the http.Server, whose Shutdown waits for event streams.
func Example() {
	srv := mcp.NewServer(mcp.Options{Name: "greeter", Version: "1.0"})
	srv.HandleTool(mcp.Tool{Name: "greet"}, mcp.Pooled, func(c *mcp.Call) error { return c.Reply().TextString("Hello!") })
	h, err := nethttp.New(srv, nethttp.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/tools/", http.StripPrefix("/tools", h))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "the rest of the program") })
	s := httptest.NewServer(mux)
	defer s.Close()

	res, err := http.Post(s.URL+"/tools/mcp", "application/json", strings.NewReader(
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	fmt.Println(res.StatusCode, len(res.Header.Get("Mcp-Session-Id")))

	grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(h.Shutdown(grace))
	// Output:
	// 200 22
	// <nil>
}
