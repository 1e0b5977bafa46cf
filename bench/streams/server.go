package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports"
)

// resource is what every session subscribes to.
const resource = "bench://shared"

// serve is the server: one resource, and a tool that publishes to whoever has
// subscribed to it.
func serve(n int, profile string) error {
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	svc := mcp.NewServer(mcp.Options{Name: "streams", HTTP: mcp.HTTPOptions{MaxSessions: n + 16, KeepAlive: time.Hour}})
	svc.HandleResource(mcp.Resource{URI: resource, Name: "shared"}, mcp.Inline, func(c *mcp.Call) error { return c.Reply().TextString("x") })
	svc.HandleTool(mcp.Tool{Name: "publish", InputSchema: []byte(`{"type":"object"}`)}, mcp.Inline, func(c *mcp.Call) error {
		told, refused := svc.ResourceUpdated(resource)
		return c.Reply().TextString(fmt.Sprintf("told %d refused %d", told, refused))
	})
	s, err := transports.Listen(svc, transports.Options{
		Listeners: []transports.Listener{{URL: "http://127.0.0.1:0"}}, Loops: 1, MaxConnections: n + 16,
	})
	if err != nil {
		return err
	}
	fmt.Println(s.Addrs()[0])
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return s.Shutdown(ctx)
}
