package http1

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/gannetmcp/gannet/ringbuf"
)

// inside reports whether part is a piece of whole.
func inside(part, whole []byte) bool {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(part)))
	from := uintptr(unsafe.Pointer(unsafe.SliceData(whole)))
	return len(part) > 0 && at >= from && at+uintptr(len(part)) <= from+uintptr(len(whole))
}

func newParser(pool *ringbuf.Pool) *Parser {
	p := new(Parser)
	p.Init(NewLoop(pool, Limits{}), nil)
	return p
}

// A request that lies whole in one read is a view of it, and takes no buffer.
func TestWholeRequestIsAView(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	for name, in := range map[string]string{
		"length": post("Content-Length: 5\r\nX: y\r\n") + "hello",
		"chunk":  post("Transfer-Encoding: chunked\r\nX: y\r\n") + "5\r\nhello\r\n0\r\n\r\n",
	} {
		p := newParser(pool)
		b := []byte("\r\n" + in + in)
		for rest := b; ; {
			n, ev := p.Next(rest)
			rest = rest[n:]
			if ev == More {
				break
			}
			if x, _ := p.Request().Header("x"); !inside(x, b) || !inside(p.Request().Path(), b) {
				t.Errorf("%s: the head was copied", name)
			}
			if ev == Done && (!inside(p.Body(), b) || string(p.Body()) != "hello") {
				t.Errorf("%s: the body was copied: %q", name, p.Body())
			}
		}
		if s := pool.Stats(); s.Gets != 0 {
			t.Errorf("%s: %d buffers taken", name, s.Gets)
		}
	}
}

// Views cannot be grown into what lies behind them.
func TestViewsEndWhereTheyEnd(t *testing.T) {
	p := newParser(ringbuf.NewPool(ringbuf.PoolOptions{}))
	b := []byte(post("Content-Length: 5\r\nX: y\r\n") + "hello" + get("/next"))
	before := string(b)
	n, _ := p.Next(b)
	value, _ := p.Request().Header("x")
	_ = append(value, '!')
	_ = append(p.Request().Path(), '!')
	_ = append(p.Request().Host(), '!')
	p.Next(b[n:])
	_ = append(p.Body(), '!')
	if string(b) != before {
		t.Errorf("written to: %q", b)
	}
}

// A head stays readable while its body comes in pieces, though the reader's
// buffer is used again.
func TestHeadOutlivesTheRead(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	p := newParser(pool)
	read := []byte(post("Content-Length: 10\r\nMcp-Session-Id: 1234\r\n") + "01234")
	n, ev := p.Next(read)
	if ev != Head {
		t.Fatalf("event %d", ev)
	}
	if _, ev := p.Next(read[n:]); ev != More {
		t.Fatalf("event %d", ev)
	}
	for i := range read {
		read[i] = '#'
	}
	if _, ev := p.Next([]byte("56789")); ev != Done || string(p.Body()) != "0123456789" {
		t.Fatalf("event %d, body %q", ev, p.Body())
	}
	if id, times := p.Request().Header("MCP-SESSION-ID"); string(id) != "1234" || times != 1 {
		t.Errorf("%q, %d times", id, times)
	}
	if n := pool.Stats().Outstanding; n != 2 {
		t.Errorf("%d buffers held, want a head and a body", n)
	}
	if p.Next(nil); pool.Stats().Outstanding != 0 || p.Request() != nil || p.Body() != nil {
		t.Errorf("%d buffers held after the next call", pool.Stats().Outstanding)
	}
}

// A peer that sends a head slowly costs a buffer for it, and no Request.
func TestHeadInPiecesHoldsABufferOnly(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	loop := NewLoop(pool, Limits{})
	parsers := make([]Parser, 10)
	for i := range parsers {
		parsers[i].Init(loop, nil)
		parsers[i].Next([]byte("GET / HT"))
		parsers[i].Next([]byte("TP/1.1\r\n"))
	}
	if n := pool.Stats().Outstanding; n != 10 || len(loop.requests) != 1 {
		t.Errorf("%d buffers held, %d requests made", n, len(loop.requests))
	}
	for i := range parsers {
		parsers[i].Stop()
	}
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers left", n)
	}
	if size := unsafe.Sizeof(Parser{}); size > 192 {
		t.Errorf("a connection at rest costs %d bytes", size)
	}
}

func TestHeaderLookup(t *testing.T) {
	p := newParser(ringbuf.NewPool(ringbuf.PoolOptions{}))
	p.Next([]byte(get("/") + host + "Accept: a\r\nACCEPT: b\r\nX-Empty:\r\nMcp-@: no\r\n"))
	if p.Request() != nil {
		t.Fatal("a request before its head is complete")
	}
	p.Stop()
	p = newParser(ringbuf.NewPool(ringbuf.PoolOptions{}))
	p.Next([]byte(get("/") + host + "Accept: a\r\nACCEPT: b\r\nX-Empty:\r\n^: caret\r\n\r\n"))
	for _, tc := range []struct {
		name, value string
		times       int
	}{
		{"accept", "a", 2}, {"Accept", "a", 2}, {"aCCepT", "a", 2}, {"HOST", "a", 1}, {"x-empty", "", 1},
		{"^", "caret", 1}, {"~", "", 0}, // these differ in the bit of letter case only
		{"accep", "", 0}, {"accept ", "", 0}, {"", "", 0}, {"content-length", "", 0},
	} {
		if v, n := p.Request().Header(tc.name); string(v) != tc.value || n != tc.times {
			t.Errorf("%q: %q, %d times", tc.name, v, n)
		}
	}
}

// What a deadline is to be kept for, byte by byte.
func TestPhases(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"\r\n" + get("/") + "\r\n", "II" + strings.Repeat("H", len(get("/"))+1) + "E"}, // no Host
		{get("/") + host + "\r\n" + "G", strings.Repeat("H", len(get("/")+host)+1) + "IH"},
		{post("Content-Length: 2\r\n") + "abG", strings.Repeat("H", len(post("Content-Length: 2\r\n"))-1) + "BBIH"},
		{chunked + "1\r\na\r\n0\r\n\r\n", strings.Repeat("H", len(chunked)-1) + strings.Repeat("B", 11) + "I"},
		{post("Connection: close\r\n") + "more", strings.Repeat("H", len(post("Connection: close\r\n"))-1) + "EEEEE"},
	} {
		p := newParser(ringbuf.NewPool(ringbuf.PoolOptions{}))
		var got strings.Builder
		for i := range len(tc.in) {
			for rest := []byte{tc.in[i]}; ; {
				n, ev := p.Next(rest)
				if rest = rest[n:]; ev == More {
					break
				}
				if ev == Done && (p.Phase() == PhaseEnded) == p.Request().KeepAlive() {
					t.Errorf("phase %d at Done", p.Phase())
				}
			}
			got.WriteByte("IHBE"[p.Phase()])
		}
		if got.String() != tc.want {
			t.Errorf("%q:\n got %s\nwant %s", tc.in, got.String(), tc.want)
		}
	}
}

// 100 Continue is due once, when the head is there and the body is not.
func TestContinueDue(t *testing.T) {
	const fields = "Expect: 100-continue\r\nContent-Length: 4\r\n"
	for _, tc := range []struct {
		name   string
		pieces []string
		want   string
	}{
		{"waits", []string{post(fields), "bo", "dy"}, "yes no no"},
		{"waits, head in pieces", []string{post(fields)[:30], post(fields)[30:], "body"}, "no yes no"},
		{"waits, chunks", []string{post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"), "1\r\na\r\n0\r\n\r\n"}, "yes no"},
		{"does not wait", []string{post(fields) + "b", "ody"}, "no no"},
		{"does not wait, chunks", []string{post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n") + "1", "\r\na\r\n0\r\n\r\n"}, "no no"},
		{"all there", []string{post(fields) + "body"}, "no"},
		{"no body", []string{post("Expect: 100-continue\r\n")}, "no"},
		{"length 0", []string{post("Expect: 100-continue\r\nContent-Length: 0\r\n")}, "no"},
		{"no expectation", []string{post("Content-Length: 4\r\n"), "body"}, "no no"},
		{"1.0", []string{"POST / HTTP/1.0\r\n" + fields + "\r\n", "body"}, "no no"},
		{"two requests", []string{post(fields), "body" + post(fields), "body"}, "yes yes no"},
		{"too large", []string{post("Expect: 100-continue\r\nContent-Length: 99999999\r\n")}, "no"},
	} {
		p := newParser(ringbuf.NewPool(ringbuf.PoolOptions{}))
		var got []string
		for _, piece := range tc.pieces {
			for rest := []byte(piece); ; {
				n, ev := p.Next(rest)
				if rest = rest[n:]; ev == More {
					break
				}
			}
			due := "no"
			if p.ContinueDue() {
				due = "yes"
			}
			if p.ContinueDue() {
				due += " and again"
			}
			got = append(got, due)
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %v, want %s", tc.name, got, tc.want)
		}
	}
}

// After Failed, after close and after Stop everything is taken in and nothing
// comes of it.
func TestNothingAfterTheEnd(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	good := []byte(get("/") + host + "\r\n")
	for name, end := range map[string]func(p *Parser){
		"failed":  func(p *Parser) { p.Next([]byte("\x00")) },
		"stopped": func(p *Parser) { p.Next(good); p.Stop() },
		"stopped in a body": func(p *Parser) {
			b := []byte(post("Content-Length: 5\r\n") + "he")
			n, _ := p.Next(b)
			p.Next(b[n:])
			p.Stop()
		},
		"closed": func(p *Parser) { p.Next([]byte("GET / HTTP/1.0\r\n\r\n")); p.Next(nil) },
	} {
		p := newParser(pool)
		end(p)
		for range 3 {
			if n, ev := p.Next(good); ev != More || n != len(good) || p.Phase() != PhaseEnded || p.Request() != nil {
				t.Errorf("%s: event %d, took %d, phase %d", name, ev, n, p.Phase())
			}
		}
		if (p.Err() != nil) != (name == "failed") {
			t.Errorf("%s: %v", name, p.Err())
		}
		if n := pool.Stats().Outstanding; n != 0 {
			t.Errorf("%s: %d buffers left", name, n)
		}
	}
}

// The bytes behind an upgrade are the caller's: Next takes no more than the
// request.
func TestUpgradeLeavesTheRest(t *testing.T) {
	p := newParser(ringbuf.NewPool(ringbuf.PoolOptions{}))
	in := []byte(get("/") + host + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + "\x81\x85frame")
	n, ev := p.Next(in)
	m, last := p.Next(in[n:])
	if ev != Head || last != Done || !p.Request().Upgrade() || !bytes.HasPrefix(in[n+m:], []byte("\x81\x85")) {
		t.Errorf("events %d, %d; the rest is %q", ev, last, in[n+m:])
	}
}

// A long head arrives byte by byte.
func TestLongHeadByteByByte(t *testing.T) {
	in := get("/") + host
	for len(in) < 30<<10 {
		in += "A" + x(1000) + ": b\r\n"
	}
	in += "\r\n"
	p := newParser(ringbuf.NewPool(ringbuf.PoolOptions{}))
	tr := trace{p: p}
	for i := range len(in) {
		tr.feed([]byte(in[i : i+1]))
	}
	if len(tr.got) != 2 {
		t.Errorf("%.200q", tr.got)
	}
}

func TestErrorText(t *testing.T) {
	if got := fmt.Sprint(ErrHost); got != "http1: 400: Host missing, repeated or malformed" {
		t.Error(got)
	}
}
