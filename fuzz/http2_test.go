package fuzz_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/http2"
)

// http2Blocks are header blocks: of requests, with and without a table, of
// trailers, and of what is refused.
var http2Blocks = []string{
	"\x82\x86\x84\x41\x01a",                         // GET http://a/, kept
	"\x82\x86\x84\xbe",                              // the same, by the table
	"\x83\x86\x04\x04/a?b\x01\x01a\x00\x01x\x03y z", // POST, without the table
	"\x83\x87\x84\x41\x8a\xa0\xe4\x1d\x13\x9d\x09\xb8\xf0\x1e\x07\x40\x01x\x01y", // Huffman
	"\x83\x86\x84\x01\x01a\x0f\x0d\x015",                                         // content-length: 5
	"\x83\x86\x84\x01\x01a\x0f\x11\x03a=1\x0f\x11\x03b=2",                        // Cookie in crumbs
	"\x83\x86\x84\x01\x01a\x0f\x14\x0c100-continue",
	"\x00\x01t\x01u",                                                                   // trailers
	"\x20\x3f\xe1\x1f\x82\x86\x84\x01\x01a",                                            // sizes of the table
	"\x02\x07CONNECT\x01\x03a:1",                                                       // 501
	"\x82\x86\x84", "\x82\x82\x86\x84\x01\x01a", "\x82\x86\x84\x01\x01a\x00\x01X\x01y", // malformed
	"\x82\x86\x84\x01\x01a\x00\x01x\x02y\x0a", "\x82\x86\x84\x01\x01a\x00\x02te\x01x",
	"\xff\xff\xff\xff\xff\x0f", "\x82\x20", "\xbf", "", // no blocks
}

// http2Stream makes frames of ops, three bytes and perhaps a payload or the number
// of a block each, so that most lengths are right: what kind, with what flags, on
// which stream.
func http2Stream(ops []byte) []byte {
	out := append([]byte(http2.Preface), "\x00\x00\x00\x04\x00\x00\x00\x00\x00"...)
	for len(ops) >= 3 {
		kind, flags, id := ops[0]%12, ops[1], uint32(ops[2]%16)
		ops = ops[3:]
		var p []byte
		own := func(n int) {
			n = min(n, len(ops))
			p, ops = append(p, ops[:n]...), ops[n:]
		}
		switch xhttp2.FrameType(kind) {
		case xhttp2.FrameHeaders, xhttp2.FrameContinuation:
			id |= 1
			if flags&0x08 != 0 {
				p = append(p, flags>>6)
			}
			if flags&0x20 != 0 {
				p = append(p, 0, 0, 0, flags>>6, 16)
			}
			if len(ops) > 0 && flags&0x80 == 0 {
				p = append(p, http2Blocks[int(ops[0])%len(http2Blocks)]...)
				ops = ops[1:]
			} else {
				own(int(flags>>3) % 16)
			}
		case xhttp2.FrameData:
			id |= 1
			own(int(flags >> 4))
		case xhttp2.FrameSettings:
			if id = 0; flags&1 == 0 {
				p = binary.BigEndian.AppendUint16(p, uint16(flags>>1)%7)
				p = binary.BigEndian.AppendUint32(p, 1<<(flags>>3)-uint32(flags&1))
			}
		case xhttp2.FrameRSTStream:
			p = binary.BigEndian.AppendUint32(p, uint32(flags))
			id |= 1
		case xhttp2.FramePing:
			p, id = append(p, "12345678"...), 0
		case xhttp2.FrameGoAway:
			p, id = append(p, "12345678"...), 0
		case xhttp2.FrameWindowUpdate:
			p = binary.BigEndian.AppendUint32(p, uint32(flags)<<(id/2))
		case xhttp2.FramePriority:
			p = append(p, 0, 0, 0, flags, 1)
		default:
			own(int(flags) % 16)
		}
		out = append(out, byte(len(p)>>16), byte(len(p)>>8), byte(len(p)), kind, flags)
		out = append(binary.BigEndian.AppendUint32(out, id), p...)
	}
	return out
}

// http2Read is what became of a stream.
type http2Read struct {
	requests []string // complete
	others   []string // heads, resets, refusals
	lost     int      // requests reset or refused
	err      *http2.Error
	sent     []byte
}

func (r http2Read) String() string {
	return fmt.Sprintf("requests %q, others %q, error %v", r.requests, r.others, r.err)
}

// readHTTP2 feeds in cut as cuts says, over and over, each piece in a buffer that
// is spoilt afterwards. Streams by turns are answered at once, and with what needs
// windows, turns and room; that answer ends where ends says so, or else, as where
// it is cut could be seen in when its stream is free, with the third that follows.
func readHTTP2(t *testing.T, in, cuts []byte, limits http2.Limits, ends bool) (r http2Read) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	budget := &lineBudget{t: t, max: 1 << 30}
	loop := http2.NewLoop(pool, limits)
	c := loop.Open(budget)
	waiting := map[*http2.Stream][]byte{}
	var held []*http2.Stream
	release := func(s *http2.Stream) {
		delete(waiting, s)
		if i := slices.Index(held, s); i >= 0 {
			held = slices.Delete(held, i, i+1)
			c.Release(s)
		}
	}
	send := func(s *http2.Stream, p []byte) {
		waiting[s] = p[c.SendData(s, p, ends):]
		if ends && len(waiting[s]) == 0 {
			release(s)
		}
	}
	event := func(ev http2.Event) {
		s := c.Stream()
		switch ev {
		case http2.Head:
			r.others = append(r.others, fmt.Sprint("head ", s.ID()))
			s.Owner = s.ID()
		case http2.Done:
			if s.Owner != s.ID() {
				t.Fatal("a stream has another owner")
			}
			r.requests = append(r.requests, http2Words(s))
			if held = append(held, s); len(held) > 2 {
				release(held[0])
			}
			if s.ID()%4 == 1 {
				c.SendHead(s, &http2.Response{Status: 204}, true)
				release(s)
			} else {
				c.SendHead(s, &http2.Response{Status: 200, Length: http2.StreamLength}, false)
				send(s, make([]byte, 20_000))
			}
		case http2.Reset:
			r.others = append(r.others, fmt.Sprintf("reset %d %v", s.ID(), c.Err()))
			r.lost++
			release(s)
		case http2.Refused:
			r.others = append(r.others, c.Err().Error())
			r.lost++
		case http2.Failed:
			r.err = c.Err()
		}
	}
	for i := 0; len(in) > 0; i++ {
		n := len(in)
		if len(cuts) > 0 {
			n = min(n, int(cuts[i%len(cuts)])+1)
		}
		piece := bytes.Clone(in[:n])
		in = in[n:]
		for b, ev := piece, http2.Event(255); ev != http2.More; {
			var n int
			if n, ev = c.Next(b, 1); n > len(b) {
				t.Fatalf("took %d of %d bytes", n, len(b))
			}
			if b = b[n:]; ev == http2.More && len(b) > 0 {
				t.Fatalf("%d bytes left over", len(b))
			}
			event(ev)
		}
		for k := range piece {
			piece[k] = 0xCC // nothing may still alias it
		}
		for s := c.Writable(); s != nil; s = c.Writable() {
			send(s, waiting[s])
		}
		r.sent = c.AppendOutput(r.sent)
		if c.Held() > loop.Limits().Streams {
			t.Fatalf("%d streams", c.Held())
		}
	}
	c.Close()
	loop.Close()
	if pool.Stats().Outstanding != 0 || budget.held != 0 {
		t.Fatalf("%d buffers and %d bytes left", pool.Stats().Outstanding, budget.held)
	}
	return r
}

// http2Words says all that a request says, with its fields as a client of HTTP/1.1
// would have sent them.
func http2Words(s *http2.Stream) string {
	q := s.Request()
	var fields []string
	for i := range q.Fields() {
		name, value := q.Field(i)
		fields = append(fields, fmt.Sprintf("%s=%s", name, value))
	}
	return fmt.Sprintf("%d %s %s %s %s %q %q", s.ID(), q.Method(), q.Scheme(), q.Host(), q.Target(), fields, s.Body())
}

// againstFramer reads a stream by x/net's Framer, and by the plainest code what
// requests are in its frames, up to the first frame that the Framer has an error
// with which is not a stream's. windows is what the client can take, in all: of
// the connection under 0.
func againstFramer(in []byte) (requests []string, windows map[uint32]int64) {
	windows = map[uint32]int64{0: 65535}
	first := int64(65535)
	fr := xhttp2.NewFramer(io.Discard, bytes.NewReader(bytes.TrimPrefix(in, []byte(http2.Preface))))
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	fr.SetMaxReadFrameSize(16384)
	heads, bodies := map[uint32]*xhttp2.MetaHeadersFrame{}, map[uint32]string{}
	begun, done := map[uint32]bool{}, map[uint32]bool{}
	finish := func(id uint32) {
		if f := heads[id]; f != nil && !done[id] {
			done[id] = true
			requests = append(requests, framerWords(f, bodies[id]))
		}
	}
	for {
		frame, err := fr.ReadFrame()
		if se := (xhttp2.StreamError{}); errors.As(err, &se) {
			begun[se.StreamID] = true
			continue
		} else if err != nil && strings.Contains(fmt.Sprint(fr.ErrorDetail()), "PRIORITY") {
			continue // of another length than 5: an error of its stream only
		} else if err != nil {
			break
		}
		id := frame.Header().StreamID
		switch f := frame.(type) {
		case *xhttp2.MetaHeadersFrame:
			if heads[id] == nil {
				kept := *f
				kept.Fields = slices.Clone(f.Fields)
				heads[id], begun[id] = &kept, true
			}
			if f.StreamEnded() {
				finish(id)
			}
		case *xhttp2.DataFrame:
			bodies[id] += string(f.Data())
			if f.StreamEnded() {
				finish(id)
			}
		case *xhttp2.WindowUpdateFrame:
			windows[id] += int64(f.Increment)
		case *xhttp2.SettingsFrame:
			if v, ok := f.Value(xhttp2.SettingInitialWindowSize); ok {
				first = max(first, int64(v))
			}
		}
	}
	for id := range begun {
		windows[id] += first
	}
	return requests, windows
}

// framerWords is http2Words for what the Framer has read.
func framerWords(f *xhttp2.MetaHeadersFrame, body string) string {
	host := f.PseudoValue("authority")
	var fields []string
	cookie := -1
	for _, h := range f.RegularFields() {
		if h.Name == "host" && host == "" {
			host = h.Value
		}
		if h.Name == "cookie" {
			if cookie >= 0 {
				fields[cookie] += "; " + h.Value
				continue
			}
			cookie = len(fields)
		}
		fields = append(fields, h.Name+"="+h.Value)
	}
	return fmt.Sprintf("%d %s %s %s %s %q %q", f.StreamID, f.PseudoValue("method"), f.PseudoValue("scheme"), host, f.PseudoValue("path"), fields, body)
}

// obeys checks that what is sent is frames as the RFC wants them, within the
// windows that the client has given.
func obeys(t *testing.T, in, sent []byte, windows map[uint32]int64) {
	fr := xhttp2.NewFramer(io.Discard, bytes.NewReader(sent))
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	fr.SetMaxReadFrameSize(16384)
	begun, ended := map[uint32]bool{}, map[uint32]bool{}
	for n := 0; ; n++ {
		frame, err := fr.ReadFrame()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("frame %d: %v\n%q", n, err, in)
		}
		h := frame.Header()
		if n == 0 && h.Type != xhttp2.FrameSettings {
			t.Fatalf("the first frame is %v", h)
		}
		switch f := frame.(type) {
		case *xhttp2.MetaHeadersFrame:
			if ended[h.StreamID] || begun[h.StreamID] && f.PseudoValue("status") == "100" {
				t.Fatalf("%v behind the end, or 100 behind a response\n%q", h, in)
			}
			begun[h.StreamID] = f.PseudoValue("status") != "100"
			ended[h.StreamID] = f.StreamEnded()
		case *xhttp2.DataFrame:
			if !begun[h.StreamID] || ended[h.StreamID] {
				t.Fatalf("%v before its head, or behind its end\n%q", h, in)
			}
			ended[h.StreamID] = f.StreamEnded()
			windows[0] -= int64(h.Length)
			windows[h.StreamID] -= int64(h.Length)
			if windows[0] < 0 || windows[h.StreamID] < 0 {
				t.Fatalf("%v: more than the client takes\n%q", h, in)
			}
		case *xhttp2.RSTStreamFrame:
			ended[h.StreamID] = true
		}
	}
}

// checkHTTP2 is FuzzHTTP2 for one stream.
func checkHTTP2(t *testing.T, in, cuts []byte, small bool) {
	limits := http2.Limits{Resets: 8}
	if small {
		limits = http2.Limits{Streams: 3, HeaderList: 250, Fields: 2, HeaderBlock: 64, Continuations: 2, Body: 16, Output: 100, Control: 200, Resets: 4, Settings: 6, Pings: 6, EmptyData: 4, IdleFrames: 8}
	}
	ours := readHTTP2(t, in, nil, limits, true)
	got, want := readHTTP2(t, in, cuts, limits, false), readHTTP2(t, in, nil, limits, false)
	if tooMuch := http2.ErrTooMuchControl; got.String() != want.String() && got.err != tooMuch && want.err != tooMuch {
		// Output that is taken away between two pieces makes room for more.
		t.Fatalf("cuts %v:\n got %v\nwhole %v\n%q", cuts, got, want, in)
	}
	theirs, windows := againstFramer(in)
	obeys(t, in, ours.sent, windows)
	i := 0
	for _, q := range ours.requests {
		for i < len(theirs) && theirs[i] != q {
			i++
		}
		if i == len(theirs) {
			t.Fatalf("the Framer has not seen %s, but\n%s", q, strings.Join(theirs, "\n"))
		}
		i++
	}
	if missed := len(theirs) - len(ours.requests); ours.err == nil && missed > ours.lost {
		t.Fatalf("%d requests missed, %d refused or reset\nours   %q\ntheirs %q", missed, ours.lost, ours, theirs)
	}
}

// FuzzHTTP2 checks that requests are those that x/net's Framer and hpack.Decoder
// find in the frames, but for those that are refused; that a stream means the same
// however it is cut; and that what is sent is what RFC 9113 allows.
func FuzzHTTP2(f *testing.F) {
	for i, b := range http2Blocks {
		ops := []byte{1, 0x04, 1, byte(i), 8, byte(i), 0, 0, 0x51, 1, 'h', 'e', 'l', 'l', 'o', 1, 0x05, 3, 1}
		f.Add(ops, []byte{byte(i)}, i%2 == 0, true)
		f.Add([]byte(http2.Preface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00"+string(rune(len(b)))+"\x01\x05\x00\x00\x00\x01"+b), []byte{3, 9}, false, false)
	}
	f.Add([]byte("\x01\x05\x01\x00\x01\x05\x03\x00\x01\x05\x05\x00\x04\x20\x00\x08\xff\x00\x08\xff\x03\x03\x08\x03"), []byte{7}, false, true)
	f.Add([]byte(http2.Preface+"x"), []byte{}, false, false)
	f.Fuzz(func(t *testing.T, in, cuts []byte, small, ops bool) {
		if ops {
			in = http2Stream(in)
		}
		checkHTTP2(t, in, cuts, small)
	})
}

// TestHTTP2Fragments is FuzzHTTP2 on streams of frames that are mostly in order.
func TestHTTP2Fragments(t *testing.T) {
	rounds := 10000
	if testing.Short() {
		rounds = 1000
	}
	rng := rand.New(rand.NewPCG(9113, 7541))
	served := 0
	for range rounds {
		var ops []byte
		id := byte(1)
		for range rng.IntN(12) {
			switch rng.IntN(12) {
			case 0: // any
				ops = append(ops, byte(rng.IntN(256)), byte(rng.IntN(256)), byte(rng.IntN(256)))
			case 1, 2, 3: // a whole request
				ops = append(ops, 1, 0x05|byte(rng.IntN(2)*rng.IntN(2))<<5, id, byte(rng.IntN(1+rng.IntN(len(http2Blocks)))))
				id += 2
			case 4, 5, 6: // one with a body
				ops = append(ops, 1, 0x04, id, byte(rng.IntN(1+rng.IntN(len(http2Blocks)))), 0, 0x50, id, 'h', 'e', 'l', 'l', 'o', 0, 1, id)
				id += 2
			default: // windows
				ops = append(ops, 8, byte(1+rng.IntN(255)), (byte(rng.IntN(int(id)))|1)%id)
			}
		}
		in := http2Stream(ops)
		if rng.IntN(8) == 0 {
			in[len(http2.Preface)+rng.IntN(len(in)-len(http2.Preface))] ^= 1 << rng.IntN(8)
		}
		checkHTTP2(t, in, []byte{byte(rng.IntN(40)), byte(rng.IntN(9))}, rng.IntN(2) == 0)
		served += len(readHTTP2(t, in, nil, http2.Limits{}, true).requests)
	}
	if served < rounds/2 {
		t.Errorf("%d requests in %d streams", served, rounds)
	}
}
