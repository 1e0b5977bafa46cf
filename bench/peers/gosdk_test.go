package peers

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

var goSDK = library{
	name: "go-sdk",
	stdio: func(t *testing.T, revision string, command []string) (interopClient, error) {
		return newGoSDK(t, revision, &mcp.CommandTransport{Command: exec.Command(command[0], command[1:]...), TerminateDuration: 10 * time.Second})
	},
	stream: func(t *testing.T, revision string, c net.Conn) (interopClient, error) {
		// It closes both, which are one and the same here.
		return newGoSDK(t, revision, &mcp.IOTransport{Reader: c, Writer: unclosed{c}})
	},
	revisions:   []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", modern},
	newest:      modern,
	pingsModern: false,
}

type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

type goSDKClient struct {
	session *mcp.ClientSession

	mu       sync.Mutex
	progress map[any]func(done, total float64)
	token    int
}

func newGoSDK(t *testing.T, revision string, transport mcp.Transport) (interopClient, error) {
	g := &goSDKClient{progress: map[any]func(done, total float64){}}
	c := mcp.NewClient(&mcp.Implementation{Name: "interop", Version: "1"}, &mcp.ClientOptions{
		ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) {
			g.mu.Lock()
			f := g.progress[r.Params.ProgressToken]
			g.mu.Unlock()
			if f != nil {
				f(r.Params.Progress, r.Params.Total)
			}
		},
	})
	s, err := c.Connect(t.Context(), transport, &mcp.ClientSessionOptions{ProtocolVersion: revision})
	g.session = s
	return g, err
}

func (g *goSDKClient) revision() string               { return g.session.InitializeResult().ProtocolVersion }
func (g *goSDKClient) ping(ctx context.Context) error { return g.session.Ping(ctx, nil) }
func (g *goSDKClient) close() error                   { return g.session.Close() }

func (g *goSDKClient) tools(ctx context.Context) (all []tool, err error) {
	r, err := g.session.ListTools(ctx, nil)
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

func (g *goSDKClient) call(ctx context.Context, name string, args map[string]any, progress func(done, total float64)) (result, error) {
	p := &mcp.CallToolParams{Name: name, Arguments: args}
	if progress != nil {
		g.mu.Lock()
		g.token++
		token := "token-" + string(rune('a'+g.token))
		g.progress[token] = progress
		g.mu.Unlock()
		p.SetProgressToken(token)
	}
	r, err := g.session.CallTool(ctx, p)
	if err != nil {
		return result{}, err
	}
	out := result{isError: r.IsError}
	for _, c := range r.Content {
		if t, ok := c.(*mcp.TextContent); ok {
			out.text += t.Text
		}
	}
	if r.StructuredContent != nil {
		b, err := json.Marshal(r.StructuredContent)
		if err != nil {
			return out, err
		}
		out.structured = string(b)
	}
	return out, nil
}
