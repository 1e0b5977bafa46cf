package load

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// A fault is what a test server does to one reply instead of sending it as it
// should. reply is the good line, newline included; nil sends nothing. closing
// ends the connection behind what is returned.
type fault func(n int, id uint64, reply string) (lines []string, closing bool)

// serveLines answers initialize, ping and tools/call echo as a plain server
// would, with faults in the answers numbered n >= 1 of each connection. The
// generator's first request of a connection is answered without.
func serveLines(r io.Reader, w io.Writer, f fault) {
	in := bufio.NewReader(r)
	out := bufio.NewWriter(w)
	defer func() { _ = out.Flush() }()
	for n := 0; ; {
		if in.Buffered() == 0 && out.Flush() != nil {
			return
		}
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var m struct {
			ID     *uint64
			Method string
			Params struct{ Arguments struct{ Text string } }
		}
		if json.Unmarshal(line, &m) != nil || m.ID == nil {
			continue
		}
		var reply string
		switch m.Method {
		case "initialize":
			fmt.Fprintf(out, `{"jsonrpc":"2.0","method":"notifications/message","params":{}}`+"\n")
			fmt.Fprintf(out, `{"jsonrpc":"2.0","id":%d,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}`+"\n", *m.ID)
			continue
		case "ping":
			reply = fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{}}`+"\n", *m.ID)
		case "tools/call":
			reply = fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":%q}]}}`+"\n", *m.ID, m.Params.Arguments.Text)
		}
		lines, closing := []string{reply}, false
		if f != nil && n > 0 {
			lines, closing = f(n, *m.ID, reply)
		}
		n++
		for _, l := range lines {
			_, _ = out.WriteString(l) // a failed write shows at the flush
		}
		if closing {
			return
		}
	}
}

// listen serves every connection to the address by serve, until the test ends.
func listen(t testing.TB, network, address string, serve func(net.Conn)) net.Addr {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				serve(c)
			}()
		}
	}()
	return l.Addr()
}

// runBounded runs o and fails the test if that takes longer than within.
func runBounded(t *testing.T, o Options, within time.Duration) *Result {
	t.Helper()
	type outcome struct {
		r   *Result
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		r, err := Run(o)
		done <- outcome{r, err}
	}()
	select {
	case got := <-done:
		if got.err != nil {
			t.Fatal(got.err)
		}
		return got.r
	case <-time.After(within):
		t.Fatalf("no result within %v", within)
	}
	return nil
}

// only passes reply number k, and numbers beyond, to f and leaves the others.
func only(k int, f fault) fault {
	return func(n int, id uint64, reply string) ([]string, bool) {
		if n == k {
			return f(n, id, reply)
		}
		return []string{reply}, false
	}
}

// TestFaults asks for 200 pings on one connection at depth 8 of servers that
// treat one reply badly, and checks every counter.
func TestFaults(t *testing.T) {
	t.Parallel()
	ids := func(id uint64) string { return fmt.Sprint(id) }
	swap := func() fault {
		held := ""
		return func(n int, _ uint64, reply string) ([]string, bool) {
			switch n {
			case 50:
				held = reply
				return nil, false
			case 52:
				return []string{reply, held}, false
			}
			return []string{reply}, false
		}
	}
	for _, c := range []struct {
		name      string
		fault     fault
		want      Errors
		answered  int64
		slow      int64
		reordered int64
		notes     int64
	}{
		{name: "right", answered: 200},
		{name: "drops one", answered: 199, reordered: 150, want: Errors{TimedOut: 1},
			fault: only(50, func(int, uint64, string) ([]string, bool) { return nil, false })},
		{name: "answers a wrong id", answered: 199, reordered: 150, want: Errors{TimedOut: 1, UnknownID: 1},
			fault: only(50, func(int, uint64, string) ([]string, bool) {
				return []string{`{"jsonrpc":"2.0","id":9999999999,"result":{}}` + "\n"}, false
			})},
		{name: "answers twice", answered: 200, want: Errors{DuplicateID: 1},
			fault: only(50, func(_ int, _ uint64, r string) ([]string, bool) { return []string{r, r}, false })},
		{name: "out of order", answered: 200, reordered: 2, fault: swap()},
		{name: "no JSON", answered: 199, reordered: 150, want: Errors{TimedOut: 1, Malformed: 1},
			fault: only(50, func(int, uint64, string) ([]string, bool) { return []string{"oops\n"}, false })},
		{name: "JSON-RPC error", answered: 199, want: Errors{RPC: 1},
			fault: only(50, func(_ int, id uint64, _ string) ([]string, bool) {
				return []string{`{"jsonrpc":"2.0","id":` + ids(id) + `,"error":{"code":-32603,"message":"x"}}` + "\n"}, false
			})},
		{name: "another spelling", answered: 200, slow: 1,
			fault: only(50, func(_ int, id uint64, _ string) ([]string, bool) {
				return []string{`{"id":` + ids(id) + `, "result":{}, "jsonrpc":"2.0"}` + "\n\r\n\n"}, false
			})},
		{name: "another result", answered: 199, want: Errors{Payload: 1},
			fault: only(50, func(_ int, id uint64, _ string) ([]string, bool) {
				return []string{`{"jsonrpc":"2.0","id":` + ids(id) + `,"result":true}` + "\n"}, false
			})},
		{name: "notifies and asks", answered: 200, notes: 1, want: Errors{Unexpected: 1},
			fault: only(50, func(_ int, _ uint64, r string) ([]string, bool) {
				return []string{`{"jsonrpc":"2.0","method":"notifications/message"}` + "\n", r, `{"jsonrpc":"2.0","id":1,"method":"ping"}` + "\n"}, false
			})},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := listen(t, "tcp", "127.0.0.1:0", func(conn net.Conn) { serveLines(conn, conn, c.fault) })
			r := runBounded(t, Options{
				Target: "tcp://" + addr.String(), Depth: 8, Count: 200, Timeout: 300 * time.Millisecond, ServerPID: os.Getpid(),
			}, 10*time.Second)
			if r.Sent != 200 || r.Answered != c.answered || r.Messages != c.answered {
				t.Errorf("sent %d, answered %d, %d in the measured time; want 200 and %d", r.Sent, r.Answered, r.Messages, c.answered)
			}
			if r.Errors != c.want || r.ErrorTotal != c.want.Total() {
				t.Errorf("errors: %s; want %s", &r.Errors, &c.want)
			}
			if r.SlowChecks != c.slow || r.Reordered != c.reordered || r.Notes != c.notes {
				t.Errorf("%d parsed, %d out of order, %d notifications; want %d, %d, %d",
					r.SlowChecks, r.Reordered, r.Notes, c.slow, c.reordered, c.notes)
			}
			if l := r.Latency; l.P50 <= 0 || l.P50 > l.P99 || l.P99 > l.P999 || l.P999 > l.Max {
				t.Errorf("latencies %+v", l)
			}
			if r.Server == nil || r.Server.RSSAfter <= 0 {
				t.Errorf("server %+v", r.Server)
			}
		})
	}
}

// TestCloses has servers that end a connection early: the others go on, what
// was in flight is lost, nothing hangs.
func TestCloses(t *testing.T) {
	var accepted atomic.Int32
	addr := listen(t, "tcp", "127.0.0.1:0", func(conn net.Conn) {
		var f fault
		if accepted.Add(1) == 1 {
			// Within the first requests: the other connection may ask for the rest.
			f = only(3, func(int, uint64, string) ([]string, bool) { return nil, true })
		}
		serveLines(conn, conn, f)
	})
	r := runBounded(t, Options{Target: "tcp://" + addr.String(), Conns: 2, Depth: 4, Count: 1000, Timeout: time.Second}, 10*time.Second)
	if r.Errors.Closed != 1 || r.Errors.Lost < 1 || r.Errors.Lost > 4 || r.ErrorTotal != 1+r.Errors.Lost {
		t.Errorf("errors: %s", &r.Errors)
	}
	if r.Sent != 1000 || r.Answered != 1000-r.Errors.Lost {
		t.Errorf("sent %d, answered %d, lost %d", r.Sent, r.Answered, r.Errors.Lost)
	}

	addr = listen(t, "tcp", "127.0.0.1:0", func(conn net.Conn) {
		serveLines(conn, conn, only(50, func(int, uint64, string) ([]string, bool) { return nil, true }))
	})
	r = runBounded(t, Options{Target: "tcp://" + addr.String(), Conns: 3, Depth: 4, Duration: 5 * time.Second}, 4*time.Second)
	if r.Errors.Closed != 3 || r.Answered+r.Errors.Lost != r.Sent {
		t.Errorf("all close: errors: %s; sent %d, answered %d", &r.Errors, r.Sent, r.Answered)
	}
}

// TestSilent has servers that stop answering, or never start.
func TestSilent(t *testing.T) {
	t.Parallel()
	addr := listen(t, "tcp", "127.0.0.1:0", func(conn net.Conn) {
		serveLines(conn, conn, func(n int, _ uint64, reply string) ([]string, bool) {
			if n < 20 {
				return []string{reply}, false
			}
			return nil, false
		})
	})
	r := runBounded(t, Options{Target: "tcp://" + addr.String(), Depth: 4, Duration: 30 * time.Second, Timeout: 200 * time.Millisecond}, 10*time.Second)
	if r.Errors != (Errors{TimedOut: 4}) {
		t.Errorf("errors: %s", &r.Errors)
	}

	addr = listen(t, "tcp", "127.0.0.1:0", func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	begin := time.Now()
	if _, err := Run(Options{Target: "tcp://" + addr.String(), Timeout: 200 * time.Millisecond}); err == nil {
		t.Error("a silent server passes the handshake")
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("the handshake took %v", d)
	}
	if _, err := Run(Options{Target: "unix://" + filepath.Join(t.TempDir(), "absent")}); err == nil {
		t.Error("connected to a socket that is not there")
	}
}

// TestRaw checks the order and the bytes of an echo.
func TestRaw(t *testing.T) {
	addr := listen(t, "tcp", "127.0.0.1:0", func(conn net.Conn) { _, _ = io.Copy(conn, conn) })
	o := Options{Target: "tcp://" + addr.String(), Method: MethodRaw, Conns: 4, Depth: 16, Warmup: 50 * time.Millisecond,
		Duration: 150 * time.Millisecond, Timeout: time.Second}
	r := runBounded(t, o, 10*time.Second)
	if r.ErrorTotal != 0 || r.Messages == 0 || r.Answered != r.Sent || r.Answered < r.Messages {
		t.Errorf("%+v", r)
	}
	// Far more than the kernel's buffers hold.
	o.Size, o.Depth, o.Warmup, o.Duration, o.Count = 1<<20, 12, 0, 0, 60
	r = runBounded(t, o, 20*time.Second)
	if r.ErrorTotal != 0 || r.Messages != 60 {
		t.Errorf("1 MiB lines: %d, errors: %s", r.Messages, &r.Errors)
	}

	addr = listen(t, "tcp", "127.0.0.1:0", func(conn net.Conn) {
		in := bufio.NewReader(conn)
		var held []byte
		for n := 0; ; n++ {
			line, err := in.ReadBytes('\n')
			if err != nil {
				return
			}
			switch n {
			case 10:
				held = line
				continue
			case 11:
				line = append(line, held...)
			case 30:
				line[500] ^= 1
			case 40:
				line = append(line[:700:700], line[701:]...)
			}
			if _, err := conn.Write(line); err != nil {
				return
			}
		}
	})
	r = runBounded(t, Options{Target: "tcp://" + addr.String(), Method: MethodRaw, Depth: 4, Count: 100, Timeout: 300 * time.Millisecond}, 10*time.Second)
	if r.Errors != (Errors{Order: 1, Payload: 2}) || r.Answered != 97 {
		t.Errorf("answered %d, errors: %s", r.Answered, &r.Errors)
	}
}

// TestUnix runs calls over a Unix socket.
func TestUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listen(t, "unix", path, func(conn net.Conn) { serveLines(conn, conn, nil) })
	r := runBounded(t, Options{Target: "unix://" + path, Method: MethodCall, Conns: 2, Depth: 8, Count: 500}, 10*time.Second)
	if r.ErrorTotal != 0 || r.Messages != 500 || r.SlowChecks != 0 || r.Size != DefaultSize {
		t.Errorf("%+v", r)
	}
}

// TestStdio runs this test binary as the child.
func TestStdio(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(helperVariable, "serve")
	o := Options{Target: "stdio", Command: []string{self}, Method: MethodCall, Depth: 64, Count: 2000, ChildCPUs: []int{0}}
	r := runBounded(t, o, 20*time.Second)
	if r.ErrorTotal != 0 || r.Messages != 2000 || r.ChildExit != "exit status 0" || r.Server == nil {
		t.Errorf("%+v", r)
	}
	t.Setenv(helperVariable, "linger")
	o.Timeout = 500 * time.Millisecond
	if r := runBounded(t, o, 20*time.Second); r.ErrorTotal != 0 || r.ChildExit == "exit status 0" {
		t.Errorf("of a child that does not end: %q, errors: %s", r.ChildExit, &r.Errors)
	}
	t.Setenv(helperVariable, "close")
	o.Timeout = 5 * time.Second // a child under the race detector takes a second to exit
	if r := runBounded(t, o, 20*time.Second); r.Errors.Closed != 1 || r.Errors.Lost == 0 {
		t.Errorf("of a child that ends early: errors: %s", &r.Errors)
	}
	o.Command = []string{filepath.Join(t.TempDir(), "absent")}
	if _, err := Run(o); err == nil {
		t.Error("a command that is not there runs")
	}
}

// helperVariable makes the test binary a server on its standard streams.
const helperVariable = "GANNET_LOAD_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(helperVariable) {
	case "serve":
		serveLines(os.Stdin, os.Stdout, nil)
	case "linger":
		serveLines(os.Stdin, os.Stdout, nil)
		time.Sleep(time.Minute)
	case "close":
		serveLines(os.Stdin, os.Stdout, only(100, func(int, uint64, string) ([]string, bool) { return nil, true }))
	default:
		os.Exit(m.Run())
	}
}
