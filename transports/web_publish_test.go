//go:build !race && !invariants

package transports

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// One publish reaches a thousand streams; what it costs does not depend on how
// often: after the first, the process allocates next to nothing for each stream
// that an event is written to and kept for, the clients' side included.
func TestAllocsPublish(t *testing.T) {
	const subscribers, warm, publishes = 1000, 40, 50
	s, svc := webServer(t, mcp.Options{HTTP: mcp.HTTPOptions{ReplayEvents: 32}}, engine.Options{})
	base := s.Addrs()[0]
	conns := make([]net.Conn, subscribers)
	for i := range conns {
		id := initialize(t, base+"/mcp", "2025-11-25")
		post(t, base+"/mcp", `{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"test://watched-resource"}}`, "Mcp-Session-Id", id)
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		fmt.Fprintf(conn, "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nMcp-Session-Id: %s\r\n\r\n", id)
		conns[i] = conn
	}
	buf := make([]byte, 64<<10)
	until := func(conn net.Conn, end string) {
		n := 0
		for !bytes.Contains(buf[:n], []byte(end)) {
			k, err := conn.Read(buf[n:])
			if err != nil {
				t.Fatalf("%v behind %q", err, buf[:n])
			}
			n += k
		}
	}
	for _, conn := range conns {
		until(conn, "retry: 1000\ndata: \n\n\r\n")
	}
	// An event is as long each time, but for its id: what is read is counted.
	publish := func(n int) {
		size := len(fmt.Sprintf("86\r\nid: 1_%d\nevent: message\ndata: ", n) + `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"test://watched-resource"}}` + "\n\n\r\n")
		if told, refused := svc.ResourceUpdated("test://watched-resource"); told != subscribers || refused != 0 {
			t.Fatalf("%d told, %d refused", told, refused)
		}
		for _, conn := range conns {
			if _, err := io.ReadFull(conn, buf[:size]); err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(buf[4:size], fmt.Appendf(buf[size:size], "id: 1_%d\n", n)) || !bytes.HasSuffix(buf[:size], []byte("\n\n\r\n")) {
				t.Fatalf("event %d: %q", n, buf[:size])
			}
		}
	}
	for n := range warm {
		publish(1 + n)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for n := range publishes {
		publish(1 + warm + n)
	}
	runtime.ReadMemStats(&after)
	if k := after.Mallocs - before.Mallocs; k > subscribers*publishes/25 { // some, of the pools that a collection empties
		t.Errorf("%d allocations for %d events that were written", k, subscribers*publishes)
	}
	if n := svc.Stats(); n.EventStreams != subscribers || n.ReplayBytes == 0 || n.EventsLost != 0 || n.Sessions != subscribers {
		t.Errorf("%+v", n)
	}
}

// An event of a response costs no allocation, be it written, kept or dropped to
// make room.
func TestAllocsEvents(t *testing.T) {
	s, svc := webServer(t, mcp.Options{}, engine.Options{})
	go1 := make(chan int)
	svc.HandleTool(mcp.Tool{Name: "many", InputSchema: []byte(`{"type":"object"}`)}, mcp.Pooled, func(c *mcp.Call) error {
		reported := 0.0
		for n := range go1 {
			for range n {
				reported++
				for c.Progress(reported, 0, "") != nil {
					time.Sleep(time.Millisecond) // the loop's queue is full
				}
			}
		}
		return c.Reply().TextString("done")
	})
	base := s.Addrs()[0]
	id := initialize(t, base+"/mcp", "2025-11-25")
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"many","_meta":{"progressToken":"p"}}}`
	fmt.Fprintf(conn, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nContent-Type: application/json\r\nMcp-Session-Id: %s\r\nContent-Length: %d\r\n\r\n%s", id, len(body), body)
	read := make(chan int, 1)
	go func() {
		buf, events := make([]byte, 256<<10), 0
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			if k := bytes.Count(buf[:n], []byte("0000")); k > 0 { // chunk heads; one that is cut in two is none
				events += k
				select {
				case <-read:
				default:
				}
				read <- events
			}
		}
	}()
	const events = 20_000
	run := func() {
		first := 0
		select {
		case first = <-read:
		default:
		}
		go1 <- events
		for last := first; last-first < events*9/10; {
			last = <-read
		}
		time.Sleep(50 * time.Millisecond)
	}
	run()
	// A queue that is full, and a reader who is late, are a busy machine's: the
	// least of three counts.
	least := uint64(math.MaxUint64)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		run()
		runtime.ReadMemStats(&after)
		least = min(least, after.Mallocs-before.Mallocs)
	}
	close(go1)
	if least > events/50 {
		t.Errorf("%d allocations for %d events", least, events)
	}
}
