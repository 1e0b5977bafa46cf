package transports

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports/web"
)

// wsPackedText is a message of a peer that compresses.
func wsPackedText(s string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 6)
	_, _ = io.WriteString(w, s)
	_ = w.Flush()
	return wsFrame(wsPacked, string(b.Bytes()[:b.Len()-4]))
}

// TestRobustnessWebSocket runs the rows about WebSockets, and those about every
// transport on one. The bystanders are on TCP.
func TestRobustnessWebSocket(t *testing.T) {
	for _, r := range append(socketRows(), badFrameRows()...) {
		t.Run(fmt.Sprintf("row=%02d_%s", r.n, r.name), func(t *testing.T) {
			s := wsStart(t, r.o, "tcp://127.0.0.1:0", "ws://127.0.0.1:0")
			stop := startBystander(t, s, !r.noFresh)
			defer stop()
			r.run(t, s)
		})
	}
}

// socket makes a WebSocket that may compress.
func socket(t *testing.T, s *Server) *wsPeer {
	t.Helper()
	return wsDial(t, s.Addrs()[1], "/", "Sec-WebSocket-Extensions: permessage-deflate")
}

// badFrameRows are peers that break the protocol: each is told, counted, and gone.
func badFrameRows() (rows []robustnessRow) {
	bare := func(s string) string { // without its mask
		f := []byte(wsFrame(wsText, s))
		return string([]byte{f[0], f[1] &^ 0x80}) + s
	}
	ping := wsFrame(wsText, req(1, "ping", ""))
	for _, bad := range []struct {
		n    int
		name string
		in   string
		code int
		kind web.Failure
	}{
		{43, "unmasked", bare(req(1, "ping", "")), 1002, web.FailedProtocol},
		{43, "rsv2", wsFrame(wsText|0x20, "{}"), 1002, web.FailedProtocol},
		{43, "rsv3", wsFrame(wsPing|0x10, ""), 1002, web.FailedProtocol},
		{43, "rsv1_of_a_ping", wsFrame(wsPing|0x40, ""), 1002, web.FailedProtocol},
		{43, "opcode_3", wsFrame(0x83, ""), 1002, web.FailedProtocol},
		{43, "opcode_11", wsFrame(0x8B, ""), 1002, web.FailedProtocol},
		{43, "long_ping", wsFrame(wsPing, strings.Repeat("x", 126)), 1002, web.FailedProtocol},
		{43, "ping_in_fragments", wsFrame(0x09, "x"), 1002, web.FailedProtocol},
		{43, "lone_continuation", wsFrame(0x80, "x"), 1002, web.FailedProtocol},
		{43, "text_in_text", wsFrame(0x01, "{") + ping, 1002, web.FailedProtocol},
		{43, "close_of_a_byte", wsFrame(wsClose, "x"), 1002, web.FailedProtocol},
		{43, "close_999", wsFrame(wsClose, closeData(999, "")), 1002, web.FailedProtocol},
		{43, "close_1006", wsFrame(wsClose, closeData(1006, "")), 1002, web.FailedProtocol},
		{43, "close_not_UTF8", wsFrame(wsClose, closeData(1000, "\xff")), 1007, web.FailedInvalid},
		{43, "length_in_two_bytes_too_many", "\x81\xfe\x00\x02\x00\x00\x00\x00{}", 1002, web.FailedProtocol},
		{43, "binary", wsFrame(0x82, req(1, "ping", "")), 1003, web.FailedUnsupported},
		{43, "HTTP_again", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 1002, web.FailedProtocol},
		{44, "length_2^62", "\x81\xff\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00{", 1009, web.FailedTooLarge},
		{44, "length_4GB", "\x81\xff\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00{", 1009, web.FailedTooLarge},
		{44, "length_2^63", "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00{", 1002, web.FailedProtocol},
		{45, "not_UTF8", wsFrame(wsText, `{"a":"`+"\xc3"+`"}`), 1007, web.FailedInvalid},
		{45, "surrogate", wsFrame(wsText, `"`+"\xed\xa0\x80"+`"`), 1007, web.FailedInvalid},
		{45, "not_UTF8_across_fragments", wsFrame(0x01, "\"\xe1\xbd") + wsFrame(wsPing, "") + wsFrame(0x00, "x"), 1007, web.FailedInvalid},
		{45, "cut_character", wsFrame(wsText, "\"\xf0\x9f\x98"), 1007, web.FailedInvalid},
		{45, "not_UTF8_inflated", wsPackedText("\"\xc3\""), 1007, web.FailedInvalid},
		{46, "spoilt_deflate", wsFrame(wsPacked, "\xff\xff\xff\xff"), 1007, web.FailedInvalid},
		{46, "cut_deflate", wsFrame(wsPacked, wsPackedText(strings.Repeat("abc", 1000))[8:20]), 1007, web.FailedInvalid},
	} {
		rows = append(rows, robustnessRow{n: bad.n, name: bad.name, run: func(t *testing.T, s *Server) {
			p := socket(t, s)
			p.send(ping + bad.in + ping)
			before, why := p.wantClose(bad.code, true)
			if len(before) == 0 || before[0] != res(1, "{}") || why == "" {
				t.Errorf("before it %q; %q", before, why)
			}
			_ = p.Close()
			drops(t, s, engine.CloseProtocol, 1)
			eventually(t, "failed and gone", func() bool {
				n := s.Snapshot().WebSockets
				return n.Failed[bad.kind] == 1 && n.Open == 0
			})
			// The loop's inflater serves the next.
			p = socket(t, s)
			p.send(wsPackedText(req(2, "ping", "")))
			p.want(res(2, "{}"))
		}})
	}
	return rows
}

func socketRows() []robustnessRow {
	stall := Options{Engine: engine.Options{WriteStallTimeout: 500 * time.Millisecond}}
	return []robustnessRow{
		{n: 1, name: "cut_at_every_byte", run: func(t *testing.T, s *Server) {
			p := socket(t, s)
			params := `{"text":"grüße, 世界 😀"}`
			f := wsFrame(wsText, strings.TrimSuffix(req(1, "echo", params), "\n"))
			packed := wsPackedText(req(1, "echo", params))
			for _, f := range []string{f, packed} {
				for i := 1; i < len(f); i++ {
					turns := s.Snapshot().Engine.Turns
					p.send(f[:i])
					for s.Snapshot().Engine.Turns == turns {
						time.Sleep(100 * time.Microsecond) // until it has been read, by itself most likely
					}
					p.send(f[i:])
					p.want(res(1, params))
				}
			}
		}},
		{n: 2, name: "100_peers_a_byte_each_5ms", run: func(t *testing.T, s *Server) {
			f := wsFrame(wsText, req(1, "echo", `{"slow":true}`))
			var wg sync.WaitGroup
			for range 100 {
				p := socket(t, s)
				wg.Go(func() {
					for i := range len(f) {
						if _, err := p.Write([]byte(f[i : i+1])); err != nil {
							t.Error(err)
							return
						}
						time.Sleep(5 * time.Millisecond)
					}
					if first, got, err := p.next(); first != wsText || got != res(1, `{"slow":true}`) {
						t.Errorf("got %x %q, %v", first, got, err)
					}
				})
			}
			wg.Wait()
		}},
		{n: 3, name: "5000_pings_in_one_write", run: func(t *testing.T, s *Server) {
			p := socket(t, s)
			var b strings.Builder
			for i := range 5000 {
				b.WriteString(wsFrame(wsText, req(i, "ping", "")))
			}
			p.send(b.String())
			for i := range 5000 {
				p.want(res(i, "{}"))
			}
		}},
		{n: 4, name: "requests_then_the_end", run: func(t *testing.T, s *Server) {
			for _, last := range []string{"", wsFrame(wsClose, closeData(1000, ""))} {
				for range 20 {
					p := socket(t, s)
					var b strings.Builder
					for i := range 60 {
						b.WriteString(wsFrame(wsText, req(i, "echo", `{"n":1}`)))
					}
					p.send(b.String() + last)
					if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
						t.Fatal(err)
					}
					for i := range 60 {
						p.want(res(i, `{"n":1}`))
					}
					if last != "" {
						p.wantClose(1000, false)
					}
					p.wantEnd()
				}
			}
			drops(t, s, engine.ClosePeer, 40)
		}},
		{n: 5, name: "ends_in_the_middle", run: func(t *testing.T, s *Server) {
			for _, in := range []string{"\x81", wsFrame(wsText, req(1, "ping", ""))[:9], wsFrame(0x01, "{"), wsFrame(wsPing, "xyz")[:7], wsFrame(wsText, strings.Repeat("x", 200_000))[:100_000]} {
				for _, rst := range []bool{false, true} {
					p := socket(t, s)
					p.send(wsFrame(wsText, req(1, "ping", "")) + in)
					p.want(res(1, "{}"))
					if rst {
						_ = p.Conn.(*net.TCPConn).SetLinger(0)
					}
					_ = p.Close()
				}
			}
			eventually(t, "all gone", func() bool { return s.Snapshot().WebSockets.Open == 0 })
		}},
		{n: 6, name: "reset_while_calls_run", run: func(t *testing.T, s *Server) {
			for range 20 {
				p := socket(t, s)
				p.text(req(1, "block", ""), req(2, "pool", `{"a":1}`), req(3, "ping", ""))
				_, _, _ = p.next()
				_ = p.Conn.(*net.TCPConn).SetLinger(0)
				_ = p.Close()
			}
			eventually(t, "calls gone", func() bool { return s.Snapshot().Engine.InFlight == 0 })
		}},
		{n: 7, name: "message_without_end", o: Options{Engine: engine.Options{MaxMessageBytes: 1 << 20}}, run: func(t *testing.T, s *Server) {
			p := socket(t, s)
			bounded(t, 24<<20, func() { // of 100 MiB that come
				fragment := []byte(wsFrame(0x01, strings.Repeat("x", 50_000)))
				for range 2000 {
					if _, err := p.Write(fragment); err != nil {
						break
					}
					fragment[0] = 0x00
				}
				p.wantClose(1009, true)
			})
		}},
		{n: 20, name: "asks_and_never_reads_1", o: stall, run: func(t *testing.T, s *Server) { socketNeverReads(t, s, 1) }},
		{n: 20, name: "asks_and_never_reads_64", o: stall, run: func(t *testing.T, s *Server) { socketNeverReads(t, s, 64) }},
		{n: 20, name: "pushes_on_and_never_reads", run: func(t *testing.T, s *Server) {
			p := wsDial(t, s.Addrs()[1], "/")
			ask := []byte(strings.Repeat(wsFrame(wsText, req(1, "echo", `{"text":"`+strings.Repeat("x", 10_000)+`"}`)), 10))
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
		{n: 20, name: "reads_slowly_but_reads",
			o: Options{TCP: TCPOptions{SendBuffer: 32 << 10}, Engine: engine.Options{OutputHighWater: 64 << 10, HeldInputBytes: 1 << 20}},
			run: func(t *testing.T, s *Server) {
				p := wsDial(t, s.Addrs()[1], "/")
				_ = p.Conn.(*net.TCPConn).SetReadBuffer(32 << 10)
				const calls, outstanding = 2000, 60
				params := `{"text":"` + strings.Repeat("x", 10_000) + `"}`
				ask, want := []byte(wsFrame(wsText, req(1, "echo", params))), res(1, params)
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
					for range calls {
						p.want(want)
						<-window
					}
				})
			}},
		{n: 21, name: "1000_silent_sockets",
			o: Options{Engine: engine.Options{IdleTimeout: 1500 * time.Millisecond}, WebSocket: WebSocketOptions{CloseTimeout: 100 * time.Millisecond}},
			run: func(t *testing.T, s *Server) {
				const n = 1000
				before := heap()
				var all []net.Conn
				for range n {
					c, err := net.Dial("tcp", strings.TrimPrefix(s.Addrs()[1], "ws://"))
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					if _, err := io.WriteString(c, wsRequest("/", "localhost", "")); err != nil {
						t.Fatal(err)
					}
					if _, err := io.ReadFull(c, make([]byte, 100)); err != nil {
						t.Fatal(err)
					}
					all = append(all, c)
				}
				if open := s.Snapshot().WebSockets.Open; open >= n/2 {
					each := (int64(heap()) - int64(before)) / n
					t.Logf("%d bytes of heap each, both ends", each)
					if each > 12<<10 && !raced {
						t.Errorf("%d bytes each", each)
					}
				}
				for _, c := range all[:n/2] { // these never read
					_ = c.(*net.TCPConn).SetReadBuffer(1 << 10)
				}
				eventually(t, "all closed", func() bool { return s.Snapshot().WebSockets.Open == 0 })
			}},
		{n: 22, name: "stops_inside_a_message", o: Options{Engine: engine.Options{ReadTimeout: 200 * time.Millisecond}, WebSocket: WebSocketOptions{CloseTimeout: 50 * time.Millisecond}}, run: func(t *testing.T, s *Server) {
			p := socket(t, s)
			p.send(wsFrame(wsText, req(1, "ping", ""))[:20])
			p.wantClose(1001, true)
			drops(t, s, engine.CloseReadTimeout, 1)
		}},
		{n: 22, name: "waits_behind_what_was_no_message", o: Options{Engine: engine.Options{ReadTimeout: time.Second}}, run: func(t *testing.T, s *Server) {
			frames := []string{wsFrame(wsPing, "x"), wsFrame(wsPong, "x")}
			var ps []*wsPeer
			for _, f := range frames {
				p := socket(t, s)
				p.send(f[:3])
				ps = append(ps, p)
			}
			time.Sleep(50 * time.Millisecond) // until that has been read, by itself most likely
			for i, f := range frames {
				ps[i].send(f[3:])
			}
			ps[0].wantFrame(wsPong, "x")
			time.Sleep(1500 * time.Millisecond)
			for _, p := range ps {
				p.text(req(1, "ping", ""))
				p.want(res(1, "{}"))
			}
		}},
		{n: 27, name: "slow_handshake", o: Options{Engine: engine.Options{ReadTimeout: 200 * time.Millisecond}}, run: func(t *testing.T, s *Server) {
			c, err := net.Dial("tcp", strings.TrimPrefix(s.Addrs()[1], "ws://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			go func() {
				for _, b := range []byte(wsRequest("/", "localhost", "")) {
					if _, err := c.Write([]byte{b}); err != nil {
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
			}()
			if b, _ := io.ReadAll(c); !strings.HasPrefix(string(b), "HTTP/1.1 408 ") {
				t.Errorf("got %q", b)
			}
			drops(t, s, engine.CloseReadTimeout, 1)
		}},
		{n: 44, name: "fragments_without_end", run: func(t *testing.T, s *Server) {
			p := socket(t, s)
			many := []byte(strings.Repeat(wsFrame(0x00, ""), 10_000))
			p.send(wsFrame(0x01, ""))
			bounded(t, 8<<20, func() {
				for range 7 {
					if _, err := p.Write(many); err != nil {
						break
					}
				}
				p.wantClose(1009, true)
			})
		}},
		{n: 46, name: "deflate_bomb", run: func(t *testing.T, s *Server) {
			for _, size := range []int{17 << 20, 64 << 20} {
				var b bytes.Buffer
				w, _ := flate.NewWriter(&b, 9)
				zeros := make([]byte, 1<<20)
				for range size >> 20 {
					_, _ = w.Write(zeros)
				}
				_ = w.Flush()
				bomb := wsFrame(wsPacked, string(b.Bytes()[:b.Len()-4]))
				p := socket(t, s)
				bounded(t, 80<<20, func() {
					p.send(bomb)
					p.wantClose(1009, true)
				})
			}
			if n := s.Snapshot(); n.WebSockets.Failed[web.FailedTooLarge] != 2 || n.Engine.BufferedBytes != 0 {
				t.Errorf("%+v, %d bytes", n.WebSockets, n.Engine.BufferedBytes)
			}
		}},
		{n: 46, name: "deflate_bombs_below_the_limit", o: bombOptions, run: func(t *testing.T, s *Server) {
			bomb := wsPackedText(req(1, "length", `{"a":"`+strings.Repeat("x", bombSize)+`"}`))
			usual := req(2, "length", `{"a":"`+strings.Repeat("All work and no play. ", 50)+`"}`)
			var passed, refused atomic.Int64
			var wg sync.WaitGroup
			begin := time.Now()
			for range 8 {
				p := socket(t, s)
				wg.Go(func() {
					for range 30 {
						p.send(bomb)
						if strings.Contains(p.message(), `"code":-31001`) {
							refused.Add(1)
						} else {
							passed.Add(1)
						}
					}
				})
			}
			// One that compresses as people do is served meanwhile.
			p := socket(t, s)
			var worst time.Duration
			for range 30 {
				at := time.Now()
				p.send(wsPackedText(usual))
				p.want(res(2, fmt.Sprint(len(usual))))
				worst = max(worst, time.Since(at))
			}
			wg.Wait()
			most := mostBombs(begin)
			t.Logf("%d of 240 bombs of %d bytes inflated, %d may be; one that is none waited %v at worst", passed.Load(), len(bomb), most, worst)
			if n := passed.Load(); n < 1 || n > most || worst > bystanderLimit() {
				t.Errorf("%d inflated, at most %d may be; waited %v", n, most, worst)
			}
			if n := s.Snapshot().WebSockets.Outpaced; n != uint64(refused.Load()) || n == 0 {
				t.Errorf("%d counted, %d refused", n, refused.Load())
			}
			time.Sleep(bombPause)
			p.send(bomb)
			if got := p.message(); !strings.Contains(got, "result") {
				t.Errorf("when there is time again: %s", got)
			}
		}},
		{n: 47, name: "pings_never_read", o: Options{TCP: TCPOptions{SendBuffer: 16 << 10}, Engine: engine.Options{OutputHighWater: 32 << 10, WriteStallTimeout: 10 * time.Second}}, run: func(t *testing.T, s *Server) {
			p := wsDial(t, s.Addrs()[1], "/")
			_ = p.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
			// Something that it does not read stands before; not enough to be held back.
			p.text(req(1, "blob", `{"bytes":2000000}`))
			eventually(t, "stalled", func() bool { return s.Snapshot().Engine.WritesShort > 0 })
			many := []byte(strings.Repeat(wsFrame(wsPing, "still there?"), 1000))
			bounded(t, 8<<20, func() {
				for range 1000 {
					if _, err := p.Write(many); err != nil {
						break // held back, and more than HeldInputBytes
					}
				}
			})
			drops(t, s, engine.CloseSlowReader, 1)
		}},
		{n: 47, name: "the_last_ping_is_answered", o: Options{TCP: TCPOptions{SendBuffer: 16 << 10}}, run: func(t *testing.T, s *Server) {
			p := wsDial(t, s.Addrs()[1], "/")
			_ = p.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
			// Below the high-water mark, so that pings are read.
			p.text(req(1, "blob", `{"bytes":900000}`))
			eventually(t, "stalled", func() bool { return s.Snapshot().Engine.WritesShort > 0 })
			const pings = 5000
			for i := range pings {
				p.send(wsFrame(wsPing, fmt.Sprint(i)))
			}
			p.text(req(2, "ping", ""))
			eventually(t, "all read", func() bool { return s.Snapshot().Engine.MessagesIn >= 3 })
			eventually(t, "pongs left out", func() bool { return s.Snapshot().WebSockets.PongsLeftOut >= pings-10 })
			pongs, last, answers := 0, "", 0
			for answers < 2 || last != fmt.Sprint(pings-1) {
				first, payload, err := p.next()
				if err != nil {
					t.Fatalf("%d pongs, the last %q, %d answers: %v", pongs, last, answers, err)
				}
				if first == wsPong {
					pongs, last = pongs+1, payload
				} else {
					answers++
				}
			}
			if pongs > 10 {
				t.Errorf("%d pongs were kept", pongs)
			}
		}},
	}
}

// socketNeverReads is neverReads on WebSockets.
func socketNeverReads(t *testing.T, s *Server, n int) {
	if raced {
		n = min(n, 16)
	}
	ask := strings.Repeat(wsFrame(wsText, req(1, "blob", `{"bytes":300000}`)), 40) // 12 MB of answers
	bounded(t, uint64(n)*(3<<20)+16<<20, func() {
		for range n {
			p := wsDial(t, s.Addrs()[1], "/")
			_ = p.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
			p.send(ask)
		}
		eventually(t, "input held", func() bool { return s.Snapshot().Engine.HeldInput >= uint64(n) })
		drops(t, s, engine.CloseSlowReader, uint64(n))
	})
}
