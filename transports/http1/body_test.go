package http1

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/ringbuf"
)

// post is the head of a request with fields of the caller's.
func post(fields string) string { return "POST / HTTP/1.1\r\n" + host + fields + "\r\n" }

var (
	chunked = post("Transfer-Encoding: chunked\r\n")
	aChunk  = "POST / 1.1 host=a chunked"
)

var goodBodies = []struct {
	name, in string
	want     []string
}{
	{"length", post("Content-Length: 5\r\n") + "hello", []string{`POST / 1.1 host=a length=5`, `done POST "hello"`}},
	{"length with zeros", post("Content-Length: 0005\r\n") + "hello", []string{`POST / 1.1 host=a length=5`, `done POST "hello"`}},
	{"length 0", post("Content-Length: 0\r\n"), []string{`POST / 1.1 host=a length=0`, `done POST ""`}},
	{"no length is no body", post("") + post(""), []string{`POST / 1.1 host=a`, `done POST ""`, `POST / 1.1 host=a`, `done POST ""`}},
	{"body with a get", get("/") + host + "Content-Length: 2\r\n\r\nab", []string{`GET / 1.1 host=a length=2`, `done GET "ab"`}},
	{"body like a request", post("Content-Length: 18\r\n") + get("/") + "\r\n" + get("/2") + host + "\r\n",
		[]string{`POST / 1.1 host=a length=18`, `done POST "GET / HTTP/1.1\r\n\r\n"`, `GET /2 1.1 host=a`, `done GET ""`}},
	{"half a body", post("Content-Length: 5\r\n") + "hell", []string{`POST / 1.1 host=a length=5`}},
	{"1.0 with length", "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nab" + get("/"), []string{`POST / 1.0 host= length=2 close`, `done POST "ab"`}},
	{"expect", post("Expect: 100-Continue\r\nContent-Length: 1\r\n") + "x", []string{`POST / 1.1 host=a length=1 expect Expect:"100-Continue"`, `done POST "x"`}},
	{"nothing behind close", post("Connection: close\r\n") + get("/") + host + "\r\n", []string{`POST / 1.1 host=a close Connection:"close"`, `done POST ""`}},
	{"an empty line between", post("Content-Length: 1\r\n") + "a\r\n" + get("/") + host + "\r\n",
		[]string{`POST / 1.1 host=a length=1`, `done POST "a"`, `GET / 1.1 host=a`, `done GET ""`}},

	{"one chunk", chunked + "5\r\nhello\r\n0\r\n\r\n", []string{aChunk, `done POST "hello"`}},
	{"two chunks", chunked + "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", []string{aChunk, `done POST "hello world"`}},
	{"no chunks", chunked + "0\r\n\r\n", []string{aChunk, `done POST ""`}},
	{"last chunk of many zeros", chunked + "0000000000000000\r\n\r\n", []string{aChunk, `done POST ""`}},
	{"size with zeros", chunked + "0000000000000005\r\nhello\r\n0\r\n\r\n", []string{aChunk, `done POST "hello"`}},
	{"size in hex", chunked + "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", []string{aChunk, `done POST "01234567890123456789a"`}},
	{"name of the coding in capitals", post("transfer-ENCODING: Chunked\r\n") + "1\r\na\r\n0\r\n\r\n", []string{aChunk, `done POST "a"`}},
	{"extensions", chunked + "1;a\r\na\r\n1;b=\"c\td\"; e = f\r\nb\r\n0;x=\xff\r\n\r\n", []string{aChunk, `done POST "ab"`}},
	{"extension behind a space", chunked + "1; a\r\na\r\n0;a;\r\n\r\n", []string{aChunk, `done POST "a"`}},
	{"CR LF as data", chunked + "4\r\n\r\n\r\n\r\n0\r\n\r\n", []string{aChunk, `done POST "\r\n\r\n"`}},
	{"trailers", chunked + "1\r\na\r\n0\r\nX: y\r\nX-2:\t\xe9\r\n\r\n", []string{aChunk, `done POST "a"`}},
	{"trailers are never fields", chunked + "0\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\nHost: b\r\nConnection: close\r\n\r\n" + get("/") + host + "\r\n",
		[]string{aChunk, `done POST ""`, `GET / 1.1 host=a`, `done GET ""`}},
	{"half a chunk", chunked + "5\r\nhel", []string{aChunk}},
	{"no end of chunks", chunked + "5\r\nhello\r\n", []string{aChunk}},
	{"no empty line", chunked + "0\r\nX: y\r\n", []string{aChunk}},
	{"expect and chunks", post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", []string{`POST / 1.1 host=a chunked expect Expect:"100-continue"`, `done POST ""`}},
	{"chunks, then a request", chunked + "1\r\na\r\n0\r\n\r\n" + get("/") + host + "\r\n", []string{aChunk, `done POST "a"`, `GET / 1.1 host=a`, `done GET ""`}},
	{"pipelined", strings.Repeat(get("/")+host+"\r\n", 3) + post("Content-Length: 1\r\n") + "x" + get("/") + host + "\r\n",
		[]string{`GET / 1.1 host=a`, `done GET ""`, `GET / 1.1 host=a`, `done GET ""`, `GET / 1.1 host=a`, `done GET ""`,
			`POST / 1.1 host=a length=1`, `done POST "x"`, `GET / 1.1 host=a`, `done GET ""`}},
}

// badFraming are heads whose body could be taken to end in two places, and
// bodies. What head says is an event before the refusal.
var badFraming = []struct {
	name, in string
	head     string
	want     *Error
}{
	{"length and chunked", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", "", ErrLengthAndEncoding},
	{"chunked and length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") + "0\r\n\r\n", "", ErrLengthAndEncoding},
	{"length 0 and chunked", post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", "", ErrLengthAndEncoding},
	{"length and xchunked", post("Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n") + "hello", "", ErrLengthAndEncoding},
	{"two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n") + "hello", "", ErrContentLength},
	{"two equal lengths", post("Content-Length: 5\r\nContent-Length: 5\r\n") + "hello", "", ErrContentLength},
	{"list of lengths", post("Content-Length: 5, 5\r\n") + "hello", "", ErrContentLength},
	{"list of lengths, one empty", post("Content-Length: 5,\r\n") + "hello", "", ErrContentLength},
	{"length +5", post("Content-Length: +5\r\n") + "hello", "", ErrContentLength},
	{"length -5", post("Content-Length: -5\r\n") + "hello", "", ErrContentLength},
	{"length -0", post("Content-Length: -0\r\n"), "", ErrContentLength},
	{"length 0x5", post("Content-Length: 0x5\r\n") + "hello", "", ErrContentLength},
	{"length a", post("Content-Length: a\r\n") + "helloworld", "", ErrContentLength},
	{"length 1_0", post("Content-Length: 1_0\r\n") + "helloworld", "", ErrContentLength},
	{"length 5.0", post("Content-Length: 5.0\r\n") + "hello", "", ErrContentLength},
	{"length 5e0", post("Content-Length: 5e0\r\n") + "hello", "", ErrContentLength},
	{"length 4 2", post("Content-Length: 4 2\r\n") + "hello", "", ErrContentLength},
	{"length empty", post("Content-Length: \r\n") + "hello", "", ErrContentLength},
	{"length in Arabic digits", post("Content-Length: \xd9\xa5\r\n") + "hello", "", ErrContentLength},
	{"length 2^63", post("Content-Length: 9223372036854775808\r\n"), "", ErrContentLength},
	{"length 2^64+5", post("Content-Length: 18446744073709551621\r\n") + "hello", "", ErrContentLength},
	{"length of 60 digits", post("Content-Length: "+strings.Repeat("1", 60)+"\r\n") + "hello", "", ErrContentLength},
	{"length 2^63-1", post("Content-Length: 9223372036854775807\r\n"), "", ErrBodyTooLarge},
	{"xchunked", post("Transfer-Encoding: xchunked\r\n") + "0\r\n\r\n", "", ErrTransferEncoding},
	{"chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", "", ErrTransferEncoding},
	{"chunked, then identity", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n") + "0\r\n\r\n", "", ErrTransferEncoding},
	{"chunked, chunked", post("Transfer-Encoding: chunked, chunked\r\n") + "0\r\n\r\n", "", ErrTransferEncoding},
	{"chunked, gzip", post("Transfer-Encoding: chunked, gzip\r\n") + "0\r\n\r\n", "", ErrTransferEncoding},
	{"gzip", post("Transfer-Encoding: gzip\r\n") + "0\r\n\r\n", "", ErrTransferEncoding},
	{"identity", post("Transfer-Encoding: identity\r\n") + "0\r\n\r\n", "", ErrTransferEncoding},
	{"empty coding", post("Transfer-Encoding:\r\n") + "0\r\n\r\n", "", ErrTransferEncoding},
	{"comma, chunked", post("Transfer-Encoding: ,chunked\r\n") + "0\r\n\r\n", "", ErrTransferEncoding},
	{"chunked, comma", post("Transfer-Encoding: chunked,\r\n") + "0\r\n\r\n", "", ErrTransferEncoding},
	{"chunked in quotes", post("Transfer-Encoding: \"chunked\"\r\n") + "0\r\n\r\n", "", ErrTransferEncoding},
	{"chunked with a parameter", post("Transfer-Encoding: chunked;q=1\r\n") + "0\r\n\r\n", "", ErrTransferEncoding},
	{"chunked behind a vertical tab", post("Transfer-Encoding: \vchunked\r\n") + "0\r\n\r\n", "", ErrFieldValue},
	{"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n", "", ErrCoding},
	{"chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", ErrTransferEncoding},
	{"chunked and length in 1.0", "POST / HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", ErrTransferEncoding},
	{"space before the colon", post("Content-Length : 5\r\n") + "hello", "", ErrFieldName},
	{"space before the colon of the coding", post("Transfer-Encoding : chunked\r\n") + "0\r\n\r\n", "", ErrFieldName},
	{"folded coding", post("Transfer-Encoding:\r\n chunked\r\n") + "0\r\n\r\n", "", ErrFold},

	{"size 0x", chunked + "0x5\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkSize},
	{"size +", chunked + "+5\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkSize},
	{"size -", chunked + "-5\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkSize},
	{"size _", chunked + "1_0\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkSize},
	{"size g", chunked + "g\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkSize},
	{"no size", chunked + "\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkSize},
	{"extension and no size", chunked + ";a\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkSize},
	{"space before size", chunked + " 5\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkSize},
	{"space behind size", chunked + "5 \r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkSize},
	{"space before semicolon", chunked + "5 ;a\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkSize},
	{"tab behind size", chunked + "5\t\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkSize},
	{"comma behind size", chunked + "5,a\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkSize},
	{"size of 17 digits", chunked + "00000000000000005\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkSize},
	{"size 2^64+5", chunked + "10000000000000005\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkSize},
	{"size 2^64-1", chunked + "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", aChunk, ErrBodyTooLarge},
	{"size 2^63", chunked + "8000000000000000\r\nhello\r\n0\r\n\r\n", aChunk, ErrBodyTooLarge},
	{"bare LF behind size", chunked + "5\nhello\r\n0\r\n\r\n", aChunk, ErrChunkSize},
	{"bare CR behind size", chunked + "5\rhello\r\n0\r\n\r\n", aChunk, ErrLineEnd},
	{"bare LF in extension", chunked + "5;a\nhello\r\n0\r\n\r\n", aChunk, ErrChunkExt},
	{"bare CR in extension", chunked + "5;a\rb\r\nhello\r\n0\r\n\r\n", aChunk, ErrLineEnd},
	{"empty extension", chunked + "5;\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkExt},
	{"two semicolons", chunked + "5;;a\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkExt},
	{"NUL in extension", chunked + "5;a\x00\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkExt},
	{"DEL in extension", chunked + "5;\x7f\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkExt},
	{"data longer than size", chunked + "5\r\nhello!\r\n0\r\n\r\n", aChunk, ErrChunkEnd},
	{"data shorter than size", chunked + "6\r\nhello\r\n0\r\n\r\n", aChunk, ErrChunkEnd},
	{"bare LF behind data", chunked + "5\r\nhello\n0\r\n\r\n", aChunk, ErrChunkEnd},
	{"bare CR behind data", chunked + "5\r\nhello\r0\r\n\r\n", aChunk, ErrChunkEnd},
	{"two CR LF behind data", chunked + "5\r\nhello\r\n\r\n0\r\n\r\n", aChunk, ErrChunkSize},
	{"bare LF at the end", chunked + "0\r\n\n", aChunk, ErrLineEnd},
	{"bare CR at the end", chunked + "0\r\n\rX", aChunk, ErrLineEnd},
	{"trailer without colon", chunked + "0\r\nX\r\n\r\n", aChunk, ErrTrailer},
	{"trailer without name", chunked + "0\r\n: x\r\n\r\n", aChunk, ErrTrailer},
	{"trailer, space before colon", chunked + "0\r\nX : y\r\n\r\n", aChunk, ErrTrailer},
	{"trailer, fold", chunked + "0\r\nX: y\r\n z\r\n\r\n", aChunk, ErrFold},
	{"trailer, bare LF", chunked + "0\r\nX: y\n\r\n", aChunk, ErrLineEnd},
	{"trailer, bare CR", chunked + "0\r\nX: y\rz\r\n\r\n", aChunk, ErrLineEnd},
	{"trailer, NUL", chunked + "0\r\nX: y\x00\r\n\r\n", aChunk, ErrTrailer},
	{"a request for a trailer", chunked + "0\r\n" + get("/") + host + "\r\n", aChunk, ErrTrailer},
}

func TestBodies(t *testing.T) {
	for _, tc := range goodBodies {
		t.Run(tc.name, func(t *testing.T) { everyWay(t, tc.in, Limits{}, tc.want) })
	}
}

// One request leaves nothing behind that the next would feel: neither counts nor
// modes nor the half of an empty line.
func TestRequestsInARow(t *testing.T) {
	limits := Limits{Line: 30, Head: 120, Body: 24, ChunkExt: 19, Trailers: 90}
	for _, a := range goodBodies {
		last := a.want[len(a.want)-1]
		if !strings.HasPrefix(last, "done ") || strings.Contains(strings.Join(a.want, ""), " close") {
			continue
		}
		t.Run(a.name, func(t *testing.T) {
			everyWay(t, strings.Repeat(a.in+"\r\n", 3), limits, append(append(append([]string{}, a.want...), a.want...), a.want...))
		})
	}
}

// The mode of a body is that of its request alone.
func TestModeIsForOneRequest(t *testing.T) {
	p := newParser(ringbuf.NewPool(ringbuf.PoolOptions{}))
	in := []byte(strings.Repeat(post("Content-Length: 2\r\n")+"ab", 3))
	var got []string
	for rest := in; ; {
		n, ev := p.Next(rest)
		if rest = rest[n:]; ev == More {
			break
		}
		if ev == Head && len(got) == 0 {
			p.SetBody(Pieces)
		}
		got = append(got, fmt.Sprintf("%d%s", ev, p.Body()))
	}
	if want := fmt.Sprintf("%d %dab %d %d %dab %d %dab", Head, Piece, Done, Head, Done, Head, Done); strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestBadFraming(t *testing.T) {
	if len(badFraming) < len(goodBodies) {
		t.Errorf("%d bad rows for %d good ones", len(badFraming), len(goodBodies))
	}
	for _, tc := range badFraming {
		t.Run(tc.name, func(t *testing.T) {
			want := []string{answer(tc.want)}
			if tc.head != "" {
				want = []string{tc.head, answer(tc.want)}
			}
			everyWay(t, tc.in+get("/smuggled")+host+"\r\n", Limits{}, want)
		})
	}
}

// A request before a bad one is served; one behind it never.
func TestGoodThenBad(t *testing.T) {
	for _, tc := range badFraming {
		want := []string{`GET /1 1.1 host=a`, `done GET ""`}
		if tc.head != "" {
			want = append(want, tc.head)
		}
		want = append(want, answer(tc.want))
		everyWay(t, get("/1")+host+"\r\n"+tc.in+fmt.Sprintf("%s%s\r\n", get("/2"), host), Limits{}, want)
	}
}
