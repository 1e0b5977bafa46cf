package http1

import (
	"fmt"
	"strings"
	"testing"
)

const host = "Host: a\r\n"

// get is a request line and its end.
func get(target string) string { return "GET " + target + " HTTP/1.1\r\n" }

var goodHeads = []struct{ name, in, want string }{
	{"get", get("/") + host + "\r\n", `GET / 1.1 host=a`},
	{"no space behind colon", get("/") + "Host:a\r\n\r\n", `GET / 1.1 host=a`},
	{"much space around value", get("/") + "Host: \t a \t \r\n\r\n", `GET / 1.1 host=a`},
	{"field name in capitals", get("/") + "HOST: a\r\n\r\n", `GET / 1.1 host=a`},
	{"empty value", get("/") + host + "X:\r\nY: \r\n\r\n", `GET / 1.1 host=a X:"" Y:""`},
	{"tab in value", get("/") + host + "X: a\tb\r\n\r\n", `GET / 1.1 host=a X:"a\tb"`},
	{"value of many words", get("/") + host + "X: the quick brown fox\tjumps over\r\n\r\n", `GET / 1.1 host=a X:"the quick brown fox\tjumps over"`},
	{"obs-text in value", get("/") + host + "X: \xc3\xa9\xff\r\n\r\n", `GET / 1.1 host=a X:"é\xff"`},
	{"every token character in name", get("/") + host + "!#$%&'*+-.^_`|~09AZaz: 1\r\n\r\n", "GET / 1.1 host=a !#$%&'*+-.^_`|~09AZaz:\"1\""},
	{"fields in order", get("/") + "B: 2\r\nA: 1\r\n" + host + "B: 3\r\n\r\n", `GET / 1.1 host=a B:"2" A:"1" B:"3"`},
	{"colon in value", get("/") + host + "X: a:b: c\r\n\r\n", `GET / 1.1 host=a X:"a:b: c"`},
	{"empty line before", "\r\n" + get("/") + host + "\r\n", `GET / 1.1 host=a`},
	{"unknown method", "M-SEARCH / HTTP/1.1\r\n" + host + "\r\n", `M-SEARCH / 1.1 host=a`},
	{"method in small letters", "get / HTTP/1.1\r\n" + host + "\r\n", `get / 1.1 host=a`},
	{"query", get("/a/b?x=1&y=2") + host + "\r\n", `GET /a/b?x=1&y=2 path=/a/b query=x=1&y=2 1.1 host=a`},
	{"two question marks", get("/a?b?c") + host + "\r\n", `GET /a?b?c path=/a query=b?c 1.1 host=a`},
	{"empty query", get("/a?") + host + "\r\n", `GET /a? path=/a query= 1.1 host=a`},
	{"percent", get("/%41%2f?%00") + host + "\r\n", `GET /%41%2f?%00 path=/%41%2f query=%00 1.1 host=a`},
	{"what browsers leave", get("/?a[]={b}|^`~'()") + host + "\r\n", "GET /?a[]={b}|^`~'() path=/ query=a[]={b}|^`~'() 1.1 host=a"},
	{"double slash", get("//a//b") + host + "\r\n", `GET //a//b 1.1 host=a`},
	{"absolute", get("http://b:80/c?d") + host + "\r\n", `GET http://b:80/c?d path=/c query=d 1.1 host=b:80`},
	{"absolute, in capitals", get("HTTPS://b/c") + host + "\r\n", `GET HTTPS://b/c path=/c query= 1.1 host=b`},
	{"absolute without path", get("http://b") + host + "\r\n", `GET http://b path=/ query= 1.1 host=b`},
	{"absolute without path, query", get("http://b?c") + host + "\r\n", `GET http://b?c path=/ query=c 1.1 host=b`},
	{"options, absolute without path", "OPTIONS http://b HTTP/1.1\r\n" + host + "\r\n", `OPTIONS http://b path=* query= 1.1 host=b`},
	{"options star", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", `OPTIONS * 1.1 host=a`},
	{"head", "HEAD / HTTP/1.1\r\n" + host + "\r\n", `HEAD / 1.1 host=a`},
	{"1.0", "GET / HTTP/1.0\r\n\r\n", `GET / 1.0 host= close`},
	{"1.0 with host", "GET / HTTP/1.0\r\n" + host + "\r\n", `GET / 1.0 host=a close`},
	{"1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", `GET / 1.0 host= Connection:"Keep-Alive"`},
	{"1.0 keep-alive and close", "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", `GET / 1.0 host= close Connection:"keep-alive, close"`},
	{"1.2 is as 1.1", "GET / HTTP/1.2\r\n" + host + "\r\n", `GET / 1.2 host=a`},
	{"close", get("/") + host + "Connection: close\r\n\r\n", `GET / 1.1 host=a close Connection:"close"`},
	{"close in a list", get("/") + host + "Connection: x,, \tCLOSE ,y\r\n\r\n", `GET / 1.1 host=a close Connection:"x,, \tCLOSE ,y"`},
	{"close in a second field", get("/") + host + "Connection: x\r\nconnection: close\r\n\r\n", `GET / 1.1 host=a close Connection:"x" connection:"close"`},
	{"not close", get("/") + host + "Connection: closed, xclose, close;a\r\n\r\n", `GET / 1.1 host=a Connection:"closed, xclose, close;a"`},
	{"upgrade", get("/") + host + "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n", `GET / 1.1 host=a upgrade Connection:"keep-alive, Upgrade" Upgrade:"websocket"`},
	{"no upgrade in 1.0", "GET / HTTP/1.0\r\nConnection: keep-alive, upgrade\r\n\r\n", `GET / 1.0 host= Connection:"keep-alive, upgrade"`},
	{"empty host", get("/") + "Host:\r\n\r\n", `GET / 1.1 host=`},
	{"host with port", get("/") + "Host: example.org:65535\r\n\r\n", `GET / 1.1 host=example.org:65535`},
	{"host with empty port", get("/") + "Host: a:\r\n\r\n", `GET / 1.1 host=a:`},
	{"host v4", get("/") + "Host: 127.0.0.1:7601\r\n\r\n", `GET / 1.1 host=127.0.0.1:7601`},
	{"host v6", get("/") + "Host: [::1]:7601\r\n\r\n", `GET / 1.1 host=[::1]:7601`},
	{"host with underscore", get("/") + "Host: a_b\r\n\r\n", `GET / 1.1 host=a_b`},
	{"length 0", get("/") + host + "Content-Length: 0\r\n\r\n", `GET / 1.1 host=a length=0`},
	{"length with zeros", get("/") + host + "Content-Length: 000000000000000000000000\r\n\r\n", `GET / 1.1 host=a length=0`},
	{"expect without body", get("/") + host + "Expect: 100-continue\r\n\r\n", `GET / 1.1 host=a Expect:"100-continue"`},
	{"what looks like framing", get("/") + host + "X-Content-Length: 5\r\nContent-Lengt: 5\r\nTransfer_Encoding: chunked\r\n\r\n",
		`GET / 1.1 host=a X-Content-Length:"5" Content-Lengt:"5" Transfer_Encoding:"chunked"`},
	{"expect in 1.0 is not looked at", "GET / HTTP/1.0\r\nExpect: x\r\n\r\n", `GET / 1.0 host= close Expect:"x"`},
}

var badHeads = []struct {
	name, in string
	want     *Error
}{
	// The request line.
	{"two empty lines before", "\r\n\r\n" + get("/") + host + "\r\n", ErrRequestLine},
	{"bare LF before", "\n" + get("/") + host + "\r\n", ErrRequestLine},
	{"CR before", "\r" + get("/") + host + "\r\n", ErrRequestLine},
	{"empty line and CR before", "\r\n\r" + get("/") + host + "\r\n", ErrRequestLine},
	{"space before", " " + get("/") + host + "\r\n", ErrRequestLine},
	{"TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", ErrRequestLine},
	{"a JSON message", "{\"jsonrpc\":\"2.0\"}\n", ErrRequestLine},
	{"no method", " / HTTP/1.1\r\n" + host + "\r\n", ErrRequestLine},
	{"bad method", "GE(T / HTTP/1.1\r\n" + host + "\r\n", ErrRequestLine},
	{"method with a high byte", "G\xc3T / HTTP/1.1\r\n" + host + "\r\n", ErrRequestLine},
	{"two spaces first", "GET  / HTTP/1.1\r\n" + host + "\r\n", ErrRequestLine},
	{"two spaces second", "GET /  HTTP/1.1\r\n" + host + "\r\n", ErrRequestLine},
	{"tab first", "GET\t/ HTTP/1.1\r\n" + host + "\r\n", ErrRequestLine},
	{"tab second", "GET /\tHTTP/1.1\r\n" + host + "\r\n", ErrRequestLine},
	{"space behind", "GET / HTTP/1.1 \r\n" + host + "\r\n", ErrRequestLine},
	{"space in target", "GET /a b HTTP/1.1\r\n" + host + "\r\n", ErrRequestLine},
	{"no target", "GET HTTP/1.1\r\n" + host + "\r\n", ErrRequestLine},
	{"no version", "GET /a-long-enough-target\r\n" + host + "\r\n", ErrRequestLine},
	{"method alone", "GET\r\n" + host + "\r\n", ErrRequestLine},
	{"version cut short", "GET / HTTP\r\n\r\n", ErrRequestLine},
	{"target and no more", "GET /\r\n\r\n", ErrRequestLine},
	{"target cut short", "GET /%4\r\n\r\n", ErrTarget},
	{"method and no more", "GET\r\n\r\n", ErrRequestLine},
	{"version 0.9", "GET / HTTP/0.9\r\n" + host + "\r\n", ErrVersion},
	{"version 2.0", "GET / HTTP/2.0\r\n" + host + "\r\n", ErrVersion},
	{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ErrVersion},
	{"version in small letters", "GET / http/1.1\r\n" + host + "\r\n", ErrRequestLine},
	{"version 1.", "GET / HTTP/1.\r\n" + host + "\r\n", ErrRequestLine},
	{"version 1", "GET / HTTP/1\r\n" + host + "\r\n", ErrRequestLine},
	{"version 1.10", "GET / HTTP/1.10\r\n" + host + "\r\n", ErrRequestLine},
	{"version 11.1", "GET / HTTP/11.1\r\n" + host + "\r\n", ErrRequestLine},
	{"version 1,1", "GET / HTTP/1,1\r\n" + host + "\r\n", ErrRequestLine},
	{"version +1.1", "GET / HTTP/+1.1\r\n" + host + "\r\n", ErrRequestLine},
	{"another protocol", "GET / ICE/1.0\r\n" + host + "\r\n", ErrRequestLine},
	{"connect", "CONNECT a:443 HTTP/1.1\r\n" + host + "\r\n", ErrConnect},
	// The target.
	{"star with get", get("*") + host + "\r\n", ErrTarget},
	{"star and more", "OPTIONS *a HTTP/1.1\r\n" + host + "\r\n", ErrTarget},
	{"relative", get("a/b") + host + "\r\n", ErrTarget},
	{"query alone", get("?a") + host + "\r\n", ErrTarget},
	{"fragment", get("/a#b") + host + "\r\n", ErrTarget},
	{"percent at the end", get("/a%") + host + "\r\n", ErrTarget},
	{"percent and one digit", get("/a%4") + host + "\r\n", ErrTarget},
	{"percent and no digits", get("/a%zz") + host + "\r\n", ErrTarget},
	{"percent in query", get("/?a%4g") + host + "\r\n", ErrTarget},
	{"backslash", get("/a\\b") + host + "\r\n", ErrTarget},
	{"high byte in target", get("/\xc3\xa9") + host + "\r\n", ErrTarget},
	{"NUL in target", get("/a\x00b") + host + "\r\n", ErrTarget},
	{"DEL in target", get("/a\x7fb") + host + "\r\n", ErrTarget},
	{"other scheme", get("ftp://b/") + host + "\r\n", ErrTarget},
	{"absolute, no host", get("http:///b") + host + "\r\n", ErrTarget},
	{"absolute, port alone", get("http://:80/b") + host + "\r\n", ErrTarget},
	{"absolute, user", get("http://u@b/") + host + "\r\n", ErrTarget},
	{"absolute, nothing", get("http://") + host + "\r\n", ErrTarget},
	{"absolute without host field", get("http://b/") + "\r\n", ErrHost},
	// Line ends.
	{"all bare LF", "GET / HTTP/1.1\nHost: a\n\n", ErrLineEnd},
	{"bare LF behind the request line", "GET / HTTP/1.1\n" + host + "\r\n", ErrLineEnd},
	{"bare LF behind a field", get("/") + "Host: a\n\r\n", ErrLineEnd},
	{"bare LF at the end", get("/") + host + "\n", ErrLineEnd},
	{"bare CR behind the request line", "GET / HTTP/1.1\r" + host + "\r\n", ErrLineEnd},
	{"bare CR behind a field", get("/") + host + "X: a\rY: b\r\n\r\n", ErrLineEnd},
	{"CR CR LF", get("/") + host + "X: a\r\r\n\r\n", ErrLineEnd},
	{"CR in place of a line", get("/") + host + "\rX: a\r\n\r\n", ErrLineEnd},
	{"bare CR in a name", get("/") + host + "X\rY: a\r\n\r\n", ErrFieldName},
	// Fields.
	{"fold", get("/") + host + "X: a\r\n b\r\n\r\n", ErrFold},
	{"fold by tab", get("/") + host + "X: a\r\n\tb\r\n\r\n", ErrFold},
	{"space before first field", get("/") + " " + host + "\r\n", ErrFold},
	{"blank line of spaces", get("/") + host + "  \r\n\r\n", ErrFold},
	{"space before colon", get("/") + "Host : a\r\n\r\n", ErrFieldName},
	{"tab before colon", get("/") + host + "X\t: a\r\n\r\n", ErrFieldName},
	{"space in name", get("/") + host + "X Y: a\r\n\r\n", ErrFieldName},
	{"no name", get("/") + host + ": a\r\n\r\n", ErrFieldName},
	{"no colon", get("/") + host + "X\r\n\r\n", ErrFieldName},
	{"NUL in name", get("/") + host + "X\x00: a\r\n\r\n", ErrFieldName},
	{"high byte in name", get("/") + host + "X\xff: a\r\n\r\n", ErrFieldName},
	{"slash in name", get("/") + host + "X/Y: a\r\n\r\n", ErrFieldName},
	{"brace in name", get("/") + host + "{X}: a\r\n\r\n", ErrFieldName},
	{"NUL in value", get("/") + host + "X: a\x00b\r\n\r\n", ErrFieldValue},
	{"NUL in a long value", get("/") + host + "X: 0123456789abcdef\x00b\r\n\r\n", ErrFieldValue},
	{"ESC in value", get("/") + host + "X: \x1b[0m\r\n\r\n", ErrFieldValue},
	{"DEL in value", get("/") + host + "X: 0123456\x7f\r\n\r\n", ErrFieldValue},
	{"vertical tab in value", get("/") + host + "X: a\vb\r\n\r\n", ErrFieldValue},
	{"control character behind a tab", get("/") + host + "X: \tabc\td\x01\r\n\r\n", ErrFieldValue},
	// Host.
	{"no host", get("/") + "\r\n", ErrHost},
	{"no host, other fields", get("/") + "X: a\r\n\r\n", ErrHost},
	{"two hosts", get("/") + host + host + "\r\n", ErrHost},
	{"two hosts in 1.0", "GET / HTTP/1.0\r\n" + host + "Host: b\r\n\r\n", ErrHost},
	{"three hosts", get("/") + host + host + host + "\r\n", ErrHost},
	{"list of hosts", get("/") + "Host: a, b\r\n\r\n", ErrHost},
	{"host with path", get("/") + "Host: a/b\r\n\r\n", ErrHost},
	{"host with user", get("/") + "Host: u@a\r\n\r\n", ErrHost},
	{"host with space", get("/") + "Host: a b\r\n\r\n", ErrHost},
	{"host with scheme", get("/") + "Host: http://a\r\n\r\n", ErrHost},
	{"host with percent", get("/") + "Host: %61\r\n\r\n", ErrHost},
	{"host with a high byte", get("/") + "Host: \xc3\xa9\r\n\r\n", ErrHost},
	{"port alone", get("/") + "Host: :80\r\n\r\n", ErrHost},
	{"port of letters", get("/") + "Host: a:b\r\n\r\n", ErrHost},
	{"port too large", get("/") + "Host: a:65536\r\n\r\n", ErrHost},
	{"port too long", get("/") + "Host: a:000080\r\n\r\n", ErrHost},
	{"two ports", get("/") + "Host: a:80:80\r\n\r\n", ErrHost},
	{"open bracket", get("/") + "Host: [::1\r\n\r\n", ErrHost},
	{"empty brackets", get("/") + "Host: []\r\n\r\n", ErrHost},
	{"colon in brackets", get("/") + "Host: [:]\r\n\r\n", ErrHost},
	{"name in brackets", get("/") + "Host: [localhost]\r\n\r\n", ErrHost},
	{"zone in brackets", get("/") + "Host: [fe80::1%25eth0]\r\n\r\n", ErrHost},
	{"more behind brackets", get("/") + "Host: [::1]a\r\n\r\n", ErrHost},
	// Expectations.
	{"unknown expectation", get("/") + host + "Expect: 200-ok\r\n\r\n", ErrExpect},
	{"empty expectation", get("/") + host + "Expect:\r\n\r\n", ErrExpect},
	{"two expectations", get("/") + host + "Expect: 100-continue\r\nExpect: x\r\n\r\n", ErrExpect},
	{"list of expectations", get("/") + host + "Expect: 100-continue, x\r\n\r\n", ErrExpect},
}

func TestHeads(t *testing.T) {
	for _, tc := range goodHeads {
		t.Run(tc.name, func(t *testing.T) {
			method, _, _ := strings.Cut(strings.TrimLeft(tc.in, "\r\n"), " ")
			everyWay(t, tc.in, Limits{}, []string{tc.want, fmt.Sprintf("done %s %q", method, "")})
		})
	}
}

// What is refused is refused whatever the cut, and nothing behind it is parsed.
func TestBadHeads(t *testing.T) {
	if len(badHeads) < len(goodHeads) {
		t.Errorf("%d bad rows for %d good ones", len(badHeads), len(goodHeads))
	}
	for _, tc := range badHeads {
		t.Run(tc.name, func(t *testing.T) {
			everyWay(t, tc.in, Limits{}, []string{answer(tc.want)})
			everyWay(t, tc.in+get("/smuggled")+host+"\r\n", Limits{}, []string{answer(tc.want)})
		})
	}
}

// A head that is not complete is no event, and no error.
func TestHeadBegun(t *testing.T) {
	for _, in := range []string{"", "\r", "\r\n", "G", "GET", get("/"), get("/") + host, get("/") + host + "\r"} {
		everyWay(t, in, Limits{}, nil)
	}
}
