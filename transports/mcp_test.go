package transports_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
	"github.com/gannetmcp/gannet/transports"
)

// The whole way, from bytes of a peer to a tool and back, is the same on each
// transport.
func TestMCP(t *testing.T) {
	dir, err := os.MkdirTemp("", "g")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, url := range []string{"tcp://127.0.0.1:0", "unix://" + filepath.Join(dir, "s"), "stdio"} {
		t.Run(url[:strings.IndexAny(url+":", ":")], func(t *testing.T) {
			stdin, toServer, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			fromServer, stdout, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				for _, f := range []*os.File{stdin, toServer, fromServer, stdout} {
					_ = f.Close()
				}
			}()
			srv := mcp.NewServer(mcp.Options{Name: "demo", Version: "1"})
			fixture.AddDemo(srv)
			s, err := transports.Listen(srv, transports.Options{
				Loops: 1, Listeners: []transports.Listener{{URL: url}}, Stdin: stdin, Stdout: stdout,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = toServer.Close()
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			w, r := io.Writer(toServer), io.Reader(fromServer)
			if network, addr, ok := strings.Cut(s.Addrs()[0], "://"); ok {
				c, err := net.Dial(network, addr)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				w, r = c, c
			}
			lines := bufio.NewReader(r)
			for _, x := range []struct{ send, want string }{
				{`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`, `"protocolVersion":"2025-06-18"`},
				{`{"jsonrpc":"2.0","method":"notifications/initialized"}`, ""},
				{`{"jsonrpc":"2.0","id":2,"method":"tools/list"}`, `"name":"echo"`},
				{`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"echo","arguments":{"text":"over the wire"}}}`, `"text":"over the wire"`},
				{`{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"delay","arguments":{"ms":10,"text":"from a worker"}}}`, `"text":"from a worker"`},
				{`{"jsonrpc":"2.0","id":5,"method":"no/such"}`, `"code":-32601`},
				{`{"jsonrpc":"2.0","id":6,"method":"ping"}`, `"result":{}`},
			} {
				if _, err := fmt.Fprintln(w, x.send); err != nil {
					t.Fatal(err)
				}
				if x.want == "" {
					continue
				}
				if got, err := lines.ReadString('\n'); err != nil || !strings.Contains(got, x.want) {
					t.Errorf("%s: got %.300s, %v; want %s in it", x.send, got, err, x.want)
				}
			}
		})
	}
}
