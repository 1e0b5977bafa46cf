package http2

import (
	"fmt"
	"strings"
	"testing"
)

// goodHeads are the fields of requests, and what is seen of them.
var goodHeads = []struct {
	name string
	in   []string
	want string
}{
	{"get", []string{":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/"}, "GET http://a/"},
	{"in another order", []string{":path", "/", ":authority", "a", ":scheme", "https", ":method", "GET"}, "GET https://a/"},
	{"query", []string{":method", "GET", ":scheme", "http", ":authority", "a:80", ":path", "/b?c=d?e&%20"}, "GET http://a:80/b?c=d?e&%20"},
	{"empty query", []string{":method", "GET", ":scheme", "http", ":authority", "[::1]:1", ":path", "/b?"}, "GET http://[::1]:1/b"},
	{"browsers' characters", []string{":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/[]{}|^`"}, "GET http://a/[]{}|^`"},
	{"OPTIONS of all", []string{":method", "OPTIONS", ":scheme", "http", ":authority", "a", ":path", "*"}, "OPTIONS http://a*"},
	{"host instead", []string{":method", "GET", ":scheme", "http", ":path", "/", "host", "b:1"}, `GET http://b:1/ host="b:1"`},
	{"host too", []string{":method", "GET", ":scheme", "http", ":authority", "B", ":path", "/", "host", "b"}, `GET http://B/ host="b"`},
	{"fields", []string{":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/", "x", "", "y", "a \t\xff", "x", "2", "te", "trailers"}, `GET http://a/ x="" y="a \t\xff" x="2" te="trailers"`},
	{"cookie", []string{":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/", "cookie", "a=1"}, `GET http://a/ cookie="a=1"`},
	{"crumbs", []string{":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/", "x", "1", "cookie", "a=1", "y", "2", "cookie", "b=2", "cookie", "", "z", "3"}, `GET http://a/ x="1" cookie="a=1; b=2; " y="2" z="3"`},
	{"content-length", []string{":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/", "content-length", "00"}, `GET http://a/ length=0 content-length="00"`},
	{"a method of one's own", []string{":method", "m-search", ":scheme", "x+y.1-z", ":authority", "a", ":path", "/"}, `m-search x+y.1-z://a/`},
}

// without leaves a field out of those of a request.
func without(name string, more ...string) (f []string) {
	all := []string{":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/"}
	for i := 0; i < len(all); i += 2 {
		if all[i] != name {
			f = append(f, all[i], all[i+1])
		}
	}
	return append(f, more...)
}

// with puts another value into a field of a request.
func with(name, value string) []string { return append(without(name)[:6:6], name, value) }

// badHeads are refused.
var badHeads = []struct {
	name string
	in   []string
	want *Error
}{
	{"nothing", nil, ErrMalformed},
	{"no method", without(":method"), ErrMalformed},
	{"no scheme", without(":scheme"), ErrMalformed},
	{"no path", without(":path"), ErrMalformed},
	{"no authority and no host", without(":authority"), ErrMalformed},
	{"method twice", without("", ":method", "GET"), ErrMalformed},
	{"path twice", without("", ":path", "/"), ErrMalformed},
	{"authority twice", without("", ":authority", "a"), ErrMalformed},
	{"unknown pseudo-header", without("", ":protocol", "websocket"), ErrMalformed},
	{"pseudo-header of responses", without("", ":status", "200"), ErrMalformed},
	{"pseudo-header behind a field", append([]string{"x", "y"}, without("")...), ErrMalformed},
	{"pseudo-header in capitals", append([]string{":Path", "/"}, without(":path")...), ErrMalformed},
	{"colon alone", without("", ":", "x"), ErrMalformed},
	{"empty method", with(":method", ""), ErrMalformed},
	{"method with a space", with(":method", "GE T"), ErrMalformed},
	{"empty scheme", with(":scheme", ""), ErrMalformed},
	{"scheme that begins with a digit", with(":scheme", "1http"), ErrMalformed},
	{"scheme with a slash", with(":scheme", "http:/"), ErrMalformed},
	{"empty authority", with(":authority", ""), ErrMalformed},
	{"authority with a user", with(":authority", "u@a"), ErrMalformed},
	{"authority with a path", with(":authority", "a/b"), ErrMalformed},
	{"authority with an open bracket", with(":authority", "[::1"), ErrMalformed},
	{"authority with a large port", with(":authority", "a:65536"), ErrMalformed},
	{"empty path", with(":path", ""), ErrMalformed},
	{"path without a slash", with(":path", "a"), ErrMalformed},
	{"whole URL as a path", with(":path", "http://a/"), ErrMalformed},
	{"star for a GET", with(":path", "*"), ErrMalformed},
	{"star with a query", with(":path", "*?a"), ErrMalformed},
	{"fragment", with(":path", "/#a"), ErrMalformed},
	{"space in a path", with(":path", "/a b"), ErrMalformed},
	{"control character in a path", with(":path", "/\x7f"), ErrMalformed},
	{"byte above ASCII in a path", with(":path", "/\xc3\xa9"), ErrMalformed},
	{"percent sign alone", with(":path", "/%"), ErrMalformed},
	{"percent sign and no digits", with(":path", "/%g0"), ErrMalformed},
	{"host other than authority", without("", "host", "b"), ErrMalformed},
	{"host twice", without(":authority", "host", "a", "host", "a"), ErrMalformed},
	{"malformed host", without(":authority", "host", "a b"), ErrMalformed},
	{"empty name", without("", "", "x"), ErrMalformed},
	{"name in capitals", without("", "X", "y"), ErrMalformed},
	{"name with a space", without("", "x y", "z"), ErrMalformed},
	{"name with a colon", without("", "x:", "z"), ErrMalformed},
	{"name with a byte above ASCII", without("", "x\xe9", "z"), ErrMalformed},
	{"value with NUL", without("", "x", "a\x00"), ErrMalformed},
	{"value with CR", without("", "x", "12345678\r"), ErrMalformed},
	{"value with LF", without("", "x", "a\nb: c"), ErrMalformed},
	{"value with a control character far in", without("", "x", x(20)+"\x1f"+x(20)), ErrMalformed},
	{"value that begins with a space", without("", "x", " a"), ErrMalformed},
	{"value that ends with a tab", without("", "x", "a\t"), ErrMalformed},
	{"connection", without("", "connection", "close"), ErrMalformed},
	{"proxy-connection", without("", "proxy-connection", "close"), ErrMalformed},
	{"keep-alive", without("", "keep-alive", "5"), ErrMalformed},
	{"transfer-encoding", without("", "transfer-encoding", "chunked"), ErrMalformed},
	{"upgrade", without("", "upgrade", "websocket"), ErrMalformed},
	{"te of gzip", without("", "te", "gzip"), ErrMalformed},
	{"te of trailers and more", without("", "te", "trailers, gzip"), ErrMalformed},
	{"content-length twice", without("", "content-length", "0", "content-length", "0"), ErrMalformed},
	{"content-length with a sign", without("", "content-length", "+0"), ErrMalformed},
	{"content-length that is empty", without("", "content-length", ""), ErrMalformed},
	{"content-length of 2^63", without("", "content-length", "9223372036854775808"), ErrMalformed},
	{"content-length of 2^63-1", without("", "content-length", "9223372036854775807"), ErrBodyTooLarge},
	{"CONNECT with a path", with(":method", "CONNECT"), ErrMalformed},
	{"CONNECT without an authority", []string{":method", "CONNECT"}, ErrMalformed},
	{"CONNECT", []string{":method", "CONNECT", ":authority", "a:443"}, ErrConnect},
	{"expectation", without("", "expect", "x"), ErrExpect},
	{"the first thing wrong counts", without("", "x", "\x00", "expect", "x", ":path", "/"), ErrMalformed},
}

func TestHeads(t *testing.T) {
	for _, tc := range goodHeads {
		t.Run(tc.name, func(t *testing.T) {
			want := []string{est, "head 1 " + tc.want, `done 1 ""`}
			everyWay(t, hello+headers(1, endHead, block(tc.in...)), Limits{}, false, want, nil)
		})
	}
}

func TestBadHeads(t *testing.T) {
	if len(badHeads) < len(goodHeads) {
		t.Errorf("%d bad rows for %d good ones", len(badHeads), len(goodHeads))
	}
	for _, tc := range badHeads {
		t.Run(tc.name, func(t *testing.T) {
			last := fmt.Sprintf("RST_STREAM 1 %v", tc.want.Code)
			if tc.want.Status != 0 {
				last = fmt.Sprintf("DATA 1 %s\n end", tc.want.Reason)
			}
			want := []string{est, refused(tc.want), "head 3 GET http://a/", `done 3 ""`}
			sent := []string{last, "HEADERS 3 :status=200 content-length=2", "DATA 3 ok end"}
			everyWay(t, hello+headers(1, endHead, block(tc.in...))+get(3), Limits{}, false, want, sent)
		})
	}
}

// Header finds fields whatever their case, and says how many there are.
func TestHeader(t *testing.T) {
	tr, _ := newTrace(t, Limits{}, nil)
	tr.done = func(s *Stream) {
		q := s.Request()
		for _, tc := range []struct {
			name, value string
			times       int
		}{
			{"X-One", "1", 1}, {"x-one", "1", 1}, {"Cookie", "a; b", 1}, {"x-two", "2", 2}, {"x-none", "", 0}, {":path", "", 0}, {"host", "", 0},
		} {
			if v, n := q.Header(tc.name); string(v) != tc.value || n != tc.times {
				t.Errorf("%s: %q %d", tc.name, v, n)
			}
		}
		if string(q.Target()) != "/a?b" || string(q.Query()) != "b" || q.ContentLength() != -1 {
			t.Errorf("%s %s %d", q.Target(), q.Query(), q.ContentLength())
		}
		tr.hold(s)
	}
	tr.feed(hello + headers(1, endHead, request("GET", "/a?b", "x-one", "1", "cookie", "a", "x-two", "2", "x-two", "3", "cookie", "b")))
	if len(tr.held) != 1 {
		t.Fatal(tr.got)
	}
	// The head is given back when the next event is asked for.
	tr.feed("")
	if tr.held[0].Request() != nil || tr.held[0].Body() != nil {
		t.Error("the request is still there")
	}
}

// A head of many small fields, each looked at as the table holds it, is the same
// with an encoder that indexes.
func TestIndexedHeads(t *testing.T) {
	tr, _ := newTrace(t, Limits{}, nil)
	in := hello
	literal := "\x40\x01a\x011" // a: 1, to be kept
	in += headers(1, endHead, "\x82\x86\x84\x41\x01a"+literal)
	in += headers(3, endHead, "\x82\x86\x84\xbf\xbe") // both from the table
	tr.feed(in)
	want := `established|head 1 GET http://a/ a="1"|done 1 ""|head 3 GET http://a/ a="1"|done 3 ""`
	if got := strings.Join(tr.got, "|"); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
