package fuzz_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/http1"
	"github.com/gannetmcp/gannet/transports/http2"
)

// webAnswer is one answer, by either version of HTTP.
type webAnswer struct {
	status int
	fields []string // those that say something of the answer
	body   string
}

func (a webAnswer) String() string { return fmt.Sprintf("%d %q %q", a.status, a.fields, a.body) }

// webField reports whether a field says something of an answer, and not of how it
// was sent.
func webField(name string) bool {
	switch strings.ToLower(name) {
	case "date", "connection", "transfer-encoding", "content-length", "mcp-session-id":
		return false
	}
	return true
}

// webOverHTTP2 makes a stream of HTTP/2 of the requests in one of HTTP/1.1, up to
// the first that HTTP/2 has no like of; n is how many.
func webOverHTTP2(stream []byte) (out []byte, n int) {
	var b bytes.Buffer
	b.WriteString(http2.Preface)
	fr := xhttp2.NewFramer(&b, nil)
	_ = fr.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1 << 30})
	_ = fr.WriteWindowUpdate(0, 1<<30)
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	var p http1.Parser
	p.Init(http1.NewLoop(ringbuf.NewPool(ringbuf.PoolOptions{}), http1.Limits{Body: 1 << 16}), nil)
	for rest, ev := stream, http1.Event(255); ; {
		var k int
		if k, ev = p.Next(rest); ev == http1.More || ev == http1.Failed {
			return b.Bytes(), n
		}
		rest = rest[k:]
		if ev != http1.Done {
			continue
		}
		q := p.Request()
		if q.Minor() == 0 || q.Upgrade() || len(q.Host()) == 0 || string(q.Path()) == "/ws" {
			return b.Bytes(), n
		}
		block.Reset()
		target := string(q.Path())
		if len(q.Query()) > 0 {
			target += "?" + string(q.Query())
		}
		for _, f := range [][2]string{{":method", string(q.Method())}, {":scheme", "http"}, {":authority", string(q.Host())}, {":path", target}} {
			_ = enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		for i := range q.Fields() {
			name, value := q.Field(i)
			switch lower := strings.ToLower(string(name)); lower {
			case "host", "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "te":
			default:
				_ = enc.WriteField(hpack.HeaderField{Name: lower, Value: string(value)})
			}
		}
		id := uint32(2*n + 1)
		_ = fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: len(p.Body()) == 0})
		if len(p.Body()) > 0 {
			for body := p.Body(); ; {
				k := min(len(body), 16384)
				_ = fr.WriteData(id, k == len(body), body[:k])
				if body = body[k:]; len(body) == 0 {
					break
				}
			}
		}
		n++
		if !q.KeepAlive() {
			return b.Bytes(), n
		}
	}
}

// answersOfHTTP2 reads what was sent, by stream. An answer whose end did not come
// is one all the same.
func answersOfHTTP2(t *testing.T, sent []byte) map[uint32]webAnswer {
	fr := xhttp2.NewFramer(io.Discard, bytes.NewReader(sent))
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	answers := map[uint32]webAnswer{}
	for {
		frame, err := fr.ReadFrame()
		if errors.Is(err, io.EOF) {
			for id, a := range answers {
				a.body = webRandom.ReplaceAllString(a.body, "$1")
				answers[id] = a
			}
			return answers
		}
		if err != nil {
			t.Fatalf("what was sent is no frame: %v", err)
		}
		id := frame.Header().StreamID
		a := answers[id]
		switch f := frame.(type) {
		case *xhttp2.MetaHeadersFrame:
			if f.PseudoValue("status") == "100" {
				continue
			}
			if _, err := fmt.Sscan(f.PseudoValue("status"), &a.status); err != nil {
				t.Fatal(err)
			}
			for _, h := range f.RegularFields() {
				if webField(h.Name) {
					a.fields = append(a.fields, http.CanonicalHeaderKey(h.Name)+": "+h.Value)
				}
			}
			slices.Sort(a.fields)
		case *xhttp2.DataFrame:
			a.body += string(f.Data())
		default:
			continue
		}
		answers[id] = a
	}
}

// answersOfHTTP1 reads what was sent, in order.
func answersOfHTTP1(sent []byte, n int) (answers []webAnswer) {
	sent = bytes.ReplaceAll(sent, []byte("HTTP/1.1 100 Continue\r\n\r\n"), nil)
	r := bufio.NewReader(bytes.NewReader(sent))
	for range n {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return answers
		}
		a := webAnswer{status: res.StatusCode}
		body, err := io.ReadAll(res.Body)
		a.body = webRandom.ReplaceAllString(string(body), "$1")
		for name, values := range res.Header {
			for _, v := range values {
				if webField(name) {
					a.fields = append(a.fields, name+": "+v)
				}
			}
		}
		slices.Sort(a.fields)
		answers = append(answers, a)
		if err != nil { // an event stream without an end
			return answers
		}
	}
	return answers
}

// judgeWebHTTP2 has the requests of a stream answered by HTTP/2 as they are by
// HTTP/1.1, wherever that is cut.
func judgeWebHTTP2(t *testing.T, svc *mcp.Server, stream []byte) (compared int) {
	two, n := webOverHTTP2(stream)
	got := answersOfHTTP2(t, webSent(t, svc, two, 0))
	for _, piece := range []int{1, 5, 100} {
		cut := answersOfHTTP2(t, webSent(t, svc, two, piece))
		if fmt.Sprint(cut) != fmt.Sprint(got) {
			t.Fatalf("in pieces of %d:\n%v\nwhole:\n%v", piece, cut, got)
		}
	}
	if bytes.Contains(stream, []byte("HEAD")) {
		return 0 // which answers of HTTP/1.1 have no body, only the server knows
	}
	for i, want := range answersOfHTTP1(webSent(t, svc, stream, 0), n) {
		if have := got[uint32(2*i+1)]; have.String() != want.String() {
			t.Fatalf("request %d of\n%q:\nHTTP/2   %v\nHTTP/1.1 %v", i, stream, have, want)
		}
		compared++
	}
	return compared
}

func TestWebHTTP2Seeds(t *testing.T) {
	svc := webServer()
	compared := 0
	for _, s := range webSeeds() {
		compared += judgeWebHTTP2(t, svc, []byte(s))
	}
	if compared < 20 {
		t.Errorf("%d answers compared", compared)
	}
}

// A request is answered by HTTP/2 as by HTTP/1.1: status, fields and body, whether
// it is served, refused, an event stream or none; that does not depend on where the
// bytes are cut; and with the connection all buffers and reserved bytes come back.
func FuzzWebHTTP2(f *testing.F) {
	for _, s := range webSeeds() {
		f.Add([]byte(s))
	}
	svc := webServer()
	f.Fuzz(func(t *testing.T, stream []byte) {
		if len(stream) <= 1<<12 {
			judgeWebHTTP2(t, svc, stream)
		}
	})
}
