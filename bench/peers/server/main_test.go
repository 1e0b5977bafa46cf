package main

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	gosdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

func TestMain(m *testing.M) {
	if peer := os.Getenv("GANNET_TEST_PEER"); peer != "" {
		if err := run(peer, ""); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// Each peer answers echo with the text.
func TestServers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, peer := range []string{"go-sdk", "go-sdk-lowlevel", "mcp-go", "mcp-go-lowlevel"} {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "GANNET_TEST_PEER="+peer)
		s, err := gosdk.NewClient(&gosdk.Implementation{Name: "test", Version: "1"}, nil).Connect(ctx, &gosdk.CommandTransport{Command: cmd}, nil)
		if err != nil {
			t.Fatalf("%s: %v", peer, err)
		}
		r, err := s.CallTool(ctx, &gosdk.CallToolParams{Name: "echo", Arguments: map[string]any{"text": "hello"}})
		if err != nil || len(r.Content) != 1 || r.Content[0].(*gosdk.TextContent).Text != "hello" {
			t.Errorf("%s: %+v, %v", peer, r, err)
		}
		_ = s.Close()
	}
	if err := run("nobody", ""); err == nil {
		t.Error("a library that is not there serves")
	}
}
