package transports

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// Of those that listen by event streams, the ones that do not read are cut off
// at the bound of what is kept for them, and counted; the others are told
// everything, in time.
func TestWebSlowReaders(t *testing.T) {
	const bound = 64 << 10
	s, svc := webServer(t, mcp.Options{}, engine.Options{MaxOutputBytes: bound, OutputHighWater: bound})
	address, url := strings.TrimPrefix(s.Addrs()[0], "http://"), s.Addrs()[0]+"/mcp"
	subscribed := func() string {
		id := initialize(t, url, "2025-11-25")
		if r := post(t, url, `{"jsonrpc":"2.0","id":3,"method":"resources/subscribe","params":{"uri":"test://watched-resource"}}`, "Mcp-Session-Id", id); r.status != 200 {
			t.Fatalf("subscribe: %+v", r)
		}
		return id
	}
	body := `{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["test://watched-resource"]},` + webMeta + `}}`
	modern := []string{"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "subscriptions/listen"}
	stream, end := events(t, url, "GET", "", "Mcp-Session-Id", subscribed())
	defer end()
	listen, endListen := events(t, url, "POST", body, modern...)
	defer endListen()
	if m := listen(); !strings.Contains(m, "acknowledged") {
		t.Fatalf("got %s", m)
	}

	slow := 0
	for _, request := range []string{
		fmt.Sprintf("GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nMcp-Session-Id: %s\r\n\r\n", subscribed()),
		fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: subscriptions/listen\r\nContent-Length: %d\r\n\r\n%s", len(body), body),
	} {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, len("HTTP/1.1 200"))); err != nil { // it has begun, and reads no more
			t.Fatal(err)
		}
		slow++
	}
	cut := func() uint64 { return s.Snapshot().Engine.Closed[engine.CloseSlowReader] }
	var worst time.Duration
	updates := 0
	for begin := time.Now(); cut() < uint64(slow) && time.Since(begin) < 20*time.Second; {
		const burst = 100 // well below the bound, for those that read
		at := time.Now()
		for range burst {
			svc.ResourceUpdated("test://watched-resource")
		}
		for range burst {
			for _, next := range []func() string{stream, listen} {
				if m := next(); !strings.Contains(m, "resources/updated") {
					t.Fatalf("after %d updates: %s", updates, m)
				}
			}
			updates++
		}
		worst = max(worst, time.Since(at))
	}
	if n := cut(); n != uint64(slow) {
		t.Errorf("%d of %d that do not read are cut after %d updates", n, slow, updates)
	}
	if worst > 10*bystanderLimit() {
		t.Errorf("a burst took %v to those that read", worst)
	}
	if n := s.Snapshot().Engine.BufferedBytes; n > 4*bound {
		t.Errorf("%d bytes are held", n)
	}
}
