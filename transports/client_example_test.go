package transports_test

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/pool"
	"github.com/gannetmcp/gannet/transports"
)

// A client calls a tool of a server on a TCP port.
func ExampleDial() {
	srv := mcp.NewServer(mcp.Options{Name: "greeter", Version: "1.0"})
	mcp.AddTool(srv, mcp.Tool{Name: "greet"}, func(_ context.Context, in struct {
		Name string `json:"name"`
	}) (string, error) {
		return "Hello, " + in.Name, nil
	})
	l, err := transports.Listen(srv, transports.Options{Listeners: []transports.Listener{{URL: "tcp://127.0.0.1:0"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client := mcp.NewClient(mcp.ClientOptions{Name: "caller", Version: "1.0"})
	s, err := transports.Dial(ctx, client, l.Addrs()[0], transports.DialOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	r, err := s.CallTool(ctx, "greet", map[string]string{"name": "Ann"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Info().Revision, r.Text())
	// Output: 2026-07-28 Hello, Ann
}

// Many goroutines share a few connections to a server.
func ExampleDialPool() {
	srv := mcp.NewServer(mcp.Options{Name: "doubler", Version: "1.0"})
	mcp.AddTool(srv, mcp.Tool{Name: "double"}, func(_ context.Context, in struct {
		N int `json:"n"`
	}) (string, error) {
		return strconv.Itoa(2 * in.N), nil
	})
	l, err := transports.Listen(srv, transports.Options{Listeners: []transports.Listener{{URL: "tcp://127.0.0.1:0"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client := mcp.NewClient(mcp.ClientOptions{Name: "caller", Version: "1.0"})
	p, err := transports.DialPool(client, l.Addrs()[0], transports.DialOptions{}, pool.PoolOptions{Size: 2, Max: 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close(ctx)
	var sum atomic.Int64
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			err := p.Do(ctx, func(ctx context.Context, s *mcp.ClientSession) error {
				r, err := s.CallTool(ctx, "double", map[string]int{"n": i})
				if err == nil {
					n, _ := strconv.Atoi(r.Text())
					sum.Add(int64(n))
				}
				return err
			})
			if err != nil {
				fmt.Println(err)
			}
		})
	}
	wg.Wait()
	fmt.Println(sum.Load(), p.Snapshot().PeakOpen <= 4)
	// Output: 9900 true
}

// The public TypeScript server that has everything, started over stdio: listed
// and called.
func ExampleCommand() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client := mcp.NewClient(mcp.ClientOptions{Name: "lister", Version: "1.0"})
	server := exec.Command("npx", "-y", "@modelcontextprotocol/server-everything")
	s, err := transports.Command(ctx, client, server, transports.CommandOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	tools, err := s.ListTools(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range tools {
		fmt.Println(t.Name, t.Description)
	}
	r, err := s.CallTool(ctx, "echo", map[string]any{"message": "hello"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Text())
}
