// Command server is an MCP server by a library that others wrote, on standard
// input and output or over HTTP, with the tool echo {text} of gannet serve
// --demo: something to compare with.
//
//	server -peer go-sdk|go-sdk-lowlevel|mcp-go|mcp-go-lowlevel [-http 127.0.0.1:0]
//	server -peer net-http|fasthttp|gobwas|gobwas-64k|gws -http 127.0.0.1:0
//	server … -metrics 127.0.0.1:0
//
// net-http, fasthttp, gobwas and gws serve no MCP: they answer by what they are
// sent, the last two on WebSockets, which is the floor of a server that is built on
// them.
//
// go-sdk has a typed tool, the library's usual way; go-sdk-lowlevel the raw one.
// mcp-go is served by the library's own transports; mcp-go-lowlevel hands each
// message to MCPServer.HandleMessage, with nothing in between but reading and
// writing (lowlevel.go).
// With -http the address is printed as the first line of standard output. With
// -metrics what the runtime counts is a page beside, whose URL is said on standard
// error (metrics.go).
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
	mcpgoserver "github.com/mark3labs/mcp-go/server"
	gosdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/valyala/fasthttp"
)

func main() {
	peer := flag.String("peer", "go-sdk", "`library`: go-sdk, go-sdk-lowlevel, mcp-go or mcp-go-lowlevel")
	address := flag.String("http", "", "serve Streamable HTTP without sessions on this `address`; else standard input and output")
	flag.BoolVar(&h2c, "h2c", false, "of a server on net/http: HTTP/2 by prior knowledge too")
	page := flag.String("metrics", "", "serve the runtime's metrics for Prometheus on this `address`, under /metrics")
	flag.Parse()
	if *page != "" {
		if err := serveMetrics(*page); err != nil {
			fmt.Fprintln(os.Stderr, "server: -metrics:", err)
			os.Exit(1)
		}
	}
	if err := run(*peer, *address); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

func run(peer, address string) error {
	switch peer {
	case "go-sdk", "go-sdk-lowlevel":
		s := goSDK(peer == "go-sdk-lowlevel")
		if address == "" {
			return s.Run(context.Background(), &gosdk.StdioTransport{})
		}
		return serve(address, gosdk.NewStreamableHTTPHandler(func(*http.Request) *gosdk.Server { return s },
			&gosdk.StreamableHTTPOptions{Stateless: true, JSONResponse: true}))
	case "net-http":
		return serve(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body)
		}))
	case "fasthttp":
		l, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		fmt.Printf("http://%s\n", l.Addr())
		return fasthttp.Serve(l, func(c *fasthttp.RequestCtx) {
			c.SetContentType("application/json")
			_, _ = c.Write(c.PostBody())
		})
	case "gobwas":
		return echoGobwas(address, 4<<10)
	case "gobwas-64k":
		return echoGobwas(address, 64<<10)
	case "gws":
		return echoGWS(address)
	case "mcp-go-lowlevel":
		s := mcpGo()
		if address == "" {
			return serveLines(s, os.Stdin, os.Stdout)
		}
		return serve(address, bodies{s})
	case "mcp-go":
		s := mcpGo()
		if address == "" {
			return mcpgoserver.ServeStdio(s)
		}
		return serve(address, mcpgoserver.NewStreamableHTTPServer(s, mcpgoserver.WithStateLess(true)))
	}
	return fmt.Errorf("-peer %s: no such library; there are go-sdk, go-sdk-lowlevel, mcp-go, mcp-go-lowlevel, net-http, fasthttp, gobwas, gobwas-64k and gws", peer)
}

// h2c has serve speak HTTP/2 as well.
var h2c bool

// serve serves h and prints where.
func serve(address string, h http.Handler) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", l.Addr())
	srv := &http.Server{Handler: h, Protocols: new(http.Protocols)}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(h2c)
	return srv.Serve(l)
}

type echoArguments struct {
	Text string `json:"text" jsonschema:"what to return"`
}

func goSDK(lowlevel bool) *gosdk.Server {
	s := gosdk.NewServer(&gosdk.Implementation{Name: "peer", Version: "1"}, nil)
	tool := &gosdk.Tool{Name: "echo", Description: "Returns text unchanged."}
	reply := func(text string) *gosdk.CallToolResult {
		return &gosdk.CallToolResult{Content: []gosdk.Content{&gosdk.TextContent{Text: text}}}
	}
	if lowlevel {
		tool.InputSchema = json.RawMessage(`{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}`)
		s.AddTool(tool, func(_ context.Context, r *gosdk.CallToolRequest) (*gosdk.CallToolResult, error) {
			var a echoArguments
			if err := json.Unmarshal(r.Params.Arguments, &a); err != nil {
				return nil, err
			}
			return reply(a.Text), nil
		})
		return s
	}
	gosdk.AddTool(s, tool, func(_ context.Context, _ *gosdk.CallToolRequest, a echoArguments) (*gosdk.CallToolResult, any, error) {
		return reply(a.Text), nil, nil
	})
	return s
}

func mcpGo() *mcpgoserver.MCPServer {
	s := mcpgoserver.NewMCPServer("peer", "1")
	s.AddTool(mcpgo.NewTool("echo", mcpgo.WithDescription("Returns text unchanged."), mcpgo.WithString("text", mcpgo.Required())),
		func(_ context.Context, r mcpgo.CallToolRequest) (*mcpgo.CallToolResult, error) {
			text, err := r.RequireString("text")
			if err != nil {
				return mcpgo.NewToolResultError(err.Error()), nil
			}
			return mcpgo.NewToolResultText(text), nil
		})
	return s
}
