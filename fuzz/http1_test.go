package fuzz_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/http1"
)

// http1Seeds has each form and each refusal of requests, and borders.
var http1Seeds = []string{
	"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"\r\nGET /a?b HTTP/1.1\r\nHost: a:80\r\nAccept: x\r\naccept: y\r\n\r\n",
	"GET http://b/c HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
	"HEAD / HTTP/1.0\r\n\r\n",
	"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.2\r\nHost:\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nmore",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel",
	"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n06;x=\"y\"\r\n world\r\n0\r\nX: y\r\nContent-Length: 3\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nPragma: no-cache\r\nTrailer: X\r\nX: \xff\ty \r\n\r\n",
	// Refused here, accepted by net/http.
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
	"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
	"GET / HTTP/1.1\nHost: a\n\n",
	"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;\x01\r\na\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n b\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: \x01\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n\r\n", // LF alone ends a trailer section
	"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
	"GET / HTTP/1.1\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
	"GET /\"<> HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
	"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n",
	// Refused by both.
	"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a\nb\r\na\r\n0\r\n\r\n",
	"\x16\x03\x01", "\r\n\r\n", "G", "",
}

// http1Message is one request, as read by either side.
type http1Message struct {
	Method, Target, Host string
	Minor                int
	Close                bool
	Header               http.Header
	Body                 string
}

func (m http1Message) String() string {
	return fmt.Sprintf("%q %q HTTP/1.%d host %q close %v %q body %q", m.Method, m.Target, m.Minor, m.Host, m.Close, map[string][]string(m.Header), m.Body)
}

// http1Read is what became of a stream.
type http1Read struct {
	messages []http1Message
	ends     []int // in the stream, behind each
	err      *http1.Error
	pending  bool // a request has begun
}

func (r http1Read) String() string {
	return fmt.Sprintf("%v, ends %v, error %v, pending %v", r.messages, r.ends, r.err, r.pending)
}

// readHTTP1 feeds in cut as cuts says, over and over, in a mode for each request
// by turns, each piece in a buffer that is spoilt afterwards.
func readHTTP1(t *testing.T, in, cuts []byte, limits http1.Limits, modes ...http1.BodyMode) (r http1Read) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	budget := &lineBudget{t: t, max: 1 << 30}
	var p http1.Parser
	p.Init(http1.NewLoop(pool, limits), budget)
	taken := 0
	var mode http1.BodyMode
	var m http1Message
	for rest, i := in, 0; len(rest) > 0; i++ {
		n := len(rest)
		if len(cuts) > 0 {
			n = min(n, int(cuts[i%len(cuts)])+1)
		}
		piece := bytes.Clone(rest[:n])
		rest = rest[n:]
		for b, ev := piece, http1.Event(255); ev != http1.More; {
			var n int
			n, ev = p.Next(b)
			if n > len(b) {
				t.Fatalf("took %d of %d bytes", n, len(b))
			}
			b = b[n:]
			taken += n
			switch ev {
			case http1.Head:
				q := p.Request()
				m = http1Message{Method: string(q.Method()), Target: string(q.Target()), Host: string(q.Host()), Minor: q.Minor(), Close: !q.KeepAlive(), Header: http.Header{}}
				for i := range q.Fields() {
					name, value := q.Field(i)
					m.Header.Add(string(name), string(value))
				}
				if len(modes) > 0 {
					mode = modes[len(r.messages)%len(modes)]
				}
				p.SetBody(mode)
			case http1.Piece:
				m.Body += string(p.Body())
			case http1.Done:
				if m.Body += string(p.Body()); mode == http1.Pieces && len(p.Body()) > 0 {
					t.Fatal("a body at Done, though its pieces were handed out")
				}
				if string(p.Request().Method()) != m.Method || string(p.Request().Target()) != m.Target {
					t.Fatal("the head has changed")
				}
				r.messages = append(r.messages, m)
				r.ends = append(r.ends, taken)
			case http1.Failed:
				r.err = p.Err()
			case http1.More:
				if len(b) > 0 {
					t.Fatalf("%d bytes left over", len(b))
				}
			}
		}
		for k := range piece {
			piece[k] = 0xCC // nothing may still alias it
		}
		if p.Phase() == http1.PhaseIdle && pool.Stats().Outstanding > 0 {
			t.Fatalf("%d buffers held at rest", pool.Stats().Outstanding)
		}
	}
	r.pending = p.Phase() == http1.PhaseHead || p.Phase() == http1.PhaseBody
	p.Stop()
	if pool.Stats().Outstanding != 0 || budget.held != 0 || p.Charged() != 0 {
		t.Fatalf("%d buffers and %d bytes left", pool.Stats().Outstanding, budget.held)
	}
	return r
}

// FuzzHTTP1Split checks that a stream means the same requests and the same
// refusal however it is cut, and whether bodies are taken whole or in pieces.
func FuzzHTTP1Split(f *testing.F) {
	for i, in := range http1Seeds {
		f.Add([]byte(in), []byte{0}, uint8(0))
		f.Add([]byte(in), []byte{byte(i), 2, 7}, uint8(i))
	}
	f.Fuzz(splitHTTP1)
}

// splitHTTP1 is FuzzHTTP1Split for one stream.
func splitHTTP1(t *testing.T, in, cuts []byte, small uint8) {
	limits := http1.Limits{Fields: 4, ChunkExt: 8, Trailers: 24, Body: 64}
	if small > 0 {
		limits.Line, limits.Head = 4+int(small)/4, 4+int(small)
	}
	want := readHTTP1(t, in, nil, limits)
	for _, modes := range [][]http1.BodyMode{{http1.Whole}, {http1.Pieces, http1.Whole}} {
		got := readHTTP1(t, in, cuts, limits, modes...)
		if got.String() != want.String() {
			t.Fatalf("cuts %v, modes %v:\n got %v\nwant %v", cuts, modes, got, want)
		}
	}
}

// readNetHTTP reads one request from in by net/http, and says how many bytes it
// had.
func readNetHTTP(in []byte) (m http1Message, n int, err error) {
	left := bytes.NewReader(in)
	b := bufio.NewReader(left)
	q, err := http.ReadRequest(b)
	if err != nil {
		return m, 0, err
	}
	body, err := io.ReadAll(q.Body)
	m = http1Message{Method: q.Method, Target: q.RequestURI, Host: q.Host, Minor: q.ProtoMinor, Close: q.Close, Header: q.Header, Body: string(body)}
	return m, len(in) - left.Len() - b.Buffered(), err
}

// stricter are the requests that net/http takes and http1 does not: for each
// error, what must be in the request that it names.
var stricter = map[*http1.Error]func([]byte) bool{
	http1.ErrLineEnd:           regexp.MustCompile(`(?s)(^|[^\r])\n|\r([^\n]|$)`).Match,               // LF alone, CR alone
	http1.ErrFold:              regexp.MustCompile(`\n[ \t]`).Match,                                   // also in trailers
	http1.ErrFieldName:         regexp.MustCompile(`\n[^:\r\n]*[ \t][^:\r\n]*:`).Match,                // refused by net/http's server, taken by ReadRequest
	http1.ErrFieldValue:        regexp.MustCompile(`[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]`).Match,          // the same
	http1.ErrHost:              badHost,                                                               // the same
	http1.ErrContentLength:     regexp.MustCompile(`(?si)\ncontent-length:.*\ncontent-length:`).Match, // equal ones
	http1.ErrLengthAndEncoding: regexp.MustCompile(`(?si)content-length:.*transfer-encoding:|transfer-encoding:.*content-length:`).Match,
	http1.ErrTransferEncoding:  regexp.MustCompile(`(?si)HTTP/1\.0.*transfer-encoding:`).Match,                                                         // passed over there
	http1.ErrChunkSize:         regexp.MustCompile(`\n[0-9a-fA-F]+[ \t]+[\r;]`).Match,                                                                  // white space behind a chunk size
	http1.ErrChunkExt:          regexp.MustCompile(`\n[0-9a-fA-F]+;([^\n]*[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[^!-~\t ]|[\r"(),/:;<=>?@\[\\\]{}])`).Match, // control characters, no name
	http1.ErrChunkExtTooLong:   regexp.MustCompile(`\n[0-9a-fA-F]+;`).Match,
	http1.ErrTrailer:           regexp.MustCompile(`[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\n[^:\r\n]*[ \t][^:\r\n]*:`).Match, // as in a head
	http1.ErrTarget:            regexp.MustCompile(`^[^ ]+ ([^\r\n]*[^!-~][^\r\n]*|[^\r\n]*[#"<>\\%@:\[][^\r\n]*|\*|[^/\r\n][^\r\n]*) HTTP/`).Match,
	http1.ErrVersion:           regexp.MustCompile(`^[^\n]* HTTP/([^1]\.|1\.[^0-9])`).Match,
	http1.ErrConnect:           regexp.MustCompile(`^CONNECT `).Match,
	http1.ErrExpect:            regexp.MustCompile(`(?i)\nexpect:`).Match,
	http1.ErrTooManyFields:     regexp.MustCompile(`(?s)(\n[^\n]*){100}`).Match,
}

var (
	hostFields = regexp.MustCompile(`(?i)\nhost:[ \t]*([^\r\n]*?)[ \t]*\r\n`)
	goodHost   = regexp.MustCompile(`^(([A-Za-z0-9._~!$&'()*+,;=-]+|\[[0-9a-fA-F:.]{2,}\])(:[0-9]{0,5})?)?$`)
)

// badHost reports whether a head has no Host, more than one, or one that is no
// host and port.
func badHost(raw []byte) bool {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	found := hostFields.FindAllSubmatch(append(head[:len(head):len(head)], "\r\n"...), -1)
	return len(found) != 1 || !goodHost.Match(found[0][1]) || strings.Count(string(found[0][1]), ":") > 0 && !goodPort(string(found[0][1]))
}

func goodPort(host string) bool {
	port, err := strconv.Atoi("0" + host[strings.LastIndexByte(host, ':')+1:])
	return err == nil && port < 1<<16 || strings.HasSuffix(host, "]")
}

// laxity is a kind of request that http1 takes and net/http does not: by the
// text of net/http's error and what must be in the request.
type laxity struct {
	err string
	in  *regexp.Regexp
}

var laxer = []laxity{
	{"bad trailer key", regexp.MustCompile(`(?i)\ntrailer:`)}, // trailers are dropped here, so nobody need announce them well
	{"invalid URI", regexp.MustCompile(`^[^ ]+ [^ ]*[\[\]%]`)},
}

// FuzzHTTP1 compares with net/http's ReadRequest. A request that http1 takes,
// net/http takes too, with the same parts, the same body and the same last
// byte. What http1 refuses, net/http refuses too, unless it is one of stricter;
// and where http1 waits for more, net/http does not have a request.
func FuzzHTTP1(f *testing.F) {
	for _, in := range http1Seeds {
		f.Add([]byte(in))
	}
	f.Fuzz(againstNetHTTP)
}

// TestHTTP1Fragments is FuzzHTTP1 and FuzzHTTP1Split on streams put together from
// what requests are made of, which comes sooner to what matters.
func TestHTTP1Fragments(t *testing.T) {
	rounds := 20000
	if testing.Short() {
		rounds = 2000
	}
	rng := rand.New(rand.NewPCG(91, 12))
	pick := func(from []string) string { return from[rng.IntN(1+rng.IntN(len(from)))] } // the first, most often
	for range rounds {
		var in []byte
		for range 1 + rng.IntN(3) {
			in = append(in, pick(http1Lines)...)
			for range rng.IntN(4) {
				in = append(in, pick(http1Fields)...)
			}
			in = append(in, "\r\n"...)
			for range rng.IntN(6) {
				in = append(in, pick(http1Bodies)...)
			}
		}
		if rng.IntN(4) == 0 {
			i := rng.IntN(len(in))
			in = append(in[:i:i], in[i+rng.IntN(min(3, len(in)-i)):]...)
		}
		againstNetHTTP(t, in)
		splitHTTP1(t, in, []byte{byte(rng.IntN(40)), byte(rng.IntN(9))}, uint8(rng.IntN(256)))
	}
}

var (
	http1Lines  = []string{"GET / HTTP/1.1\r\nHost: a\r\n", "POST /x?y HTTP/1.1\r\nhost:a:1\r\n", "POST / HTTP/1.0\r\n", "GET http://b/ HTTP/1.1\r\nHost: c\r\n", "\r\nHEAD / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\nHost: a\r\n", "GET /%zz HTTP/1.1\r\nHost: a\r\n", "\n", ""}
	http1Fields = []string{"Content-Length: 5\r\n", "Content-Length:0\r\n", "Content-Length: 5, 5\r\n", "Content-Length: 0x5\r\n", "Content-length: 10\r\n", "Transfer-Encoding: chunked\r\n", "transfer-encoding:CHUNKED \r\n", "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: x\r\n", "Connection: close\r\n", "Connection: keep-alive\r\n", "Expect: 100-continue\r\n", "Host: b\r\n", "X: y\n", "X: y\r\n z\r\n", "X : y\r\n", "X: \x00\r\n", "Trailer: X\r\n", "Pragma: no-cache\r\n", ":\r\n", "X\r\n"}
	http1Bodies = []string{"hello", "5\r\nhello\r\n", "5;x=y\r\nhello\r\n", "5 \r\nhello\r\n", "5\nhello\r\n", "005\r\nhello\r\n", "a\r\nhellohello\r\n", "0\r\n", "0\r\n\r\n", "0\r\nX: y\r\n\r\n", "0\r\nContent-Length: 5\r\n\r\n", "0\r\nX: y\r\n z\r\n\r\n", "\r\n", "\r", "\n", "-1\r\n", "ffffffffffffffff\r\n", "10000000000000000\r\n"}
)

// againstNetHTTP is FuzzHTTP1 for one stream.
func againstNetHTTP(t *testing.T, in []byte) {
	ours := readHTTP1(t, in, nil, http1.Limits{})
	from := 0
	for i, want := range ours.messages {
		raw := in[from:ours.ends[i]]
		from = ours.ends[i]
		raw = bytes.TrimPrefix(raw, []byte("\r\n")) // net/http passes over no empty line
		got, n, err := readNetHTTP(raw)
		if err != nil {
			if !slices.ContainsFunc(laxer, func(l laxity) bool { return strings.Contains(err.Error(), l.err) && l.in.Match(raw) }) {
				t.Fatalf("net/http refuses %q: %v", raw, err)
			}
			continue
		}
		sameAsNetHTTP(&want)
		if n != len(raw) || got.String() != want.String() {
			t.Fatalf("%q, %d bytes:\nnet/http %v, %d bytes\n   http1 %v", raw, len(raw), got, n, want)
		}
	}
	if len(ours.messages) > 0 && ours.messages[len(ours.messages)-1].Close {
		return // nothing is read behind it
	}
	rest := in[from:]
	switch got, _, err := readNetHTTP(rest); {
	case err != nil:
	case ours.err != nil:
		if known := stricter[ours.err]; known == nil || !known(rest) {
			t.Fatalf("%v, but net/http takes %v of %q", ours.err, got, rest)
		}
	default:
		t.Fatalf("net/http has %v, http1 waits for more of %q", got, rest)
	}
}

// sameAsNetHTTP changes m by what net/http does to a header that it has read.
func sameAsNetHTTP(m *http1Message) {
	m.Header.Del("Host") // becomes Request.Host
	if m.Header["Transfer-Encoding"] != nil {
		m.Header.Del("Transfer-Encoding") // becomes Request.TransferEncoding
		m.Header.Del("Trailer")           // becomes Request.Trailer
	}
	if p := m.Header["Pragma"]; len(p) > 0 && p[0] == "no-cache" && m.Header["Cache-Control"] == nil {
		m.Header.Set("Cache-Control", "no-cache")
	}
}

// FuzzHTTP1Response checks that net/http reads of an answer what was put in, and
// that nothing a peer sends can add a field or a second answer.
func FuzzHTTP1Response(f *testing.F) {
	f.Add(200, "application/json", "Mcp-Session-Id", "1234", []byte("{}"), uint8(0), uint8(0))
	f.Add(200, "text/event-stream", "X", "a\r\nSet-Cookie: b", []byte("data: x\n\n"), uint8(3), uint8(1))
	f.Add(204, "", "X:", "", []byte(nil), uint8(0), uint8(2))
	f.Add(304, "\r\n\r\nHTTP/1.1 200 OK", "X Y", "\x00\x7f", []byte("x"), uint8(1), uint8(4))
	f.Add(99, "a", "", " ", []byte("0\r\n\r\n"), uint8(255), uint8(7))
	f.Fuzz(func(t *testing.T, status int, contentType, name, value string, body []byte, chunk, flags uint8) {
		if status < 200 || status > 999 {
			status = 200 + (status&0xFF)*3
		}
		r := http1.Response{Status: status, ContentType: contentType, Extra: http1.AppendHeader(nil, name, value),
			Close: flags&1 > 0, Old: flags&2 > 0, Head: flags&4 > 0}
		var out []byte
		if chunk == 0 {
			out = r.AppendWhole(nil, body)
		} else {
			r.Length = http1.Stream
			out = r.AppendHead(nil)
			for rest := body; len(rest) > 0 && !r.Head && status != 204 && status != 304; {
				n := min(len(rest), int(chunk))
				if r.Chunks() {
					out = http1.AppendChunk(out, rest[:n])
				} else {
					out = append(out, rest[:n]...)
				}
				rest = rest[n:]
			}
			if r.Chunks() && !r.Head {
				out = http1.AppendLastChunk(out)
			}
		}
		method := "GET"
		if r.Head {
			method = "HEAD"
		}
		in := bufio.NewReader(bytes.NewReader(out))
		back, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("%v: %q", err, out)
		}
		got, err := io.ReadAll(back.Body)
		want := string(body)
		if r.Head || status == 204 || status == 304 {
			want = ""
		}
		rest, _ := io.ReadAll(in)
		if err != nil || back.StatusCode != status || string(got) != want || len(rest) > 0 {
			t.Fatalf("%v, body %q, left %q: %q", err, got, rest, out)
		}
		known := []string{"Content-Type", "Content-Length", "Connection", "Transfer-Encoding", textproto.CanonicalMIMEHeaderKey(name)}
		for key := range back.Header {
			if !slices.Contains(known, key) {
				t.Fatalf("a field %q came of it: %q", key, out)
			}
		}
	})
}
