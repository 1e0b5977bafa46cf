package transports

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports/web"
)

// TestRobustnessHTTP2 runs the rows about HTTP/2. The bystanders are on TCP.
func TestRobustnessHTTP2(t *testing.T) {
	for _, r := range append(http2Rows(), http2FailureRows()...) {
		t.Run(fmt.Sprintf("row=%02d_%s", r.n, r.name), func(t *testing.T) {
			s := startWith(t, webService(mcp.Options{}), r.o, "tcp://127.0.0.1:0", "http://127.0.0.1:0")
			stop := startBystander(t, s, !r.noFresh)
			defer stop()
			r.run(t, s)
			other := dialHTTP2(t, s.Addrs()[1])
			other.want(other.ping(), "200", "serverInfo")
			_ = other.Close()
		})
	}
}

// http2FailureRows are what ends a connection by GOAWAY, and is counted.
func http2FailureRows() (rows []robustnessRow) {
	const calm = xhttp2.ErrCodeEnhanceYourCalm
	for _, bad := range []struct {
		n    int
		name string
		do   func(p *http2Peer) error // again and again
		code xhttp2.ErrCode
		why  web.HTTP2Failure
	}{
		{38, "rapid_reset", rapidReset, calm, web.HTTP2Resets},
		{38, "made_to_reset", madeToReset, calm, web.HTTP2Resets},
		{39, "CONTINUATION_empty", func(p *http2Peer) error {
			if p.id == ^uint32(0) {
				p.id = 1
				return p.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1})
			}
			return p.fr.WriteContinuation(1, false, nil)
		}, calm, web.HTTP2Continuations},
		{39, "CONTINUATION_full", func(p *http2Peer) error {
			if p.id == ^uint32(0) {
				p.id = 1
				return p.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1})
			}
			return p.fr.WriteContinuation(1, false, make([]byte, 16384))
		}, calm, web.HTTP2HeaderBlock},
		{40, "PING", func(p *http2Peer) error { return p.fr.WritePing(false, [8]byte{}) }, calm, web.HTTP2Pings},
		{40, "PING_acknowledged", func(p *http2Peer) error { return p.fr.WritePing(true, [8]byte{}) }, calm, web.HTTP2Pings},
		{40, "SETTINGS", func(p *http2Peer) error { return p.fr.WriteSettings() }, calm, web.HTTP2Settings},
		{40, "SETTINGS_acknowledged", func(p *http2Peer) error { return p.fr.WriteSettingsAck() }, calm, web.HTTP2Settings},
		{40, "PRIORITY", func(p *http2Peer) error {
			return p.fr.WritePriority(1, xhttp2.PriorityParam{StreamDep: 3})
		}, calm, web.HTTP2IdleFrames},
		{40, "unknown_frames", func(p *http2Peer) error { return p.fr.WriteRawFrame(0xFE, 0, 0, nil) }, calm, web.HTTP2IdleFrames},
		{40, "DATA_empty", func(p *http2Peer) error {
			if p.id == ^uint32(0) {
				p.head(false, "POST", "/mcp")
			}
			return p.fr.WriteData(p.id, false, nil)
		}, calm, web.HTTP2EmptyData},
		{40, "DATA_empty_of_a_refused_stream", func(p *http2Peer) error {
			if p.id == ^uint32(0) {
				p.head(false, "POST", "/mcp", "expect", "more")
			}
			return p.fr.WriteData(p.id, false, nil)
		}, calm, web.HTTP2EmptyData},
		{41, "no_header_block", func(p *http2Peer) error { return p.fr.WriteRawFrame(xhttp2.FrameHeaders, 5, 1, []byte{0x80}) }, xhttp2.ErrCodeCompression, web.HTTP2Protocol},
		{42, "window_by_0", func(p *http2Peer) error { return p.fr.WriteWindowUpdate(0, 0) }, xhttp2.ErrCodeProtocol, web.HTTP2Protocol},
		{42, "window_overflow", func(p *http2Peer) error { return p.fr.WriteWindowUpdate(0, 1<<31-1) }, xhttp2.ErrCodeFlowControl, web.HTTP2Protocol},
		{42, "oversized_frame", func(p *http2Peer) error {
			_, err := p.Write([]byte("\xff\xff\xff\xfe\x00\x00\x00\x00\x00"))
			return err
		}, xhttp2.ErrCodeFrameSize, web.HTTP2Protocol},
	} {
		rows = append(rows, robustnessRow{n: bad.n, name: bad.name, run: func(t *testing.T, s *Server) {
			p := dialHTTP2(t, s.Addrs()[1])
			p.lenient = true
			sent := make(chan int)
			go func() {
				n := 0
				for ; n < 50_000; n++ {
					if bad.do(p) != nil {
						break
					}
				}
				sent <- n
			}()
			err := p.read(func() bool { return p.away != nil })
			_ = p.Close()
			n := <-sent
			if p.away == nil || p.away.ErrCode != bad.code {
				t.Fatalf("%v, GOAWAY %v after %d, want %v", err, p.away, n, bad.code)
			}
			if got := s.Snapshot().HTTP2.Failed; got[bad.why] != 1 {
				t.Errorf("failed: %v, want one as %v", got, bad.why)
			}
			eventually(t, "all handlers have ended", func() bool { return s.Snapshot().Engine.InFlight == 0 })
		}})
	}
	return rows
}

// rapidReset begins work and takes it back (CVE-2023-44487).
func rapidReset(p *http2Peer) error {
	id := p.modern("delay", `{"ms":60000,"text":"x"}`)
	return errors.Join(p.failed, p.fr.WriteRSTStream(id, xhttp2.ErrCodeCancel))
}

// madeToReset begins work and has the server take it back (CVE-2025-8671).
func madeToReset(p *http2Peer) error {
	id := p.modern("delay", `{"ms":60000,"text":"x"}`)
	return errors.Join(p.failed, p.fr.WriteWindowUpdate(id, 0))
}

// http2Rows are the others; of row 38 there is also TestHTTP2ResetHoldsItsPlace, of
// row 42 TestHTTP2MaxStreams.
func http2Rows() []robustnessRow {
	small := TCPOptions{SendBuffer: 16 << 10}
	return []robustnessRow{
		{n: 21, name: "1000_silent_connections",
			o: Options{Engine: engine.Options{HandshakeTimeout: 1500 * time.Millisecond, IdleTimeout: 1500 * time.Millisecond}},
			run: func(t *testing.T, s *Server) {
				const n = 1000
				before := heap()
				for i := range n {
					if i%10 == 0 { // these have said something once
						p := dialHTTP2(t, s.Addrs()[1])
						p.want(p.ping(), "200", "serverInfo")
						continue
					}
					c, err := net.Dial("tcp", strings.TrimPrefix(s.Addrs()[1], "http://"))
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					if _, err := io.WriteString(c, xhttp2.ClientPreface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err != nil {
						t.Fatal(err)
					}
					if _, err := io.ReadFull(c, make([]byte, 9)); err != nil { // of its SETTINGS
						t.Fatal(err)
					}
				}
				if closed := s.Snapshot().Engine.Closed; closed[engine.CloseHandshake]+closed[engine.CloseIdle] < n/10 {
					each := (int64(heap()) - int64(before)) / n
					t.Logf("%d bytes of heap each, both ends", each)
					if each > 16<<10 && !raced {
						t.Errorf("%d bytes each", each)
					}
				}
				drops(t, s, engine.CloseHandshake, n*9/10)
				drops(t, s, engine.CloseIdle, n/10)
			}},
		{n: 40, name: "answers_never_read", o: Options{TCP: small}, run: func(t *testing.T, s *Server) {
			p := dialHTTP2(t, s.Addrs()[1])
			p.lenient = true
			_ = p.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
			bounded(t, 8<<20, func() {
				for i := 0; i < 200_000 && p.failed == nil; i++ {
					p.head(true, "GET", "/", "expect", "more")
				}
			})
			eventually(t, "failed", func() bool { return s.Snapshot().HTTP2.Failed[web.HTTP2Control] == 1 })
			drops(t, s, engine.CloseProtocol, 1)
		}},
		{n: 41, name: "HPACK_bomb", run: func(t *testing.T, s *Server) {
			p := dialHTTP2(t, s.Addrs()[1])
			value := strings.Repeat("x", 3900)
			var fields []string
			for range 12_000 { // of a byte each, but for the first
				fields = append(fields, "x-bomb", value)
			}
			bounded(t, 8<<20, func() {
				for range 5 {
					p.want(p.head(true, "GET", "/", fields...), "431", "")
				}
			})
			p.want(p.ping(), "200", "serverInfo")
			if n := s.Snapshot(); n.HTTPRefused[web.RefusedHead] != 5 || n.Engine.BufferedBytes != 0 {
				t.Errorf("%d refused, %d bytes", n.HTTPRefused[web.RefusedHead], n.Engine.BufferedBytes)
			}
		}},
		{n: 41, name: "entries_without_bytes", o: Options{HTTP2: HTTP2Options{MaxResets: 1_000_000}}, run: func(t *testing.T, s *Server) {
			p := dialHTTP2(t, s.Addrs()[1])
			block := []byte(strings.Repeat("\x40\x00\x00", 5400))
			bounded(t, 4<<20, func() {
				for i := range uint32(300) {
					p.must(p.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: block, EndStream: true, EndHeaders: true}))
					p.want(2*i+1, "400", "field name")
				}
			})
		}},
		{n: 42, name: "window_overflow_of_a_stream", run: func(t *testing.T, s *Server) {
			p := dialHTTP2(t, s.Addrs()[1])
			id := p.modern("delay", `{"ms":300,"text":"late"}`)
			p.must(p.fr.WriteWindowUpdate(id, 1<<31-1))
			if p.answer(id); p.reset[id] != xhttp2.ErrCodeFlowControl {
				t.Errorf("reset by %v", p.reset[id])
			}
			p.want(p.ping(), "200", "serverInfo")
		}},
		{n: 42, name: "spoilt_preface", o: Options{HTTP2: HTTP2Options{Only: true}}, run: func(t *testing.T, s *Server) {
			for _, in := range []string{"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", xhttp2.ClientPreface[:23] + "\r"} {
				p := dialURL(t, s.Addrs()[1])
				p.send(in)
				b, err := io.ReadAll(p)
				if err != nil || !strings.Contains(string(b), "not the preface") {
					t.Errorf("%q: %q, %v", in, b, err)
				}
			}
			drops(t, s, engine.CloseProtocol, 2)
		}},
		{n: 42, name: "half_a_HEADERS", o: Options{Engine: engine.Options{ReadTimeout: 300 * time.Millisecond}}, run: func(t *testing.T, s *Server) {
			p := dialHTTP2(t, s.Addrs()[1])
			p.lenient = true
			if _, err := p.Write([]byte("\x00\x00\x09\x01\x04\x00\x00\x00\x01\x82")); err != nil {
				t.Fatal(err)
			}
			p.ended()
			drops(t, s, engine.CloseReadTimeout, 1)
		}},
		{n: 47, name: "pings_never_read", o: Options{TCP: small}, run: func(t *testing.T, s *Server) {
			p := dialHTTP2(t, s.Addrs()[1])
			_ = p.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
			bounded(t, 8<<20, func() {
				for range 50_000 {
					if p.fr.WritePing(false, [8]byte{}) != nil {
						break
					}
				}
			})
			drops(t, s, engine.CloseProtocol, 1)
		}},
	}
}
