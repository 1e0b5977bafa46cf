package transports

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports/web"
	"github.com/gannetmcp/gannet/transports/wiretest"
)

// postService is service, whose messages are bodies of HTTP; at /who it says where a
// request comes from.
type postService struct{ service }

func (postService) OpenExchanges(*engine.Conn) engine.ExchangeHandler { return postHandler{} }

type postHandler struct{ service }

func (postHandler) ServeExchange(c *engine.Conn, x *engine.Exchange) {
	if string(x.Request.Path()) == "/who" {
		p := c.Peer()
		c.Respond(200, "text/plain", []byte(p.Remote+" to "+p.Local))
		return
	}
	if body, ok := x.ReadBody(); ok {
		c.Receive(body)
	}
}

// webPeer is a client of HTTP/1.1 with no knowledge of ours.
type webPeer struct{ *peer }

func dialWeb(t testing.TB, s *Server) webPeer {
	t.Helper()
	return webPeer{dialURL(t, s.Addrs()[1])}
}

// webPost is a request with a message.
func webPost(message string) string {
	return fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(message), message)
}

// response reads one, and its body.
func (p webPeer) response() (status int, body string, err error) {
	r, err := http.ReadResponse(p.r, nil)
	if err != nil {
		return 0, "", err
	}
	b, err := io.ReadAll(r.Body)
	return r.StatusCode, string(b), err
}

// wantResponse reads a response and compares it.
func (p webPeer) wantResponse(status int, body string) {
	p.t.Helper()
	if n, got, err := p.response(); n != status || body != "" && got != body || err != nil {
		p.t.Fatalf("got %d %.200q, %v; want %d %.200q", n, got, err, status, body)
	}
}

// TestRobustnessHTTP runs the rows about every transport on HTTP/1.1; those about
// HTTP have tests of their own. The bystanders are on TCP.
func TestRobustnessHTTP(t *testing.T) {
	for _, r := range webRows() {
		t.Run(fmt.Sprintf("row=%02d_%s", r.n, r.name), func(t *testing.T) {
			s := startWith(t, postService{}, r.o, "tcp://127.0.0.1:0", "http://127.0.0.1:0")
			stop := startBystander(t, s, !r.noFresh)
			defer stop()
			r.run(t, s)
		})
	}
}

func webRows() []robustnessRow {
	stall := Options{Engine: engine.Options{WriteStallTimeout: 500 * time.Millisecond}}
	return []robustnessRow{
		{n: 1, name: "cut_at_every_byte", run: func(t *testing.T, s *Server) {
			p := dialWeb(t, s)
			params := `{"text":"grüße, 世界 😀"}`
			m := webPost(req(1, "echo", params))
			for i := 1; i < len(m); i++ {
				turns := s.Snapshot().Engine.Turns
				p.send(m[:i])
				for s.Snapshot().Engine.Turns == turns {
					time.Sleep(100 * time.Microsecond) // until it has been read, by itself most likely
				}
				p.send(m[i:])
				p.wantResponse(200, res(1, params))
			}
		}},
		{n: 2, name: "100_peers_a_byte_each_5ms", run: func(t *testing.T, s *Server) {
			m := webPost(req(1, "echo", `{"slow":true}`))
			var wg sync.WaitGroup
			for range 100 {
				p := dialWeb(t, s)
				wg.Go(func() {
					for i := range len(m) {
						if _, err := p.Write([]byte(m[i : i+1])); err != nil {
							t.Error(err)
							return
						}
						time.Sleep(5 * time.Millisecond)
					}
					if n, got, err := p.response(); n != 200 || got != res(1, `{"slow":true}`) {
						t.Errorf("got %d %q, %v", n, got, err)
					}
				})
			}
			wg.Wait()
		}},
		{n: 3, name: "5000_pings_in_one_write", run: func(t *testing.T, s *Server) {
			p := dialWeb(t, s)
			var b strings.Builder
			for i := range 5000 {
				b.WriteString(webPost(req(i, "ping", "")))
			}
			go func() { _, _ = p.Write([]byte(b.String())) }()
			for i := range 5000 {
				p.wantResponse(200, res(i, "{}"))
			}
		}},
		{n: 4, name: "requests_then_FIN", run: func(t *testing.T, s *Server) {
			var wg sync.WaitGroup
			for range 30 {
				p := dialWeb(t, s)
				wg.Go(func() {
					var b strings.Builder
					for i := range 30 { // one after the other
						b.WriteString(webPost(req(i, []string{"echo", "pool", "later"}[i%3], `{"ms":10}`)))
					}
					p.send(b.String() + "GET /who HTTP/1.1\r\nHost: localhost\r\n\r\n")
					p.closeWrite()
					for i := range 30 {
						p.wantResponse(200, res(i, `{"ms":10}`))
					}
					// What was held back is served as it would have been before.
					p.wantResponse(200, p.LocalAddr().String()+" to "+p.RemoteAddr().String())
					p.ended()
				})
			}
			wg.Wait()
			drops(t, s, engine.ClosePeer, 30)
		}},
		{n: 5, name: "FIN_or_RST_inside_a_message", run: func(t *testing.T, s *Server) {
			m := webPost(`{"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":"` + strings.Repeat("x", 200<<10))
			var ps []webPeer
			for i := range 100 {
				p := dialWeb(t, s)
				p.send(m[:(len(m)-1)*(i+1)/100])
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
		{n: 6, name: "RST_while_a_call_runs", run: func(t *testing.T, s *Server) {
			for i := range 60 {
				p := dialWeb(t, s)
				p.send(webPost(req(1, []string{"pool", "pooledLater", "later"}[i%3], `{"ms":5,"who":"old"}`)) + webPost(req(2, "ping", "")))
				time.Sleep(time.Duration(i%5) * time.Millisecond)
				reset(p.Conn)
				// A new connection gets the descriptor and the buffers of the old one,
				// and none of its answers.
				q := dialWeb(t, s)
				q.send(webPost(req(i, "pooledLater", `{"ms":5,"who":"new"}`)))
				q.wantResponse(200, res(i, `{"ms":5,"who":"new"}`))
				_ = q.Close()
			}
			eventually(t, "calls gone", func() bool { return s.Snapshot().Engine.InFlight == 0 })
		}},
		{n: 7, name: "message_without_end", o: Options{Engine: engine.Options{MaxMessageBytes: 1 << 20}}, run: func(t *testing.T, s *Server) {
			head := "POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
			for _, tc := range []struct {
				begin, rest string
				status      int
			}{
				{head + "Transfer-Encoding: chunked\r\n\r\n", "8000\r\n" + strings.Repeat("x", 0x8000) + "\r\n", 413},
				{head + "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n", strings.Repeat("x", 0x8000), 413},
				{head + "X: ", strings.Repeat("x", 0x8000), 431},
				{head, strings.Repeat("X: y\r\n", 5000), 431},
				{"GET /", strings.Repeat("x", 0x8000), 414},
			} {
				p := dialWeb(t, s)
				rest := []byte(tc.rest)
				bounded(t, 16<<20, func() { // of 30 MB that come
					p.send(tc.begin)
					for range 1000 {
						if _, err := p.Write(rest); err != nil {
							break
						}
					}
				})
				p.wantResponse(tc.status, "")
				_ = p.Close()
			}
		}},
		{n: 20, name: "asks_and_never_reads_1", o: stall, run: func(t *testing.T, s *Server) { webNeverReads(t, s, 1) }},
		{n: 20, name: "asks_and_never_reads_64", o: stall, run: func(t *testing.T, s *Server) { webNeverReads(t, s, 64) }},
		{n: 20, name: "pushes_on_and_never_reads", run: func(t *testing.T, s *Server) {
			p := dialWeb(t, s)
			ask := []byte(strings.Repeat(webPost(req(1, "echo", `{"text":"`+strings.Repeat("x", 10_000)+`"}`)), 10))
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
		{n: 21, name: "1000_silent_connections", o: Options{Engine: engine.Options{HandshakeTimeout: 1500 * time.Millisecond, IdleTimeout: 1500 * time.Millisecond}}, run: func(t *testing.T, s *Server) {
			const n = 1000
			before := heap()
			var all []net.Conn
			for i := range n {
				c, err := dialConn(s.Addrs()[1])
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if i%2 == 0 { // half of them have said something once
					if _, err := io.WriteString(c, webPost(req(1, "ping", ""))); err != nil {
						t.Fatal(err)
					}
					if _, err := http.ReadResponse(bufio.NewReaderSize(c, 512), nil); err != nil {
						t.Fatal(err)
					}
				}
				all = append(all, c)
			}
			eventually(t, "all open", func() bool { return s.Snapshot().Engine.Opened >= n })
			if s.Engine().Connections() >= n/2 {
				each := (int64(heap()) - int64(before)) / n
				t.Logf("%d bytes of heap a connection, the client's side included", each)
				if each > 8<<10 {
					t.Errorf("%d bytes of heap a connection", each)
				}
			}
			drops(t, s, engine.CloseHandshake, n/2)
			drops(t, s, engine.CloseIdle, n/2)
			for _, c := range all {
				_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
				closedByServer(t, c)
			}
		}},
		{n: 22, name: "stops_inside_a_request", o: Options{Engine: engine.Options{ReadTimeout: 300 * time.Millisecond}}, run: func(t *testing.T, s *Server) {
			m := webPost(req(1, "ping", ""))
			for _, first := range []string{"", m} {
				for _, cut := range []int{10, 60, len(m) - 5} {
					p := dialWeb(t, s)
					begin := time.Now()
					p.send(first + m[:cut])
					if first != "" {
						p.wantResponse(200, res(1, "{}"))
					}
					p.wantResponse(408, "request not complete in time\n")
					p.ended()
					if d := time.Since(begin); d < 250*time.Millisecond || d > 5*time.Second {
						t.Errorf("dropped after %v", d)
					}
				}
			}
			drops(t, s, engine.CloseReadTimeout, 6)
			// One whose answer takes longer than that is answered.
			p := dialWeb(t, s)
			p.send(webPost(req(1, "later", `{"ms":500}`)) + m[:20])
			p.wantResponse(200, res(1, `{"ms":500}`))
			p.wantResponse(408, "")
			if n := s.Snapshot().HTTPRefused[web.RefusedTimeout]; n != 7 {
				t.Errorf("%d counted", n)
			}
			// Where nothing of a request has come there is nothing to be told.
			p = dialWeb(t, s)
			_ = p.SetReadDeadline(time.Now().Add(600 * time.Millisecond))
			if b, err := p.r.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%x, %v", b, err)
			}
		}},
		{n: 33, name: "bombs_below_the_limit", o: bombOptions, run: webBombs},
	}
}

// What is packed and becomes nearly as much as it may.
const (
	bombSize  = 1500 << 10
	bombRate  = 4 << 20                 // that there is time for, in bytes a second
	bombPause = 1250 * time.Millisecond // after which there is, whatever was sent
)

var bombOptions = Options{Loops: 1, UnpackRate: bombRate, Engine: engine.Options{MaxMessageBytes: 2 << 20}}

// mostBombs returns how many may have been unpacked.
func mostBombs(since time.Time) int64 {
	return 3 + int64(time.Since(since).Seconds()*bombRate)/bombSize
}

// webBombs sends one packed body after the other; the first is served, and then as
// many as there is time for.
func webBombs(t *testing.T, s *Server) {
	message := req(1, "length", `{"a":"`+strings.Repeat("x", bombSize)+`"}`)
	for coding, body := range map[string][]byte{"gzip": wiretest.Gzip([]byte(message)), "zstd": wiretest.Zstd([]byte(message)), "zstd, no length": wiretest.ZstdStream([]byte(message))} {
		p := dialWeb(t, s)
		bomb := fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", coding[:4], len(body), body)
		passed, refused := int64(0), uint64(0)
		before := s.Snapshot().HTTPRefused[web.RefusedNoTime]
		begin := time.Now()
		for range 100 {
			p.send(bomb)
			r, err := http.ReadResponse(p.r, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, r.Body)
			switch {
			case r.StatusCode == 200:
				passed++
			case r.StatusCode == 503 && r.Header.Get("Retry-After") == "1":
				refused++
			default:
				t.Fatal(r)
			}
		}
		most := mostBombs(begin)
		t.Logf("%s: %d of 100 bombs of %d bytes unpacked, %d may be", coding, passed, len(bomb), most)
		if passed < 1 || passed > most || refused == 0 || s.Snapshot().HTTPRefused[web.RefusedNoTime] != before+refused {
			t.Errorf("%s: %d unpacked, at most %d may be; %d refused", coding, passed, most, refused)
		}
		time.Sleep(bombPause)
	}
}

// webNeverReads is neverReads on HTTP.
func webNeverReads(t *testing.T, s *Server, n int) {
	if raced {
		n = min(n, 16)
	}
	ask := strings.Repeat(webPost(req(1, "blob", `{"bytes":300000}`)), 40) // 12 MB of answers
	bounded(t, uint64(n)*(3<<20)+16<<20, func() {
		for range n {
			p := dialWeb(t, s)
			_ = socketOf(p.Conn).SetReadBuffer(4 << 10)
			p.send(ask)
		}
		eventually(t, "input held", func() bool { return s.Snapshot().Engine.HeldInput >= uint64(n) })
		drops(t, s, engine.CloseSlowReader, uint64(n))
	})
}
