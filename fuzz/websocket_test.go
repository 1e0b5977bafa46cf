package fuzz_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/websocket"
)

// webSocketLimits are small enough to be met.
var webSocketLimits = websocket.Options{MaxMessageBytes: 300, MaxFragments: 4}

// webSocketFrame is a frame; key is what it is masked with, none if it is empty.
func webSocketFrame(first byte, payload, key string) string {
	b := []byte{first}
	mark := byte(0)
	if key != "" {
		mark = 0x80
	}
	switch n := len(payload); {
	case n > 0xFFFF:
		b = binary.BigEndian.AppendUint64(append(b, mark|127), uint64(n))
	case n > 125:
		b = binary.BigEndian.AppendUint16(append(b, mark|126), uint16(n))
	default:
		b = append(b, mark|byte(n))
	}
	b = append(b, key...)
	for i := range len(payload) {
		c := payload[i]
		if key != "" {
			c ^= key[i%4]
		}
		b = append(b, c)
	}
	return string(b)
}

// Pieces of streams: first bytes and payloads.
var (
	webSocketFirst    = []byte{0x81, 0x01, 0x80, 0x00, 0xC1, 0x41, 0x89, 0x8A, 0x88, 0x82, 0x02, 0xC0, 0x91, 0xA1, 0x09, 0x83, 0x8B, 0xC9, 0xFF}
	webSocketPayloads = []string{
		"hello", "", "é", "語", "😀", "\xc3", "\xa9", "\xe8\xaa", "\x9e", "\xf0\x9f", "\x98\x80", "\xed\xa0\x80", "\xff", "\xf4\x90",
		"\x03\xe8", "\x03\xe8bye", "\x03", "\x03\xed", "\x0b\xb8\xc3", "\xff\xff",
		"\xf2\x48\xcd\xc9\xc9\x07\x00", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "\x00", "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "\x00\x05\x00\xfa\xffHello\x00",
		strings.Repeat("x", 125), strings.Repeat("x", 126), strings.Repeat("é", 64), strings.Repeat("x", 300), strings.Repeat("x", 301),
		string(deflated(strings.Repeat("x", 300))), string(deflated(strings.Repeat("x", 301))), string(deflated("é")), string(deflated("\xc3")),
	}
)

// deflated is s as a message of permessage-deflate, by the standard library.
func deflated(s string) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 6)
	_, _ = io.WriteString(w, s)
	_ = w.Flush()
	return b.Bytes()[:b.Len()-4]
}

// webSocketRead feeds in cut as cuts says, over and over, each piece in a buffer
// that is spoilt afterwards.
func webSocketRead(t *testing.T, in, cuts []byte, o websocket.Options, a websocket.Agreed) (events []string) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	budget := &lineBudget{t: t, max: 1 << 30}
	var p websocket.Parser
	p.Init(websocket.NewLoop(pool, o), budget, a)
	for rest, i := in, 0; len(rest) > 0; i++ {
		n := len(rest)
		if len(cuts) > 0 {
			n = min(n, int(cuts[i%len(cuts)])+1)
		}
		piece := bytes.Clone(rest[:n])
		rest = rest[n:]
		for b, ev := piece, websocket.Event(255); ev != websocket.More; {
			n, ev = p.Next(b)
			if n > len(b) {
				t.Fatalf("took %d of %d bytes", n, len(b))
			}
			b = b[n:]
			switch ev {
			case websocket.Message:
				events = append(events, fmt.Sprintf("text %q", p.Payload()))
			case websocket.Ping:
				events = append(events, fmt.Sprintf("ping %q", p.Payload()))
			case websocket.Pong:
				events = append(events, fmt.Sprintf("pong %q", p.Payload()))
			case websocket.Close:
				events = append(events, fmt.Sprintf("close %d %q", p.Code(), p.Payload()))
			case websocket.Failed:
				events = append(events, fmt.Sprintf("failed %d", p.Err().Code))
			case websocket.NoRoom:
				t.Fatal("no room")
			case websocket.More:
				if len(b) > 0 {
					t.Fatalf("%d bytes left over", len(b))
				}
			}
		}
		for k := range piece {
			piece[k] = 0xCC
		}
		if p.Rest() && pool.Stats().Outstanding > 0 {
			t.Fatalf("%d buffers held at rest", pool.Stats().Outstanding)
		}
	}
	p.Release()
	if pool.Stats().Outstanding != 0 || budget.held != 0 || p.Charged() != 0 {
		t.Fatalf("%d buffers and %d bytes left", pool.Stats().Outstanding, budget.held)
	}
	return events
}

// webSocketMeaning is RFC 6455 and RFC 7692 in their own order, on the whole stream
// and with no thought of speed.
func webSocketMeaning(in []byte, o websocket.Options, deflate bool) (events []string) {
	fail := func(code int) []string { return append(events, fmt.Sprintf("failed %d", code)) }
	var message []byte
	open, packed, fragments := false, false, 0
	for {
		if len(in) < 2 {
			return events
		}
		fin, rsv1, op := in[0]&0x80 != 0, in[0]&0x40 != 0, in[0]&0xF
		data := op < 8
		switch {
		case in[0]&0x30 != 0, // §5.2
			rsv1 && !(deflate && (op == 1 || op == 2)),
			op >= 3 && op <= 7 || op > 10,
			(in[1]&0x80 != 0) == o.Client,             // §5.1
			!data && (!fin || in[1]&0x7F > 125),       // §5.5
			op == 0 && !open, data && op != 0 && open: // §5.4
			return fail(1002)
		case op == 2:
			return fail(1003)
		}
		length, size := uint64(in[1]&0x7F), 2
		switch length {
		case 126:
			size = 4
		case 127:
			size = 10
		}
		if in[1]&0x80 != 0 {
			size += 4
		}
		if len(in) < size {
			return events
		}
		switch length {
		case 126:
			if length = uint64(in[2])<<8 | uint64(in[3]); length < 126 {
				return fail(1002)
			}
		case 127:
			length = 0
			for _, c := range in[2:10] {
				length = length<<8 | uint64(c)
			}
			if length < 1<<16 || length >= 1<<63 {
				return fail(1002)
			}
		}
		if data {
			if fragments++; fragments > o.MaxFragments || length > uint64(o.MaxMessageBytes-len(message)) {
				return fail(1009)
			}
			if op == 1 {
				open, packed = true, rsv1
			}
		}
		whole := uint64(len(in)-size) >= length
		payload := bytes.Clone(in[size:min(uint64(len(in)), uint64(size)+length)])
		if in[1]&0x80 != 0 {
			for i := range payload {
				payload[i] ^= in[size-4+i%4]
			}
		}
		in = in[size+len(payload):]
		if data {
			message = append(message, payload...)
			if !packed && !mayBecomeUTF8(message) {
				return fail(1007)
			}
		}
		if !whole {
			return events
		}
		switch {
		case op == 8:
			switch {
			case len(payload) == 0:
				return append(events, `close 1005 ""`)
			case len(payload) == 1:
				return fail(1002)
			}
			code := int(payload[0])<<8 | int(payload[1])
			if known := []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014}; !slices.Contains(known, code) && (code < 3000 || code > 4999) {
				return fail(1002)
			}
			if !utf8.Valid(payload[2:]) {
				return fail(1007)
			}
			return append(events, fmt.Sprintf("close %d %q", code, payload[2:]))
		case op == 9:
			events = append(events, fmt.Sprintf("ping %q", payload))
		case op == 10:
			events = append(events, fmt.Sprintf("pong %q", payload))
		case fin:
			if packed {
				if code := inflated(&message, o.MaxMessageBytes); code != 0 {
					return fail(code)
				}
			}
			if !utf8.Valid(message) {
				return fail(1007)
			}
			events = append(events, fmt.Sprintf("text %q", message))
			message, open, packed, fragments = nil, false, false, 0
		}
	}
}

// mayBecomeUTF8 reports whether something can follow b that makes it UTF-8.
func mayBecomeUTF8(b []byte) bool {
	for _, next := range []string{"", "\x80", "\x80\x80", "\x80\x80\x80", "\xa0\x80", "\x90\x80\x80", "\xbf", "\xbf\xbf"} {
		if utf8.Valid(append(b[:len(b):len(b)], next...)) {
			return true
		}
	}
	return false
}

// inflated undoes permessage-deflate by the standard library; it returns the code to
// fail with, or 0.
func inflated(b *[]byte, limit int) int {
	if len(*b) == 0 {
		return 0
	}
	in := bytes.NewReader(append(*b, "\x00\x00\xff\xff\x01\x00\x00\xff\xff"...))
	var out []byte
	for streams := 0; in.Len() > 0; streams++ {
		if streams == 16 {
			return 1007
		}
		more, err := io.ReadAll(io.LimitReader(flate.NewReader(in), int64(limit+1-len(out))))
		if out = append(out, more...); len(out) > limit {
			return 1009
		}
		if err != nil {
			return 1007
		}
	}
	*b = out
	return 0
}

// FuzzWebSocket checks that a stream has the events that webSocketMeaning finds in
// the whole of it, however it is cut, on either side and with or without deflate.
func FuzzWebSocket(f *testing.F) {
	for i, first := range webSocketFirst {
		for k, payload := range webSocketPayloads {
			in := webSocketFrame(first, payload, "\x37\xfa\x21\x3d")
			f.Add([]byte(in+in), []byte{byte(i), 2, byte(k)}, uint8(2))
			f.Add([]byte(webSocketFrame(first, payload, "")), []byte{0}, uint8(3))
		}
	}
	for _, in := range []string{"", "\x81", "\x81\x85", "\x81\xfe\x00\x7d", "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00", "\x81\xff\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\x16\x03\x01", "GET / HTTP/1.1\r\n"} {
		f.Add([]byte(in), []byte{1}, uint8(0))
	}
	f.Fuzz(splitWebSocket)
}

// splitWebSocket is FuzzWebSocket for one stream.
func splitWebSocket(t *testing.T, in, cuts []byte, flags uint8) {
	o := webSocketLimits
	o.Client = flags&1 > 0
	a := websocket.Agreed{Deflate: flags&2 > 0}
	want := webSocketMeaning(in, o, a.Deflate)
	for _, cuts := range [][]byte{nil, cuts} {
		if got := webSocketRead(t, in, cuts, o, a); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%q, %+v, %+v, cuts %v:\n got %v\nwant %v", in, o, a, cuts, got, want)
		}
	}
}

// TestWebSocketFragments is FuzzWebSocket on streams put together from frames, which
// comes sooner to what matters.
func TestWebSocketFragments(t *testing.T) {
	rounds := 40_000
	if testing.Short() {
		rounds = 4000
	}
	rng := rand.New(rand.NewPCG(64, 55))
	seen := map[string]int{}
	for range rounds {
		flags := uint8(rng.IntN(4))
		key := "\x37\xfa\x21\x3d"
		if flags&1 > 0 != (rng.IntN(50) == 0) {
			key = ""
		}
		var in []byte
		for range 1 + rng.IntN(8) {
			first := webSocketFirst[rng.IntN(1+rng.IntN(len(webSocketFirst)))] // the first, most often
			in = append(in, webSocketFrame(first, webSocketPayloads[rng.IntN(1+rng.IntN(len(webSocketPayloads)))], key)...)
		}
		if rng.IntN(4) == 0 {
			i := rng.IntN(len(in))
			in = append(in[:i:i], in[i+rng.IntN(min(3, len(in)-i)):]...)
		}
		splitWebSocket(t, in, []byte{byte(rng.IntN(40)), byte(rng.IntN(9))}, flags)
		o := webSocketLimits
		o.Client = flags&1 > 0
		for _, e := range webSocketMeaning(in, o, flags&2 > 0) {
			word, _, _ := strings.Cut(e, " \"")
			seen[word]++
		}
	}
	for _, e := range []string{"text", "ping", "pong", "close 1000", "close 1005", "failed 1002", "failed 1003", "failed 1007", "failed 1009"} {
		if seen[e] < rounds/2000 {
			t.Errorf("%q came %d times in %d streams: %v", e, seen[e], rounds, seen)
		}
	}
}

// FuzzWebSocketSend checks that what one side sends the other reads, compressed or
// not, whatever the window and the threshold.
func FuzzWebSocketSend(f *testing.F) {
	f.Add([]byte("hello"), []byte("x"), uint16(1000), "bye", uint8(0), uint8(15))
	f.Add([]byte(strings.Repeat("hello ", 100)), []byte(nil), uint16(1006), "\xff", uint8(3), uint8(8))
	f.Add([]byte(strings.Repeat("é", 40_000)), bytes.Repeat([]byte("x"), 200), uint16(4000), strings.Repeat("é", 100), uint8(2), uint8(9))
	f.Add([]byte{}, []byte{}, uint16(0), "", uint8(1), uint8(0))
	f.Fuzz(func(t *testing.T, text, data []byte, code uint16, reason string, flags, bits uint8) {
		pool := ringbuf.NewPool(ringbuf.PoolOptions{})
		from := websocket.NewLoop(pool, websocket.Options{Client: flags&1 > 0, CompressMin: 1 + int(flags>>2)})
		a := websocket.Agreed{Deflate: flags&2 > 0}
		if bits >= 8 && bits <= 15 {
			a.WindowBits = bits
		}
		if !utf8.Valid(text) || !utf8.ValidString(reason) {
			return // the caller's duty
		}
		out := pool.Get(1)
		out = from.AppendText(out, text, a)
		if websocket.FrameLen(out) != len(out) {
			t.Fatalf("a frame of %d bytes has %d", websocket.FrameLen(out), len(out))
		}
		out = from.AppendPing(from.AppendPong(out, data), data)
		out = from.AppendClose(out, websocket.Code(code), reason)
		data = data[:min(len(data), 125)]
		want := []string{fmt.Sprintf("text %q", text), fmt.Sprintf("pong %q", data), fmt.Sprintf("ping %q", data)}
		to := websocket.Options{Client: flags&1 == 0}
		got := webSocketRead(t, out, []byte{7, 200}, to, a)
		if len(got) != 4 || fmt.Sprint(got[:3]) != fmt.Sprint(want) || !strings.HasPrefix(got[3], fmt.Sprintf("close %d ", code)) && got[3] != `close 1005 ""` {
			t.Fatalf("got %.500v, want %.500v", got, want)
		}
		pool.Put(out)
		if n := pool.Stats().Outstanding; n != 0 {
			t.Fatalf("%d buffers left", n)
		}
	})
}

// FuzzWebSocketResponse checks that an answer which a client takes for a handshake is
// one for net/http too, of status 101 and with the right Sec-WebSocket-Accept, and that
// cut anywhere it is waited for, and not taken. ACCEPT stands for the right one.
func FuzzWebSocketResponse(f *testing.F) {
	const good = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n"
	for _, in := range []string{
		good + "\r\n", good + "\r\n\x81\x05hello", good + "Sec-WebSocket-Protocol: mcp\r\n\r\n",
		good + "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n",
		good + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", good + "Sec-WebSocket-Protocol: chat\r\n\r\n",
		good + "A b: c\r\n\r\n", good + " folded\r\n\r\n", good + "X: \x01\r\n\r\n", good + "X\r\n\r\n",
		"HTTP/1.1 101\r\nupgrade:WEBSOCKET, x\r\nconnection:x ,UPGRADE\r\nsec-websocket-accept:\tACCEPT \r\n\r\n",
		"HTTP/1.1 401 Unauthorized\r\n\r\n", "HTTP/1.0 101 x\r\n\r\n", "HTTP/1.1 1", "220 mail ESMTP\r\n", "",
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		client := websocket.NewLoop(nil, websocket.Options{Client: true})
		request, h := client.Connect(nil, "localhost", "/ws", "")
		q, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request)))
		if err != nil {
			t.Fatalf("%v: %q", err, request)
		}
		sum := sha1.Sum([]byte(q.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		accept := base64.StdEncoding.EncodeToString(sum[:])
		in = bytes.ReplaceAll(in, []byte("ACCEPT"), []byte(accept))
		n, a, err := h.Read(in)
		if err != nil || n == 0 {
			if a != (websocket.Agreed{}) {
				t.Fatalf("agreed on %+v, %v", a, err)
			}
			return
		}
		for i := range n {
			if k, _, err := h.Read(in[:i]); k != 0 || err != nil {
				t.Fatalf("%d of %d bytes: %d, %v", i, n, k, err)
			}
		}
		res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(in[:n])), nil)
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", in[:n], err)
		}
		if res.StatusCode != 101 || res.Header.Get("Sec-WebSocket-Accept") != accept || len(res.Header["Sec-Websocket-Accept"]) != 1 {
			t.Fatalf("taken: %q", in[:n])
		}
		if p := res.Header["Sec-Websocket-Protocol"]; len(p) > 1 || len(p) == 1 && p[0] != "mcp" {
			t.Fatalf("subprotocol %q", p)
		}
		if e := res.Header["Sec-Websocket-Extensions"]; a.Deflate != (len(e) == 1) || len(e) > 1 {
			t.Fatalf("extensions %q, agreed on %+v", e, a)
		}
	})
}
