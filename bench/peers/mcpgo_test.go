package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
)

var mcpGo = library{
	name: "mcp-go",
	stdio: func(t *testing.T, revision string, command []string) (interopClient, error) {
		return newMCPGo(t, revision, transport.NewStdio(command[0], nil, command[1:]...))
	},
	stream: func(t *testing.T, revision string, c net.Conn) (interopClient, error) {
		return newMCPGo(t, revision, transport.NewIO(c, c, io.NopCloser(eof{})))
	},
	revisions:   []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", modern},
	newest:      modern,
	pingsModern: false,
}

// eof is a log that says nothing.
type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

type mcpGoClient struct {
	c *client.Client

	mu       sync.Mutex
	progress map[string]func(done, total float64)
	token    int
}

func newMCPGo(t *testing.T, revision string, tr transport.Interface) (interopClient, error) {
	g := &mcpGoClient{c: client.NewClient(tr), progress: map[string]func(done, total float64){}}
	if err := g.c.Start(t.Context()); err != nil {
		return nil, err
	}
	g.c.OnNotification(func(n mcp.JSONRPCNotification) {
		if n.Method != "notifications/progress" {
			return
		}
		fields := n.Params.AdditionalFields
		g.mu.Lock()
		f := g.progress[fmt.Sprint(fields["progressToken"])]
		g.mu.Unlock()
		done, _ := fields["progress"].(float64)
		total, _ := fields["total"].(float64)
		if f != nil {
			f(done, total)
		}
	})
	var r mcp.InitializeRequest
	r.Params.ProtocolVersion = revision
	r.Params.ClientInfo = mcp.Implementation{Name: "interop", Version: "1"}
	_, err := g.c.Initialize(t.Context(), r)
	return g, err
}

func (g *mcpGoClient) revision() string               { return g.c.ProtocolVersion() }
func (g *mcpGoClient) ping(ctx context.Context) error { return g.c.Ping(ctx) }
func (g *mcpGoClient) close() error                   { return g.c.Close() }

func (g *mcpGoClient) tools(ctx context.Context) (all []tool, err error) {
	r, err := g.c.ListTools(ctx, mcp.ListToolsRequest{})
	if err != nil {
		return nil, err
	}
	for _, t := range r.Tools {
		schema, err := json.Marshal(t.InputSchema)
		if err != nil {
			return nil, err
		}
		all = append(all, tool{t.Name, string(schema)})
	}
	return all, nil
}

func (g *mcpGoClient) call(ctx context.Context, name string, args map[string]any, progress func(done, total float64)) (result, error) {
	var r mcp.CallToolRequest
	r.Params.Name, r.Params.Arguments = name, args
	if progress != nil {
		g.mu.Lock()
		g.token++
		token := fmt.Sprint("token-", g.token)
		g.progress[token] = progress
		g.mu.Unlock()
		r.Params.Meta = &mcp.Meta{ProgressToken: token}
	}
	answer, err := g.c.CallTool(ctx, r)
	if err != nil {
		return result{}, err
	}
	out := result{isError: answer.IsError}
	for _, c := range answer.Content {
		if t, ok := c.(mcp.TextContent); ok {
			out.text += t.Text
		}
	}
	if answer.StructuredContent != nil {
		b, err := json.Marshal(answer.StructuredContent)
		if err != nil {
			return out, err
		}
		out.structured = string(b)
	}
	return out, nil
}
