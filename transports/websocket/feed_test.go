package websocket

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/ringbuf"
)

// meter is a Budget that can be used up.
type meter struct{ held, max int }

func (m *meter) Reserve(n int) bool {
	if m.held+n > m.max {
		return false
	}
	m.held += n
	return true
}

func (m *meter) Release(n int) {
	if m.held -= n; m.held < 0 {
		panic("released more than was reserved")
	}
}

// The first byte of frames, as tests write them.
const (
	fin  = 0x80
	rsv1 = 0x40
	rsv2 = 0x20
	rsv3 = 0x10

	fCont   = 0x0
	fText   = 0x1
	fBinary = 0x2
	fClose  = 0x8
	fPing   = 0x9
	fPong   = 0xA
)

// aKey is the masking key of a client in tests.
var aKey = [4]byte{0x37, 0xFA, 0x21, 0x3D}

// frame is a frame by a hand of its own: masked, in the shortest form.
func frame(first byte, payload string) string { return rawFrame(first, payload, 0, true) }

// bare is frame without a mask.
func bare(first byte, payload string) string { return rawFrame(first, payload, 0, false) }

// rawFrame is a frame; least is the number of bytes that its length has at least.
func rawFrame(first byte, payload string, least int, masked bool) string {
	b := []byte{first}
	mark := byte(0)
	if masked {
		mark = 0x80
	}
	switch n := len(payload); {
	case n > 0xFFFF || least == 8:
		b = binary.BigEndian.AppendUint64(append(b, mark|127), uint64(n))
	case n > 125 || least == 2:
		b = binary.BigEndian.AppendUint16(append(b, mark|126), uint16(n))
	default:
		b = append(b, mark|byte(n))
	}
	if !masked {
		return string(b) + payload
	}
	b = append(b, aKey[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^aKey[i%4])
	}
	return string(b)
}

// closeData is the payload of a close frame.
func closeData(c Code, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(c))) + reason
}

// trace says what Next says, in words.
type trace struct {
	p   *Parser
	got []string
}

// feed gives b to the parser, and spoils it when the parser has taken it in.
func (tr *trace) feed(b []byte) {
	own := bytes.Clone(b)
	for rest := own; ; {
		n, ev := tr.p.Next(rest)
		rest = rest[n:]
		switch ev {
		case Message:
			tr.got = append(tr.got, "text "+short(tr.p.Payload()))
		case Ping:
			tr.got = append(tr.got, "ping "+short(tr.p.Payload()))
		case Pong:
			tr.got = append(tr.got, "pong "+short(tr.p.Payload()))
		case Close:
			tr.got = append(tr.got, fmt.Sprintf("close %d %s", tr.p.Code(), tr.p.Payload()))
		case NoRoom:
			tr.got = append(tr.got, "no room")
		case NoTime:
			tr.got = append(tr.got, "no time")
		case Failed:
			tr.got = append(tr.got, failure(tr.p.Err()))
		case More:
			if len(rest) != 0 {
				tr.got = append(tr.got, fmt.Sprintf("%d BYTES LEFT", len(rest)))
			}
			for i := range own {
				own[i] = 0xCC
			}
			return
		}
		if len(rest) != 0 && (ev == Failed || ev == Close) {
			tr.got = append(tr.got, "THE REST LEFT")
		}
	}
}

// short is a payload, or what tells it from others.
func short(b []byte) string {
	if len(b) <= 200 {
		return string(b)
	}
	return fmt.Sprintf("%d bytes, sum %x", len(b), sum(string(b)))
}

func sum(s string) (n uint32) {
	for _, c := range []byte(s) {
		n = n*31 + uint32(c)
	}
	return n
}

// failure is the event of a failure.
func failure(e *Error) string { return fmt.Sprintf("%d %s", e.Code, e.Reason) }

// setting is what a stream is parsed with.
type setting struct {
	opts   Options
	agreed Agreed
}

// everyWay feeds in whole, byte by byte, in pieces of three and of 1,000, and cut in
// two at every offset, and expects the same of all, and everything given back.
func everyWay(t *testing.T, in string, s setting, want []string) {
	t.Helper()
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	loop := NewLoop(pool, s.opts)
	check := func(how string, cut func(feed func([]byte), in []byte)) {
		t.Helper()
		budget := &meter{max: 1 << 30}
		var p Parser
		p.Init(loop, budget, s.agreed)
		tr := trace{p: &p}
		cut(tr.feed, []byte(in))
		if strings.Join(tr.got, "|") != strings.Join(want, "|") {
			t.Fatalf("%s:\n got %.1000q\nwant %.1000q", how, tr.got, want)
		}
		p.Release()
		if n := pool.Stats().Outstanding; n != 0 || budget.held != 0 || p.Charged() != 0 {
			t.Fatalf("%s: %d buffers, %d bytes not returned", how, n, budget.held)
		}
	}
	check("whole", func(feed func([]byte), in []byte) { feed(in) })
	for _, size := range []int{1, 3, 1000} {
		check(fmt.Sprintf("in pieces of %d", size), func(feed func([]byte), in []byte) {
			for len(in) > 0 {
				n := min(size, len(in))
				feed(in[:n])
				in = in[n:]
			}
		})
	}
	for i := 1; i < len(in); i += 1 + len(in)/2000*50 { // everywhere, unless that is much
		check(fmt.Sprintf("cut at %d", i), func(feed func([]byte), in []byte) {
			feed(in[:i])
			feed(in[i:])
		})
	}
}
