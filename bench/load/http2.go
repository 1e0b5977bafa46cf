package load

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"

	"golang.org/x/net/http2/hpack"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/http2"
	"github.com/gannetmcp/gannet/transports/sse"
)

// Windows that the server may send into, in bytes: what clients of Go's give it for a
// stream, and for all of a connection.
const (
	streamWindow = 4 << 20
	connWindow   = 64 << 20
)

// maxControl bounds the frames that wait to answer the server's, in bytes.
const maxControl = 1 << 20

// An http2Client is the client's side of a connection of HTTP/2 (RFC 9113), over
// bytes: next takes what the server sends apart, appendRequest and appendWaiting
// make what it is to get. One goroutine only.
//
//	0 <= blocked <= open
//
// It is made for servers that are measured, not for hostile ones: what breaks the
// protocol ends the connection, where RFC 9113 would have it end a stream.
type http2Client struct {
	pool *ringbuf.Pool // of event streams that come in pieces; the run's

	// To the server.
	fields    []hpack.HeaderField // that all requests have
	encoder   *hpack.Encoder
	encoded   bytes.Buffer // what it has written
	block     []byte       // fields, encoded
	steady    bool         // block may be sent again as it is
	control   []byte       // frames that go before any other
	window    int64        // that all bodies may be sent into, in bytes
	peer      http2Peer
	nextID    uint32 // of the next stream
	turn      int    // the exchange whose body comes first, of those that wait
	blocked   int    // exchanges whose bodies wait for a window
	greeted   bool   // the server's SETTINGS have come
	leaving   bool   // no more streams are opened on this connection
	parting   error  // why
	exchanges []exchange
	ids       []uint32 // of the streams of the exchanges; 0 is a free place
	open      int      // places that are not free
	place     int      // where a free one is looked for first
	hint      int      // where a stream is looked for first

	// From the server.
	used         int64 // of connWindow, since it was last opened
	streamWindow int64 // that the server may send into, in bytes
	connWindow   int64
	decoder      *hpack.Decoder
	parsed       head          // of the block that is being decoded
	known        [4]knownBlock // blocks that mean what they meant before
	forget       int           // the one of them that the next takes the place of
	fragment     []byte        // a header block that comes in several frames
	fragmentID   uint32        // its stream; 0 is that none does
	fragmentEnds bool          // the stream ends with it
	data         dataFrame     // the one that is coming in

	// What next has returned is of.
	at     int        // the exchange; it is whole until the next request
	ending bool       // the message was returned, the end of its response was not
	code   http2.Code // of RST_STREAM
	last   uint32     // stream that the server answers, behind GOAWAY
	err    error      // behind http2Failed
}

// An http2Peer is what a server has said in SETTINGS (RFC 9113 §6.5.2).
type http2Peer struct {
	window  int64 // that the body of a request may be sent into, in bytes
	frame   int   // longest payload, in bytes
	streams int64 // open at a time
}

// An exchange is a request and its response, on a stream of their own (RFC 9113 §5).
type exchange struct {
	request uint64    // id of the JSON-RPC request; noRequest of what is none of the load
	t       *template // the request
	sent    int       // bytes of its body
	window  int64     // that the rest may be sent into
	used    int64     // of the window for the response, since it was last opened
	head    head      // of the response; its status is 0 until it has come
	body    []byte    // JSON that has come in part
	events  sse.Reader
	replied bool // the response has brought a reply
}

// noRequest is no id of a load.
const noRequest = 0

// waiting says that some of the body is yet to be sent.
func (x *exchange) waiting() bool { return x.sent < len(x.t.wire) }

// newHTTP2Client begins a connection, whose preface goes before the first request.
func newHTTP2Client(pool *ringbuf.Pool) *http2Client {
	h := &http2Client{pool: pool, window: firstWindow, nextID: 1, streamWindow: streamWindow, connWindow: connWindow,
		peer: http2Peer{window: firstWindow, frame: leastFrame, streams: maxStreamID}}
	h.encoder = hpack.NewEncoder(&h.encoded)
	h.decoder = hpack.NewDecoder(headerTable, h.parseField)
	h.decoder.SetMaxStringLength(maxHead)
	return h
}

// begin makes the preface and the SETTINGS (RFC 9113 §3.4).
func (h *http2Client) begin() {
	h.control = append(h.control, http2.Preface...)
	h.control = appendFrameHead(h.control, 2*settingLen, frameSettings, 0, 0)
	h.control = appendSetting(h.control, settingPush, 0)
	h.control = appendSetting(h.control, settingWindow, uint32(h.streamWindow))
	if h.connWindow > firstWindow {
		h.control = appendWindowUpdate(h.control, 0, h.connWindow-firstWindow)
	}
}

// find returns the place of a stream that is open, or -1; id is not 0. Streams mostly
// end in the order of their places. Hot path.
func (h *http2Client) find(id uint32) int {
	n := len(h.ids)
	for i := range n {
		at := h.hint + i
		if at >= n {
			at -= n
		}
		if h.ids[at] == id {
			h.hint = at
			return at
		}
	}
	return -1
}

// free gives the place of an exchange up. What the exchange was can be read until the
// place is taken again. Hot path.
func (h *http2Client) free(at int) {
	x := &h.exchanges[at]
	if x.waiting() {
		h.blocked--
	}
	if x.head.stream {
		x.events.Release()
	}
	if h.data.at == at {
		h.data.at = -1 // what is still to come of the frame is of nobody
	}
	h.ids[at] = 0
	h.open--
}

// cancel gives a request up, and tells the server.
func (h *http2Client) cancel(request uint64) {
	for at, id := range h.ids {
		if id != 0 && h.exchanges[at].request == request {
			h.control = appendReset(h.control, id, http2.CodeCancel)
			h.free(at)
			return
		}
	}
}

// release gives back what exchanges hold of the pool. The connection is over.
func (h *http2Client) release() {
	for at, id := range h.ids {
		if id != 0 {
			h.free(at)
		}
	}
}

// capacity is how many streams may be opened. Hot path.
func (h *http2Client) capacity() int {
	if h.leaving {
		return 0
	}
	return int(max(h.peer.streams-int64(h.open), 0))
}

// over is why the connection ends, once all that it was good for is done.
func (h *http2Client) over() error {
	if h.leaving && h.open == 0 {
		return h.parting
	}
	return nil
}

// farewell is GOAWAY (RFC 9113 §6.8), for the caller to keep: with the code of what
// went wrong, if something did.
func (h *http2Client) farewell() []byte {
	code := http2.CodeNo
	var fault *http2Error
	if errors.As(h.err, &fault) {
		code = fault.code
	}
	b := appendFrameHead(nil, 8, frameGoAway, 0, 0)
	return binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 0), uint32(code))
}

// A goAwayError is a connection that the server takes no more requests on.
type goAwayError struct{ text string }

// Error has the server's reason.
func (e *goAwayError) Error() string { return "load: " + e.text }

// Unwrap returns errGoAway.
func (e *goAwayError) Unwrap() error { return errGoAway }

// errStreams is the end of a connection that has had all of its streams, a thousand
// million.
var errStreams error = &goAwayError{"the connection has no more ids for streams"}

// An http2Error is what a server has done against RFC 9113.
type http2Error struct {
	code   http2.Code // that it is told
	reason string
}

// Error says what.
func (e *http2Error) Error() string { return "load: HTTP/2: " + e.code.String() + ": " + e.reason }

// Unwrap returns errFraming, which it is counted as.
func (e *http2Error) Unwrap() error { return errFraming }

// consumeHTTP2 is consume for HTTP/2. Hot path.
func (c *conn) consumeHTTP2(s *stage, b []byte, now int64) (done int, err error) {
	h := c.h2
	for {
		msg, n, step := h.next(b[done:])
		done += n
		switch step {
		case http2More:
			return done, h.over()
		case http2Message:
			c.consumeReply(s, msg, now)
		case http2End:
			c.endExchange(s, now)
		case http2Reset:
			if x := &h.exchanges[h.at]; !x.replied && c.drop(s, x.request, now) {
				s.tally.errors.Reset++
				s.tally.explain(&resetError{h.code})
			}
		case http2GoAway:
			for at, id := range h.ids { // these it has not seen (RFC 9113 §6.8)
				if id > h.last {
					if x := &h.exchanges[at]; !x.replied && c.drop(s, x.request, now) {
						s.tally.errors.Lost++
					}
					h.free(at)
				}
			}
		case http2Failed:
			return done, h.err
		}
		if err := h.over(); err != nil {
			return done, err
		}
	}
}

// consumeReply takes in the message of a response. Hot path.
func (c *conn) consumeReply(s *stage, msg []byte, now int64) {
	x := &c.h2.exchanges[c.h2.at]
	if n, id, ok := c.match(s, msg); ok && n == len(msg) {
		x.replied = c.accept(s, id, now) || x.replied
		return
	}
	if msg = bytes.TrimSpace(msg); len(msg) == 0 || x.head.status/100 != 2 && !json.Valid(msg) {
		return // its end counts it
	}
	before := c.window.inFlight
	c.differs(s, msg, now)
	x.replied = x.replied || c.window.inFlight < before
}

// endExchange judges the end of a response. One that has brought no reply is an answer
// all the same.
func (c *conn) endExchange(s *stage, now int64) {
	x := &c.h2.exchanges[c.h2.at]
	if x.replied || !c.drop(s, x.request, now) {
		return
	}
	if x.head.status/100 != 2 {
		s.tally.errors.Status++
		s.tally.blameStatus(int(x.head.status))
	} else {
		s.tally.errors.Lost++
	}
}

// drop takes a request that gets no reply out of flight; false is that it was not in it.
func (c *conn) drop(s *stage, request uint64, now int64) bool {
	if _, how := c.window.take(request); how == takenUnknown || how == takenDuplicate {
		return false
	}
	s.flying--
	c.progress = now
	return true
}

// misdirected says that a reply came on the stream of another request.
func (c *conn) misdirected(id uint64) bool {
	return c.h2 != nil && c.h2.exchanges[c.h2.at].request != id
}

// A resetError is a stream that the server has reset.
type resetError struct{ code http2.Code }

// Error has the server's code.
func (e *resetError) Error() string { return "load: the server reset a stream: " + e.code.String() }
