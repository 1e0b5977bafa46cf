package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/httpfield"
)

var date = httpfield.AppendDate(nil, time.Date(2026, 1, 2, 15, 4, 5, 6, time.FixedZone("", 3600)))

const dated = "Date: Fri, 02 Jan 2026 14:04:05 GMT\r\n"

func TestResponseHeads(t *testing.T) {
	extra := AppendHeader(nil, "Mcp-Session-Id", "1234")
	for _, tc := range []struct {
		name string
		r    Response
		want string
	}{
		{"plain", Response{Status: 200, Date: date, ContentType: "application/json", Length: 5},
			"HTTP/1.1 200 OK\r\n" + dated + "Content-Type: application/json\r\nContent-Length: 5\r\n\r\n"},
		{"accepted", Response{Status: 202}, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"},
		{"close", Response{Status: 403, Close: true}, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
		{"extra", Response{Status: 200, Extra: extra}, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nMcp-Session-Id: 1234\r\n\r\n"},
		{"stream", Response{Status: 200, ContentType: "text/event-stream", Length: Stream},
			"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{"stream to 1.0", Response{Status: 200, Length: Stream, Old: true}, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"},
		{"keep-alive to 1.0", Response{Status: 200, Length: 1, Old: true}, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n"},
		{"no content", Response{Status: 204}, "HTTP/1.1 204 No Content\r\n\r\n"},
		{"no content, a stream", Response{Status: 204, Length: Stream}, "HTTP/1.1 204 No Content\r\n\r\n"},
		{"not modified", Response{Status: 304}, "HTTP/1.1 304 Not Modified\r\n\r\n"},
		{"not modified, length", Response{Status: 304, Length: 7}, "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"},
		{"switching", Response{Status: 101, Extra: []byte("Upgrade: websocket\r\n")}, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"},
		{"length elsewhere", Response{Status: 200, Length: NoBody}, "HTTP/1.1 200 OK\r\n\r\n"},
		{"unknown status", Response{Status: 299}, "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n"},
		{"status of two digits", Response{Status: 42, Length: NoBody}, "HTTP/1.1 500 Internal Server Error\r\n\r\n"},
		{"status of four digits", Response{Status: 2000, Length: NoBody}, "HTTP/1.1 500 Internal Server Error\r\n\r\n"},
		{"content type with a line end", Response{Status: 200, ContentType: "a\r\nX: b"}, "HTTP/1.1 200 OK\r\nContent-Type: a  X: b\r\nContent-Length: 0\r\n\r\n"},
	} {
		if got := string(tc.r.AppendHead(nil)); got != tc.want {
			t.Errorf("%s:\n got %q\nwant %q", tc.name, got, tc.want)
		}
	}
}

// No value can end its line or begin another, and no name can be anything but
// one.
func TestAppendHeader(t *testing.T) {
	for _, tc := range []struct{ name, value, want string }{
		{"X", "a", "X: a\r\n"},
		{"X", "", "X: \r\n"},
		{"X", "a\tb", "X: a\tb\r\n"},
		{"X", "\xc3\xa9", "X: \xc3\xa9\r\n"},
		{"X", "a\r\nSet-Cookie: b", "X: a  Set-Cookie: b\r\n"},
		{"X", "a\nb", "X: a b\r\n"},
		{"X", "a\rb", "X: a b\r\n"},
		{"X", "\r\n\r\n<script>", "X:     <script>\r\n"},
		{"X", "0123456789abcde\x00\x7f\x1b\x01", "X: 0123456789abcde    \r\n"},
		{"X\r\nY", "a", ""},
		{"X Y", "a", ""},
		{"X:", "a", ""},
		{"", "a", ""},
		{"X\xff", "a", ""},
	} {
		if got := string(AppendHeader(nil, tc.name, tc.value)); got != tc.want {
			t.Errorf("%q, %q: got %q", tc.name, tc.value, got)
		}
		if got := string(AppendHeader([]byte("before\x00"), tc.name, []byte(tc.value))); got != "before\x00"+tc.want {
			t.Errorf("%q, %q: got %q", tc.name, tc.value, got)
		}
	}
}

// request is a Request from its text.
func request(t *testing.T, in string) *Request {
	t.Helper()
	p := newParser(ringbuf.NewPool(ringbuf.PoolOptions{}))
	if _, ev := p.Next([]byte(in)); ev != Head {
		t.Fatalf("%q: event %d, %v", in, ev, p.Err())
	}
	return p.Request()
}

// What net/http's client reads of an answer, for each kind of request.
func TestParseBack(t *testing.T) {
	body := []byte(strings.Repeat("0123456789", 50))
	for _, req := range []string{
		get("/") + host + "\r\n", post(""), "HEAD / HTTP/1.1\r\n" + host + "\r\n", "GET / HTTP/1.0\r\n\r\n",
		"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", get("/") + host + "Connection: close\r\n\r\n", "HEAD / HTTP/1.0\r\n\r\n",
	} {
		q := request(t, req)
		for _, stream := range []bool{false, true} {
			for _, status := range []int{200, 202, 204, 304, 404, 500} {
				r := Response{Status: status, Date: date, ContentType: "application/json", Length: Stream}
				r.For(q)
				var out []byte
				switch {
				case !stream:
					out = r.AppendWhole(nil, body)
				case r.Head || !r.bodied():
					out = r.AppendHead(nil)
				case r.Chunks():
					out = AppendChunk(r.AppendHead(nil), body[:100])
					out = AppendChunk(out, nil)
					var mark int
					out, mark = OpenChunk(out)
					out = CloseChunk(append(out, body[100:]...), mark)
					out, mark = OpenChunk(out)
					out = AppendLastChunk(CloseChunk(out, mark))
				default:
					out = append(r.AppendHead(nil), body...)
				}
				next := "HTTP/1.1 299 next\r\n\r\n"
				if !r.Closes() {
					out = append(out, next...)
				}
				in := bufio.NewReader(bytes.NewReader(out))
				back, err := http.ReadResponse(in, &http.Request{Method: string(q.Method())})
				if err != nil {
					t.Fatalf("%q: %v in %q", req, err, out)
				}
				got, err := io.ReadAll(back.Body)
				want := string(body)
				if r.Head || status == 204 || status == 304 {
					want = ""
				}
				// net/http takes HTTP/1.1 without a length for a close, HEAD apart.
				if err != nil || back.StatusCode != status || string(got) != want || back.Header.Get("Date") != string(date) {
					t.Errorf("%q, %d, stream %v: %v, %q in %q", req, status, stream, err, got, out)
				}
				if want != "" && back.Close != r.Closes() {
					t.Errorf("%q, %d, stream %v: close %v in %q", req, status, stream, back.Close, out)
				}
				if rest, _ := io.ReadAll(in); !r.Closes() && string(rest) != next {
					t.Errorf("%q, %d, stream %v: left %q of %q", req, status, stream, rest, out)
				}
			}
		}
	}
}

func TestErrorAnswers(t *testing.T) {
	for _, e := range []*Error{ErrHost, ErrBodyTooLarge, ErrLineTooLong, ErrHeadTooLong, ErrCoding, ErrVersion, ErrExpect, ErrNoRoom, ErrTimeout} {
		for _, q := range []*Request{nil, request(t, post("")), request(t, "HEAD / HTTP/1.1\r\n"+host+"\r\n")} {
			head := q != nil && string(q.Method()) == "HEAD"
			method := "GET"
			if head {
				method = "HEAD"
			}
			in := bufio.NewReader(bytes.NewReader(AppendError(nil, e, q, date)))
			back, err := http.ReadResponse(in, &http.Request{Method: method})
			if err != nil || back.StatusCode != e.Status || !back.Close || strings.HasPrefix(back.Status, "000") || len(back.Status) < 5 {
				t.Fatalf("%v: %v", e, err)
			}
			body, _ := io.ReadAll(back.Body)
			if want := e.Reason + "\n"; head != (len(body) == 0) || !head && string(body) != want || back.ContentLength != int64(len(want)) {
				t.Errorf("%v: body %q, length %d", e, body, back.ContentLength)
			}
			if rest, _ := io.ReadAll(in); len(rest) != 0 {
				t.Errorf("%v: %q left", e, rest)
			}
		}
	}
}

func TestChunkHeads(t *testing.T) {
	for n, want := range map[int]string{1: "1", 9: "9", 10: "a", 15: "f", 16: "10", 255: "ff", 256: "100", 4096: "1000", 0x7fffffff: "7fffffff"} {
		if got := string(AppendChunkHead(nil, n)); got != want+"\r\n" {
			t.Errorf("%d: %q", n, got)
		}
	}
	out, mark := OpenChunk([]byte("head"))
	out = CloseChunk(append(out, "hello"...), mark)
	if want := "head00000005\r\nhello\r\n"; string(out) != want {
		t.Errorf("%q", out)
	}
	if out, mark = OpenChunk(out); string(CloseChunk(out, mark)) != "head00000005\r\nhello\r\n" {
		t.Errorf("%q", out)
	}
	if got := string(AppendContinue(nil)); got != "HTTP/1.1 100 Continue\r\n\r\n" {
		t.Errorf("%q", got)
	}
}
