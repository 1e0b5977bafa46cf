package http2

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/wiretest"
)

func x(n int) string { return strings.Repeat("x", n) }

// frame is a frame, whatever is wrong with it.
func frame(t frameType, flags uint8, id uint32, payload string) string {
	return string(appendFrameHead(nil, len(payload), t, flags, id)) + payload
}

func u32(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

// block is a header block that depends on nothing.
func block(fields ...string) string {
	var b []byte
	for i := 0; i < len(fields); i += 2 {
		b = appendInteger(append(b, 0), 0, 7, len(fields[i]))
		b = append(b, fields[i]...)
		b = append(appendInteger(b, 0, 7, len(fields[i+1])), fields[i+1]...)
	}
	return string(b)
}

// request is the block of a request with more fields.
func request(method, path string, more ...string) string {
	return block(append([]string{":method", method, ":scheme", "http", ":authority", "a", ":path", path}, more...)...)
}

const (
	end     = flagEndStream
	whole   = flagEndHeaders
	endHead = flagEndStream | flagEndHeaders
)

func headers(id uint32, flags uint8, block string) string {
	return frame(frameHeaders, flags, id, block)
}
func data(id uint32, flags uint8, b string) string { return frame(frameData, flags, id, b) }
func rst(id uint32, code Code) string              { return frame(frameReset, 0, id, u32(uint32(code))) }
func window(id uint32, n uint32) string            { return frame(frameWindowUpdate, 0, id, u32(n)) }
func setting(id uint16, v uint32) string           { return string(appendSetting(nil, id, v)) }
func settingsFrame(s ...string) string             { return frame(frameSettings, 0, 0, strings.Join(s, "")) }
func get(id uint32) string                         { return headers(id, endHead, request("GET", "/")) }
func post(id uint32, body string, f ...string) string {
	return headers(id, whole, request("POST", "/mcp", f...)) + data(id, end, body)
}

// hello is what a client begins with.
var hello = Preface + settingsFrame()

// greeting is what the server does.
var greeting = []string{
	"SETTINGS MAX_CONCURRENT_STREAMS=100 INITIAL_WINDOW_SIZE=262144 MAX_HEADER_LIST_SIZE=32768",
	"WINDOW_UPDATE 0 +983041",
	"SETTINGS ack",
}

// trace says what Next says, and what is sent, in words.
type trace struct {
	t    testing.TB
	c    *Conn
	now  int64
	got  []string
	sent []byte
	// done is told of requests; nil: they are answered and released.
	done func(s *Stream)
	held []*Stream
}

// newTrace opens a connection on a loop of its own.
func newTrace(t testing.TB, l Limits, budget Budget) (*trace, *ringbuf.Pool) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	tr := &trace{t: t, c: NewLoop(pool, l).Open(budget), now: 1e9}
	return tr, pool
}

// hold keeps requests that are complete, without an answer.
func (tr *trace) hold(s *Stream) { tr.held = append(tr.held, s) }

// feed gives b to the connection, and spoils it when it has been taken in.
func (tr *trace) feed(b string) {
	own := []byte(b)
	for rest := own; ; {
		n, ev := tr.c.Next(rest, tr.now)
		rest = rest[n:]
		if ev == More {
			if len(rest) > 0 {
				tr.t.Fatalf("%d bytes left over", len(rest))
			}
			break
		}
		tr.event(ev)
	}
	for i := range own {
		own[i] = 0xCC
	}
	tr.sent = tr.c.AppendOutput(tr.sent)
}

func (tr *trace) event(ev Event) {
	s := tr.c.Stream()
	switch ev {
	case Established:
		tr.got = append(tr.got, "established")
	case Head:
		tr.got = append(tr.got, fmt.Sprintf("head %d %s", s.ID(), words(s.Request())))
	case Done:
		tr.got = append(tr.got, fmt.Sprintf("done %d %q", s.ID(), s.Body()))
		if tr.done != nil {
			tr.done(s)
			return
		}
		tr.c.SendHead(s, &Response{Status: 200, Length: 2}, false)
		if n := tr.c.SendData(s, []byte("ok"), true); n != 2 {
			tr.t.Errorf("%d bytes taken of 2", n)
		}
		tr.c.Release(s)
	case Reset:
		tr.got = append(tr.got, fmt.Sprintf("reset %d %s", s.ID(), why(tr.c.Err())))
	case Refused:
		tr.got = append(tr.got, "refused "+why(tr.c.Err()))
	case GoAway:
		tr.got = append(tr.got, "goaway")
	case Failed:
		tr.got = append(tr.got, "failed "+why(tr.c.Err()))
	default:
		tr.t.Fatalf("event %d", ev)
	}
}

func why(e *Error) string {
	if e == nil {
		return "by the peer"
	}
	return strings.TrimPrefix(e.Error(), "http2: ")
}

func failed(e *Error) string  { return "failed " + why(e) }
func refused(e *Error) string { return "refused " + why(e) }

// words says all that a request says.
func words(q *Request) string {
	s := fmt.Sprintf("%s %s://%s%s", q.Method(), q.Scheme(), q.Host(), q.Path())
	if len(q.Query()) > 0 {
		s += "?" + string(q.Query())
	}
	if q.ContentLength() >= 0 {
		s += fmt.Sprintf(" length=%d", q.ContentLength())
	}
	for i := range q.Fields() {
		name, value := q.Field(i)
		s += fmt.Sprintf(" %s=%q", name, value)
	}
	return s
}

// frames says in words what was sent, as a client reads it.
func frames(t testing.TB, b []byte) (out []string) {
	fr := http2.NewFramer(nil, bytes.NewReader(b))
	fr.SetMaxReadFrameSize(maxFrame)
	dec := hpack.NewDecoder(4096, nil)
	fr.ReadMetaHeaders = dec
	for {
		f, err := fr.ReadFrame()
		if err != nil {
			if left := fmt.Sprint(err); left != "EOF" {
				t.Errorf("what was sent is not whole frames: %v", err)
			}
			return out
		}
		fin := ""
		if f.Header().Flags.Has(http2.FlagDataEndStream) {
			fin = " end"
		}
		id := f.Header().StreamID
		switch f := f.(type) {
		case *http2.SettingsFrame:
			s := "SETTINGS"
			if f.IsAck() {
				s += " ack"
			}
			_ = f.ForeachSetting(func(v http2.Setting) error { s += fmt.Sprintf(" %v=%d", v.ID, v.Val); return nil })
			out = append(out, s)
		case *http2.WindowUpdateFrame:
			out = append(out, fmt.Sprintf("WINDOW_UPDATE %d +%d", id, f.Increment))
		case *http2.RSTStreamFrame:
			out = append(out, fmt.Sprintf("RST_STREAM %d %v", id, f.ErrCode))
		case *http2.GoAwayFrame:
			out = append(out, fmt.Sprintf("GOAWAY %d %v", f.LastStreamID, f.ErrCode))
		case *http2.PingFrame:
			s := "PING"
			if f.IsAck() {
				s += " ack"
			}
			out = append(out, fmt.Sprintf("%s %q", s, f.Data[:]))
		case *http2.MetaHeadersFrame:
			s := fmt.Sprintf("HEADERS %d", id)
			for _, h := range f.Fields {
				s += fmt.Sprintf(" %s=%s", h.Name, h.Value)
			}
			out = append(out, s+fin)
		case *http2.DataFrame:
			s := string(f.Data())
			if len(s) > 100 {
				s = fmt.Sprintf("(%d bytes)", len(s))
			}
			out = append(out, fmt.Sprintf("DATA %d %s%s", id, s, fin))
		default:
			t.Errorf("a frame of type %v was sent", f.Header().Type)
		}
	}
}

// everyWay feeds in cut in many ways, and checks that the events and what is sent are
// want and sent each time, and that nothing is left behind. sent is what comes last;
// nil: anything.
func everyWay(t *testing.T, in string, l Limits, hold bool, want, sent []string) {
	t.Helper()
	first := ""
	for way, pieces := range wiretest.Ways([]byte(in), 150) {
		budget := &wiretest.Budget{Max: 64 << 20}
		tr, pool := newTrace(t, l, budget)
		if hold {
			tr.done = tr.hold
		}
		for _, p := range pieces {
			tr.feed(string(p))
		}
		if got := strings.Join(tr.got, "\n"); got != strings.Join(want, "\n") {
			t.Fatalf("%s: got\n%s\nwant\n%s", way, got, strings.Join(want, "\n"))
		}
		out := frames(t, tr.sent)
		if got := strings.Join(out, "\n"); first == "" {
			first = got
			if sent != nil && !slices.Equal(out[max(0, len(out)-len(sent)):], sent) {
				t.Fatalf("%s: sent\n%s\nwant\n%s", way, got, strings.Join(sent, "\n"))
			}
		} else if got != first {
			t.Fatalf("%s: sent\n%s\nwant, as in one piece\n%s", way, got, first)
		}
		tr.c.Close()
		tr.c.loop.Close()
		if n := pool.Stats().Outstanding; n != 0 || budget.Held != 0 {
			t.Fatalf("%s: %d buffers and %d bytes left", way, n, budget.Held)
		}
	}
}
