package transports

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// http2Peer is a client of HTTP/2 that does what it is told, by the frames of
// x/net.
type http2Peer struct {
	t testing.TB
	net.Conn
	fr    *xhttp2.Framer
	enc   *hpack.Encoder
	block bytes.Buffer
	id    uint32
	got   map[uint32]*http2Answer
	reset map[uint32]xhttp2.ErrCode
	away  *xhttp2.GoAwayFrame
	pongs int

	lenient bool // what cannot be written is no error of the test's; only the test writes
	failed  error
}

type http2Answer struct {
	status string
	header map[string]string
	body   string
	ended  bool
}

// dialHTTP2 connects and says the preface, with settings. Windows are those of the
// protocol unless settings say otherwise, and never open by themselves.
func dialHTTP2(t testing.TB, url string, settings ...xhttp2.Setting) *http2Peer {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	p := &http2Peer{t: t, Conn: c, fr: xhttp2.NewFramer(c, c), id: ^uint32(0), got: map[uint32]*http2Answer{}, reset: map[uint32]xhttp2.ErrCode{}}
	p.fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	p.fr.AllowIllegalWrites = true
	p.enc = hpack.NewEncoder(&p.block)
	if _, err := io.WriteString(c, xhttp2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	p.must(p.fr.WriteSettings(settings...))
	return p
}

func (p *http2Peer) must(err error) {
	p.t.Helper()
	switch {
	case err != nil && p.lenient:
		p.failed = err
	case err != nil:
		p.t.Fatal(err)
	}
}

// head sends HEADERS of a new stream, and returns its number. headers are names
// and values, in turn.
func (p *http2Peer) head(end bool, method, path string, headers ...string) uint32 {
	p.t.Helper()
	p.id += 2
	p.block.Reset()
	all := append([]string{":method", method, ":scheme", "http", ":authority", "127.0.0.1", ":path", path}, headers...)
	for i := 0; i < len(all); i += 2 {
		p.must(p.enc.WriteField(hpack.HeaderField{Name: strings.ToLower(all[i]), Value: all[i+1]}))
	}
	p.must(p.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: p.id, BlockFragment: p.block.Bytes(), EndStream: end, EndHeaders: true}))
	return p.id
}

// post sends a message.
func (p *http2Peer) post(body string, headers ...string) uint32 {
	p.t.Helper()
	id := p.head(false, "POST", "/mcp", append([]string{"content-type", "application/json", "accept", "application/json, text/event-stream"}, headers...)...)
	for ; len(body) > 16384; body = body[16384:] {
		p.must(p.fr.WriteData(id, false, []byte(body[:16384])))
	}
	p.must(p.fr.WriteData(id, true, []byte(body)))
	return id
}

// modern posts a call of 2026-07-28.
func (p *http2Peer) modern(tool, args string) uint32 {
	p.t.Helper()
	return p.post(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"%s","arguments":%s,%s}}`, tool, args, webMeta),
		"mcp-protocol-version", "2026-07-28", "mcp-method", "tools/call", "mcp-name", tool)
}

// read takes in frames until done says so. It returns the error of what ends the
// connection.
func (p *http2Peer) read(done func() bool) error {
	for !done() {
		frame, err := p.fr.ReadFrame()
		if err != nil {
			return err
		}
		id := frame.Header().StreamID
		answer := func() *http2Answer {
			if p.got[id] == nil {
				p.got[id] = &http2Answer{header: map[string]string{}}
			}
			return p.got[id]
		}
		switch f := frame.(type) {
		case *xhttp2.MetaHeadersFrame:
			a := answer()
			for _, h := range f.Fields {
				a.header[h.Name] = h.Value
			}
			a.status, a.ended = a.header[":status"], f.StreamEnded()
		case *xhttp2.DataFrame:
			a := answer()
			a.body += string(f.Data())
			a.ended = f.StreamEnded()
		case *xhttp2.RSTStreamFrame:
			p.reset[id] = f.ErrCode
		case *xhttp2.GoAwayFrame:
			kept := *f
			p.away = &kept
		case *xhttp2.SettingsFrame:
			if !f.IsAck() && !p.lenient {
				p.must(p.fr.WriteSettingsAck())
			}
		case *xhttp2.PingFrame:
			if f.IsAck() {
				p.pongs++
			} else if !p.lenient {
				p.must(p.fr.WritePing(true, f.Data))
			}
		}
	}
	return nil
}

// answer reads until a stream has ended, one way or the other.
func (p *http2Peer) answer(id uint32) http2Answer {
	p.t.Helper()
	err := p.read(func() bool {
		_, reset := p.reset[id]
		return reset || p.got[id] != nil && p.got[id].ended
	})
	if err != nil {
		p.t.Fatalf("stream %d: %v, GOAWAY %v", id, err, p.away)
	}
	if p.got[id] == nil {
		return http2Answer{}
	}
	return *p.got[id]
}

// want reads an answer and compares it.
func (p *http2Peer) want(id uint32, status, has string) {
	p.t.Helper()
	if a := p.answer(id); a.status != status || !strings.Contains(a.body, has) {
		p.t.Fatalf("stream %d: %.300v, reset %v; want %s with %s", id, a, p.reset[id], status, has)
	}
}

// ended reads until the connection ends, and returns the last GOAWAY. What a
// lenient peer still sends may have the end come as a reset.
func (p *http2Peer) ended() (last uint32, code xhttp2.ErrCode) {
	p.t.Helper()
	err := p.read(func() bool { return false })
	if p.away == nil || !errors.Is(err, io.EOF) && !(p.lenient && errors.Is(err, syscall.ECONNRESET)) {
		p.t.Fatalf("%v, GOAWAY %v; want a GOAWAY and the end", err, p.away)
	}
	return p.away.LastStreamID, p.away.ErrCode
}
