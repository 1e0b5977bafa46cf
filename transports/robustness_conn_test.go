package transports

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannetmcp/gannet/engine"
)

// reset closes c with an RST.
func reset(c net.Conn) {
	_ = socketOf(c).SetLinger(0)
	_ = socketOf(c).Close()
}

func connRows() []robustnessRow {
	return []robustnessRow{
		{n: 2, name: "100_peers_a_byte_each_5ms", run: func(t *testing.T, s *Server) {
			m := req(1, "echo", `{"slow":true}`)
			var wg sync.WaitGroup
			for range 100 {
				p := dial(t, s)
				wg.Go(func() {
					for i := range len(m) {
						if _, err := p.Write([]byte(m[i : i+1])); err != nil {
							t.Error(err)
							return
						}
						time.Sleep(5 * time.Millisecond)
					}
					if l, err := p.r.ReadString('\n'); l != res(1, `{"slow":true}`)+"\n" {
						t.Errorf("got %q, %v", l, err)
					}
				})
			}
			wg.Wait()
		}},
		{n: 4, name: "requests_then_FIN", run: func(t *testing.T, s *Server) {
			var wg sync.WaitGroup
			for range 50 {
				p := dial(t, s)
				wg.Go(func() {
					var b strings.Builder
					for i := range 60 {
						b.WriteString(req(i, []string{"echo", "pool", "later"}[i%3], `{"ms":20}`))
					}
					p.send(b.String())
					p.closeWrite()
					seen := make(map[string]bool)
					for range 60 {
						seen[p.line()] = true
					}
					for i := range 60 {
						if !seen[res(i, `{"ms":20}`)] {
							t.Errorf("call %d was not answered", i)
						}
					}
					p.ended()
				})
			}
			wg.Wait()
			drops(t, s, engine.ClosePeer, 50)
		}},
		{n: 5, name: "FIN_or_RST_inside_a_message", run: func(t *testing.T, s *Server) {
			// Large enough for a buffer that is charged to the budget.
			m := `{"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":"` + strings.Repeat("x", 200<<10)
			var ps []*peer
			for i := range 100 {
				p := dial(t, s)
				p.send(m[:len(m)*(i+1)/100])
				ps = append(ps, p)
			}
			eventually(t, "buffers held", func() bool { return s.Snapshot().Engine.BufferedBytes > 0 })
			for i, p := range ps {
				if i%2 == 0 {
					reset(p.Conn)
				} else {
					_ = p.Close()
				}
			}
			eventually(t, "all dropped", func() bool {
				n := s.Snapshot().Engine
				return n.Closed[engine.ClosePeer]+n.Closed[engine.CloseReset] >= 100 && n.BufferedBytes == 0
			})
		}},
		{n: 6, name: "RST_while_calls_run", run: func(t *testing.T, s *Server) {
			for round := range 20 {
				const calls = 50
				p := dial(t, s)
				var b strings.Builder
				for i := range calls {
					b.WriteString(req(i, []string{"pool", "pooledLater", "later"}[i%3], fmt.Sprintf(`{"ms":%d,"who":"old"}`, i%10)))
				}
				p.send(b.String())
				time.Sleep(time.Duration(round%5) * time.Millisecond)
				reset(p.Conn)
				// New connections get the descriptors and the buffers of the
				// old one, and none of its answers.
				for i := range 5 {
					q := dial(t, s)
					q.send(req(i, "pooledLater", `{"ms":5,"who":"new"}`))
					q.want(res(i, `{"ms":5,"who":"new"}`))
					_ = q.Close()
				}
			}
			eventually(t, "calls gone", func() bool { return s.Snapshot().Engine.InFlight == 0 })
		}},
		{
			n: 20, name: "asks_and_never_reads_1",
			o:   Options{Engine: engine.Options{WriteStallTimeout: 500 * time.Millisecond}},
			run: func(t *testing.T, s *Server) { neverReads(t, s, 1) },
		},
		{
			n: 20, name: "asks_and_never_reads_64",
			o:   Options{Engine: engine.Options{WriteStallTimeout: 500 * time.Millisecond}},
			run: func(t *testing.T, s *Server) { neverReads(t, s, 64) },
		},
		{n: 20, name: "pushes_on_and_never_reads", run: func(t *testing.T, s *Server) {
			p := dial(t, s)
			ask := []byte(strings.Repeat(req(1, "echo", `{"text":"`+strings.Repeat("x", 10_000)+`"}`), 10))
			bounded(t, 64<<20, func() {
				for {
					if _, err := p.Write(ask); err != nil {
						break // closed, long before the write stall
					}
				}
			})
			drops(t, s, engine.CloseSlowReader, 1)
			if n := s.Snapshot().Engine.HeldInput; n == 0 {
				t.Error("its messages were processed all the while")
			}
		}},
		{
			n: 20, name: "reads_slowly_but_reads",
			o: Options{TCP: TCPOptions{SendBuffer: 32 << 10}, Engine: engine.Options{OutputHighWater: 64 << 10, HeldInputBytes: 1 << 20}},
			run: func(t *testing.T, s *Server) {
				// Held back again and again, it gets all its answers in the
				// end, and the buffer of what is held stays bounded.
				// What it has asked for and not read is more than the high-water
				// mark and the kernel's buffers, which took 320 KB at times, and
				// less than may be held.
				p := dial(t, s)
				_ = socketOf(p.Conn).SetReadBuffer(32 << 10)
				const calls, outstanding = 3000, 60
				params := `{"text":"` + strings.Repeat("x", 10_000) + `"}`
				ask, want := []byte(req(1, "echo", params)), []byte(res(1, params)+"\n")
				window := make(chan struct{}, outstanding)
				go func() {
					for range calls {
						window <- struct{}{}
						if _, err := p.Write(ask); err != nil {
							return
						}
					}
				}()
				bounded(t, 8<<20, func() {
					eventually(t, "input held", func() bool { return s.Snapshot().Engine.HeldInput > 0 })
					got := make([]byte, len(want))
					for i := range calls {
						if _, err := io.ReadFull(p.r, got); err != nil || !bytes.Equal(got, want) {
							t.Fatalf("answer %d: %.100q, %v", i, got, err)
						}
						<-window
					}
				})
				n := s.Snapshot().Engine
				t.Logf("held back %d times", n.HeldInput)
				if n.HeldInput < 10 {
					t.Errorf("held back %d times only", n.HeldInput)
				}
			},
		},
		{
			n: 21, name: "2000_silent_connections",
			o: Options{Engine: engine.Options{HandshakeTimeout: 1500 * time.Millisecond, IdleTimeout: 1500 * time.Millisecond}},
			run: func(t *testing.T, s *Server) {
				n := 2000
				if s.gate != nil {
					n = 400 // each client of TLS costs more than what is tested
				}
				before := heap()
				var cs []net.Conn
				for i := range n {
					c, err := dialConn(s.Addrs()[0])
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					if i%2 == 0 { // half of them have said something once
						if err := pingOn(c); err != nil {
							t.Fatal(err)
						}
					}
					cs = append(cs, c)
				}
				eventually(t, "all open", func() bool { return s.Snapshot().Engine.Opened >= uint64(n) })
				if s.Engine().Connections() >= n/2 {
					each := (int64(heap()) - int64(before)) / int64(n)
					t.Logf("%d bytes of heap a connection, the client's side included", each)
					most := int64(8 << 10)
					if s.gate != nil {
						most = 64 << 10 // nearly all of it the client's
					}
					if each > most {
						t.Errorf("%d bytes of heap a connection", each)
					}
				}
				drops(t, s, engine.CloseHandshake, uint64(n/2))
				drops(t, s, engine.CloseIdle, uint64(n/2))
				for _, c := range cs {
					_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
					closedByServer(t, c)
				}
			},
		},
		{
			n: 22, name: "stops_inside_a_message",
			o: Options{Engine: engine.Options{ReadTimeout: time.Second}},
			run: func(t *testing.T, s *Server) {
				for _, first := range []string{"", req(1, "ping", "")} {
					p := dial(t, s)
					begin := time.Now()
					p.send(first + `{"jsonrpc":"2.0","id":2,"me`)
					if first != "" {
						p.want(res(1, "{}"))
					}
					p.ended()
					if d := time.Since(begin); d < 900*time.Millisecond || d > 5*time.Second {
						t.Errorf("dropped after %v", d)
					}
				}
				drops(t, s, engine.CloseReadTimeout, 2)
				// One that goes on in time is not dropped, however long it takes.
				p := dial(t, s)
				m := req(3, "echo", `{"a":1}`)
				for i := range m[:len(m)-1] {
					if i%10 == 0 {
						time.Sleep(250 * time.Millisecond) // a busy machine may add to it
					}
					p.send(m[i : i+1])
				}
				p.send("\n")
				p.want(res(3, `{"a":1}`))
			},
		},
		{
			n: 22, name: "waits_behind_what_was_no_message",
			o: Options{Engine: engine.Options{ReadTimeout: time.Second, MaxMessageBytes: 64 << 10}},
			run: func(t *testing.T, s *Server) {
				var ps []*peer
				for _, first := range []string{strings.Repeat("x", 100_000), "\r", "  "} {
					p := dial(t, s)
					p.send(first)
					if len(first) > 10 {
						p.wantError("<nil>", -32600)
					}
					ps = append(ps, p)
				}
				time.Sleep(50 * time.Millisecond) // until that has been read, by itself most likely
				for _, p := range ps {
					p.send("\n")
				}
				time.Sleep(1500 * time.Millisecond)
				for _, p := range ps {
					p.send(req(1, "ping", ""))
					p.want(res(1, "{}"))
				}
			},
		},
		{n: 23, name: "more_connections_than_descriptors", noFresh: true, run: moreThanDescriptors},
	}
}

// neverReads has n peers ask for much and read nothing. They are cut when they
// have taken no byte for the write stall, and hold no more than their bounds
// until then.
func neverReads(t *testing.T, s *Server, n int) {
	if raced {
		n = min(n, 16) // poisoning the buffers of 64 takes seconds of the loops' time
	}
	ask := strings.Repeat(req(1, "blob", `{"bytes":300000}`), 40) // 12 MB of answers
	var cs []net.Conn
	bounded(t, uint64(n)*(3<<20)+16<<20, func() {
		for range n {
			c, err := dialConn(s.Addrs()[0])
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = socketOf(c).SetReadBuffer(4 << 10)
			if _, err := c.Write([]byte(ask)); err != nil {
				t.Fatal(err)
			}
			cs = append(cs, c)
		}
		// Its messages are no longer processed above the high-water mark.
		eventually(t, "input held", func() bool { return s.Snapshot().Engine.HeldInput >= uint64(n) })
		drops(t, s, engine.CloseSlowReader, uint64(n))
	})
	for _, c := range cs {
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		closedByServer(t, c)
	}
}

// moreThanDescriptors uses up the process's descriptors. Open connections are
// served, new ones wait in the backlog, accepting is not tried without pause,
// and those that wait are served as soon as others have closed.
func moreThanDescriptors(t *testing.T, s *Server) {
	var open []*peer
	for range 10 {
		p := dial(t, s)
		p.send(req(1, "ping", ""))
		p.want(res(1, "{}"))
		open = append(open, p)
	}
	sa, err := socketAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	waiting := make([]int, 8)
	for i := range waiting {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.CloseOnExec(fd)
		defer unix.Close(fd)
		_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10})
		waiting[i] = fd
	}

	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	last, err := unix.Dup(waiting[0])
	if err != nil {
		t.Fatal(err)
	}
	fillers := []int{last}
	low := was
	low.Cur = uint64(last) + 20
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &was)
		for _, fd := range fillers {
			_ = unix.Close(fd)
		}
	}()
	for {
		fd, err := unix.Dup(last)
		if err != nil {
			break
		}
		fillers = append(fillers, fd)
	}

	const ping = `{"jsonrpc":"2.0","id":1,"method":"ping"}` + "\n"
	for _, fd := range waiting {
		if err := unix.Connect(fd, sa); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(fd, []byte(ping)); err != nil {
			t.Fatal(err)
		}
	}
	errorsBefore := s.Snapshot().AcceptErrors
	begin := time.Now()
	for time.Since(begin) < 300*time.Millisecond {
		for _, p := range open {
			p.send(req(2, "echo", ""))
			p.want(res(2, "{}"))
		}
		time.Sleep(10 * time.Millisecond)
	}
	n := s.Snapshot()
	if tries := n.AcceptErrors - errorsBefore; n.AcceptErrors == 0 || tries > 20 {
		t.Errorf("%d tries to accept in 300 ms, %d errors in all", tries, n.AcceptErrors)
	}
	if n.EnrollFailed != 0 {
		t.Errorf("%d peers were dropped", n.EnrollFailed)
	}
	for _, p := range open { // makes room
		_ = p.Close()
	}
	begin = time.Now()
	buf := make([]byte, 256)
	for _, fd := range waiting {
		k, err := unix.Read(fd, buf)
		if err != nil || string(buf[:k]) != res(1, "{}")+"\n" {
			t.Errorf("a peer that waited got %q, %v", buf[:max(k, 0)], err)
		}
	}
	if d := time.Since(begin); d > 2*backoffMax+time.Second {
		t.Errorf("served %v after there was room", d)
	}
}

func socketAddress(s *Server) (unix.Sockaddr, error) {
	a, err := net.ResolveTCPAddr("tcp4", strings.TrimPrefix(s.Addrs()[0], "tcp://"))
	if err != nil {
		return nil, err
	}
	sa := &unix.SockaddrInet4{Port: a.Port}
	copy(sa.Addr[:], a.IP.To4())
	return sa, nil
}
