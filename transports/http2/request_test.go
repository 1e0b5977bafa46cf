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
	{"nothing", nil, ErrPseudoHeader},
	{"no method", without(":method"), ErrPseudoHeader},
	{"no scheme", without(":scheme"), ErrPseudoHeader},
	{"no path", without(":path"), ErrPseudoHeader},
	{"no authority and no host", without(":authority"), ErrHost},
	{"method twice", without("", ":method", "GET"), ErrPseudoHeader},
	{"path twice", without("", ":path", "/"), ErrPseudoHeader},
	{"authority twice", without("", ":authority", "a"), ErrPseudoHeader},
	{"unknown pseudo-header", without("", ":protocol", "websocket"), ErrPseudoHeader},
	{"pseudo-header of responses", without("", ":status", "200"), ErrPseudoHeader},
	{"pseudo-header behind a field", append([]string{"x", "y"}, without("")...), ErrPseudoHeader},
	{"pseudo-header in capitals", append([]string{":Path", "/"}, without(":path")...), ErrPseudoHeader},
	{"colon alone", without("", ":", "x"), ErrPseudoHeader},
	{"empty method", with(":method", ""), ErrMethod},
	{"method with a space", with(":method", "GE T"), ErrMethod},
	{"empty scheme", with(":scheme", ""), ErrScheme},
	{"scheme that begins with a digit", with(":scheme", "1http"), ErrScheme},
	{"scheme with a slash", with(":scheme", "http:/"), ErrScheme},
	{"empty authority", with(":authority", ""), ErrHost},
	{"authority with a user", with(":authority", "u@a"), ErrHost},
	{"authority with a path", with(":authority", "a/b"), ErrHost},
	{"authority with an open bracket", with(":authority", "[::1"), ErrHost},
	{"authority with a large port", with(":authority", "a:65536"), ErrHost},
	{"empty path", with(":path", ""), ErrTarget},
	{"path without a slash", with(":path", "a"), ErrTarget},
	{"whole URL as a path", with(":path", "http://a/"), ErrTarget},
	{"star for a GET", with(":path", "*"), ErrTarget},
	{"star with a query", with(":path", "*?a"), ErrTarget},
	{"fragment", with(":path", "/#a"), ErrTarget},
	{"space in a path", with(":path", "/a b"), ErrTarget},
	{"control character in a path", with(":path", "/\x7f"), ErrTarget},
	{"byte above ASCII in a path", with(":path", "/\xc3\xa9"), ErrTarget},
	{"percent sign alone", with(":path", "/%"), ErrTarget},
	{"percent sign and no digits", with(":path", "/%g0"), ErrTarget},
	{"host other than authority", without("", "host", "b"), ErrHost},
	{"host twice", without(":authority", "host", "a", "host", "a"), ErrHost},
	{"malformed host", without(":authority", "host", "a b"), ErrHost},
	{"empty name", without("", "", "x"), ErrFieldName},
	{"name in capitals", without("", "X", "y"), ErrFieldName},
	{"name with a space", without("", "x y", "z"), ErrFieldName},
	{"name with a colon", without("", "x:", "z"), ErrFieldName},
	{"name with a byte above ASCII", without("", "x\xe9", "z"), ErrFieldName},
	{"value with NUL", without("", "x", "a\x00"), ErrFieldValue},
	{"value with CR", without("", "x", "12345678\r"), ErrFieldValue},
	{"value with LF", without("", "x", "a\nb: c"), ErrFieldValue},
	{"value with a control character far in", without("", "x", x(20)+"\x1f"+x(20)), ErrFieldValue},
	{"value that begins with a space", without("", "x", " a"), ErrFieldValue},
	{"value that ends with a tab", without("", "x", "a\t"), ErrFieldValue},
	{"connection", without("", "connection", "close"), ErrConnectionField},
	{"proxy-connection", without("", "proxy-connection", "close"), ErrConnectionField},
	{"keep-alive", without("", "keep-alive", "5"), ErrConnectionField},
	{"transfer-encoding", without("", "transfer-encoding", "chunked"), ErrConnectionField},
	{"upgrade", without("", "upgrade", "websocket"), ErrConnectionField},
	{"te of gzip", without("", "te", "gzip"), ErrConnectionField},
	{"te of trailers and more", without("", "te", "trailers, gzip"), ErrConnectionField},
	{"content-length twice", without("", "content-length", "0", "content-length", "0"), ErrContentLength},
	{"content-length with a sign", without("", "content-length", "+0"), ErrContentLength},
	{"content-length that is empty", without("", "content-length", ""), ErrContentLength},
	{"content-length of 2^63", without("", "content-length", "9223372036854775808"), ErrContentLength},
	{"content-length of 2^63-1", without("", "content-length", "9223372036854775807"), ErrBodyTooLarge},
	{"CONNECT with a path", with(":method", "CONNECT"), ErrPseudoHeader},
	{"CONNECT without an authority", []string{":method", "CONNECT"}, ErrPseudoHeader},
	{"CONNECT", []string{":method", "CONNECT", ":authority", "a:443"}, ErrConnect},
	{"expectation", without("", "expect", "x"), ErrExpect},
	{"the first thing wrong counts", without("", "x", "\x00", "expect", "x", ":path", "/"), ErrFieldValue},
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
			said := []string{fmt.Sprintf("DATA 1 %s\n end", tc.want.Reason)}
			if tc.want.Code != CodeNo {
				said = append(said, fmt.Sprintf("RST_STREAM 1 %v", tc.want.Code))
			}
			want := []string{est, refused(tc.want), "head 3 GET http://a/", `done 3 ""`}
			sent := append(said, "HEADERS 3 :status=200 content-length=2", "DATA 3 ok end")
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
