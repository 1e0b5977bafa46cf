package transports

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
)

// startStdio serves on a pair of pipes, of which it returns the peer's ends.
func startStdio(t testing.TB, o Options) (s *Server, in io.WriteCloser, out *bufio.Reader) {
	t.Helper()
	stdin, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	o.Stdin, o.Stdout = stdin, stdout
	t.Cleanup(func() {
		for _, f := range []*os.File{stdin, stdout, r, w} {
			_ = f.Close()
		}
	})
	s = start(t, o, "stdio")
	t.Cleanup(func() { _ = w.Close() }) // ends the read that waits
	return s, w, bufio.NewReaderSize(r, 64<<10)
}

func readLine(t testing.TB, r *bufio.Reader) string {
	t.Helper()
	l, err := r.ReadString('\n')
	if err != nil {
		t.Fatalf("read: %v after %.100q", err, l)
	}
	return strings.TrimSuffix(l, "\n")
}

func write(t testing.TB, w io.Writer, s string) {
	t.Helper()
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
}

// waited runs s.Wait, which must end soon.
func waited(t testing.TB, s *Server) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("Wait has not returned")
		return nil
	}
}

func TestStdio(t *testing.T) {
	s, in, out := startStdio(t, Options{})
	if a := s.Addrs(); len(a) != 1 || a[0] != "stdio" {
		t.Errorf("addresses %v", a)
	}
	for _, tc := range []struct{ name, send, want string }{
		{"request", req(1, "echo", `{"a":1}`), res(1, `{"a":1}`)},
		{"pooled", req(2, "pool", `{"a":2}`), res(2, `{"a":2}`)},
		{"later", req(3, "later", `{"ms":5}`), res(3, `{"ms":5}`)},
		{"CRLF", strings.TrimSpace(req(4, "echo", "")) + "\r\n", res(4, "{}")},
		{"blank lines", "\n\r\n  \n\t\n" + req(5, "echo", ""), res(5, "{}")},
		{"two reads", req(6, "echo", "")[:20], ""},
		{"the rest", req(6, "echo", "")[20:], res(6, "{}")},
		{"no JSON", "hello\n", `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error`},
		{"still in step", req(7, "ping", ""), res(7, "{}")},
	} {
		write(t, in, tc.send)
		if tc.want == "" {
			time.Sleep(10 * time.Millisecond) // so that it is read by itself
			continue
		}
		if got := readLine(t, out); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: got %.200s, want %s", tc.name, got, tc.want)
		}
	}
}

// After the end of the input all that was asked for is answered, and Wait
// returns nil.
// A server that a client has started waits for it, before its first message and
// between two, whatever its era: the end of input ends it, no timeout.
func TestStdioQuietClient(t *testing.T) {
	s, in, out := startStdio(t, Options{Engine: engine.Options{HandshakeTimeout: 20 * time.Millisecond, IdleTimeout: 20 * time.Millisecond}})
	for i := range 3 {
		time.Sleep(100 * time.Millisecond)
		write(t, in, req(i, "echo", ""))
		if got := readLine(t, out); got != res(i, "{}") {
			t.Fatalf("got %s", got)
		}
	}
	_ = in.Close()
	if err := waited(t, s); err != nil {
		t.Error(err)
	}
}

func TestStdioEndOfInput(t *testing.T) {
	for _, tc := range []struct {
		name string
		send string
		want int
	}{
		{"nothing asked", "", 0},
		{"inline", req(1, "echo", ""), 1},
		{"no newline at the end", req(1, "echo", "") + strings.TrimSpace(req(2, "echo", "")), 1},
		{"200 in flight", func() string {
			var b strings.Builder
			for i := range 200 {
				b.WriteString(req(i, "later", `{"ms":50}`) + req(1000+i, "pool", ""))
			}
			return b.String()
		}(), 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, in, out := startStdio(t, Options{})
			write(t, in, tc.send)
			_ = in.Close()
			seen := make(map[string]bool)
			for range tc.want {
				seen[readLine(t, out)] = true
			}
			if len(seen) != tc.want {
				t.Errorf("%d different answers, want %d", len(seen), tc.want)
			}
			if err := waited(t, s); err != nil {
				t.Errorf("Wait: %v", err)
			}
		})
	}
}

// A call that outlives the end of the input by more than the grace is cut.
func TestStdioEndOfInputGrace(t *testing.T) {
	s, in, _ := startStdio(t, Options{Grace: 50 * time.Millisecond, Engine: engine.Options{CallTimeout: -1}})
	write(t, in, req(1, "block", ""))
	eventually(t, "call in flight", func() bool { return s.Snapshot().Engine.InFlight == 1 })
	_ = in.Close()
	if err := waited(t, s); !errors.Is(err, ErrGraceExpired) {
		t.Errorf("Wait: %v, want ErrGraceExpired", err)
	}
}

// The end of the input ends stdio, and not the sockets beside it.
func TestStdioBesideTCP(t *testing.T) {
	stdin, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close(); _ = null.Close() })
	s := start(t, Options{Stdin: stdin, Stdout: null}, "stdio", "tcp://127.0.0.1:0")
	if n := s.Engine().Connections(); n != 1 {
		t.Errorf("%d connections, want that of stdio", n)
	}
	_ = w.Close()
	eventually(t, "stdio ended", func() bool { return s.Engine().Connections() == 0 })
	othersServed(t, s)
}

// Answers from the pool go out while the reader waits for input, none is lost
// and none comes twice, whether one call is in flight or hundreds.
func TestStdioPooled(t *testing.T) {
	t.Run("depth=1", func(t *testing.T) {
		_, in, out := startStdio(t, Options{})
		for i := range 3000 {
			write(t, in, req(i, "pool", ""))
			if got := readLine(t, out); got != res(i, "{}") {
				t.Fatalf("got %s, want %s", got, res(i, "{}"))
			}
		}
	})
	t.Run("depth=300", func(t *testing.T) {
		_, in, out := startStdio(t, Options{})
		const calls, depth = 20_000, 300
		slots := make(chan struct{}, depth)
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range calls {
				slots <- struct{}{}
				method := "pool"
				if i%3 == 0 {
					method = "echo"
				}
				if _, err := io.WriteString(in, req(i, method, "")); err != nil {
					t.Error(err)
					return
				}
			}
		})
		seen := make([]bool, calls)
		for range calls {
			l := readLine(t, out)
			<-slots
			var id int
			if _, err := fmt.Sscanf(l, `{"jsonrpc":"2.0","id":%d,"result":{}}`, &id); err != nil || seen[id] {
				t.Fatalf("got %s (%v), seen %v", l, err, seen[id])
			}
			seen[id] = true
		}
		wg.Wait()
	})
}

// Descriptors that somebody has made non-blocking serve as well.
func TestStdioNonBlocking(t *testing.T) {
	s, in, out := startStdio(t, Options{})
	for _, fd := range []int{s.stdio.inFD, s.stdio.outFD} {
		if err := syscall.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
	}
	write(t, in, req(1, "echo", "")) // ends the read that blocks
	if got := readLine(t, out); got != res(1, "{}") {
		t.Errorf("got %s", got)
	}
	const size = 4 << 20
	write(t, in, req(2, "blob", fmt.Sprintf(`{"bytes":%d}`, size)))
	time.Sleep(20 * time.Millisecond)
	if got := readLine(t, out); len(got) != len(res(2, `{"blob":""}`))+size {
		t.Errorf("%d bytes", len(got))
	}
	write(t, in, req(3, "pool", ""))
	if got := readLine(t, out); got != res(3, "{}") {
		t.Errorf("got %s", got)
	}
	if n := s.Snapshot().Engine.WritesShort; n != 0 {
		t.Errorf("%d writes left something over", n)
	}
	// A peer that reads no more does not keep Close from ending everything.
	write(t, in, req(4, "blob", fmt.Sprintf(`{"bytes":%d}`, size)))
	time.Sleep(20 * time.Millisecond)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if n := s.Engine().Connections(); n != 0 {
		t.Errorf("%d connections after Close", n)
	}
}

// A peer that has gone away ends the server like the end of its input.
func TestStdioOutputGone(t *testing.T) {
	stdin, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close(); _ = stdout.Close() })
	s := start(t, Options{Stdin: stdin, Stdout: stdout}, "stdio")
	t.Cleanup(func() { _ = w.Close() })
	_ = r.Close()
	write(t, w, req(1, "echo", ""))
	if err := waited(t, s); err != nil {
		t.Errorf("Wait: %v", err)
	}
	if n := s.Snapshot().Engine; n.ClosedBy(engine.CloseReset) != 1 {
		t.Errorf("closed %v", n.Closed)
	}
}

// Shutdown answers what is in flight and does not wait for more input.
func TestStdioShutdown(t *testing.T) {
	s, in, out := startStdio(t, Options{})
	write(t, in, req(1, "later", `{"ms":100}`))
	eventually(t, "call in flight", func() bool { return s.Snapshot().Engine.InFlight == 1 })
	if err := s.Shutdown(grace(10 * time.Second)); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if got := readLine(t, out); got != res(1, `{"ms":100}`) {
		t.Errorf("got %s", got)
	}
	if err := waited(t, s); !errors.Is(err, ErrServerClosed) {
		t.Errorf("Wait: %v", err)
	}
}

// A peer that does not read holds up nobody's shutdown.
func TestStdioShutdownOutputFull(t *testing.T) {
	s, in, out := startStdio(t, Options{})
	write(t, in, req(1, "blob", `{"bytes":1000000}`))
	time.Sleep(20 * time.Millisecond) // blocked in write by now
	begin := time.Now()
	if err := s.Shutdown(grace(50 * time.Millisecond)); !errors.Is(err, ErrGraceExpired) {
		t.Errorf("Shutdown: %v, want ErrGraceExpired", err)
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
	// The write that waits ends with what it writes to.
	if got := readLine(t, out); len(got) < 1_000_000 {
		t.Errorf("%d bytes", len(got))
	}
	eventually(t, "connection closed", func() bool { return s.Engine().Connections() == 0 })
}

func TestStdioTwice(t *testing.T) {
	s, err := Listen(service{}, Options{Listeners: []Listener{{URL: "stdio"}, {URL: "stdio"}}})
	if err == nil {
		_ = s.Close()
		t.Fatal("no error")
	}
	if !strings.Contains(err.Error(), "twice") {
		t.Errorf("error %q", err)
	}
}
