package load

import (
	"encoding/binary"
	"fmt"

	"github.com/gannetmcp/gannet/transports/http2"
	"github.com/gannetmcp/gannet/transports/sse"
)

// A frameType is a type of frame of HTTP/2 (RFC 9113 §6).
type frameType uint8

const (
	frameData frameType = iota
	frameHeaders
	framePriority
	frameReset
	frameSettings
	framePushPromise
	framePing
	frameGoAway
	frameWindowUpdate
	frameContinuation
)

// Flags of frames.
const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// Settings (RFC 9113 §6.5.2).
const (
	settingHeaderTable = 1
	settingPush        = 2
	settingStreams     = 3
	settingWindow      = 4
	settingFrame       = 5
)

const (
	frameHead   = 9 // bytes before a payload
	settingLen  = 6
	leastFrame  = 16384     // payload that each side takes, in bytes; we take no more
	mostFrame   = 1<<24 - 1 // that a server can ask for
	firstWindow = 65535     // in bytes, before anything else is said
	mostWindow  = 1<<31 - 1
	maxStreamID = 1<<31 - 1
	headerTable = 4096 // bytes of a table of fields, before anything else is said
)

// appendFrameHead appends the head of a frame (RFC 9113 §4.1). Hot path.
func appendFrameHead(dst []byte, length int, t frameType, flags uint8, id uint32) []byte {
	dst = append(dst, byte(length>>16), byte(length>>8), byte(length), byte(t), flags)
	return binary.BigEndian.AppendUint32(dst, id)
}

func appendSetting(dst []byte, id uint16, value uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(dst, id), value)
}

// appendWindowUpdate lets the server send n bytes more; id is 0 for the connection.
func appendWindowUpdate(dst []byte, id uint32, n int64) []byte {
	return binary.BigEndian.AppendUint32(appendFrameHead(dst, 4, frameWindowUpdate, 0, id), uint32(n))
}

func appendReset(dst []byte, id uint32, code http2.Code) []byte {
	return binary.BigEndian.AppendUint32(appendFrameHead(dst, 4, frameReset, 0, id), uint32(code))
}

// A dataFrame is one whose head has come. Its payload is not waited for.
type dataFrame struct {
	coming bool
	at     int  // its exchange; -1 is of a stream that is over
	left   int  // bytes of data to come
	pad    int  // bytes of padding behind these
	ends   bool // the stream ends with it
}

// What http2Client.next has come to.
type http2Step uint8

const (
	http2More    http2Step = iota // all that can be taken in is; more bytes are needed
	http2Onward                   // nothing to tell; not returned by next
	http2Message                  // a message of the exchange; its response may go on
	http2End                      // the response of the exchange is over, and its place free
	http2Reset                    // the same, by RST_STREAM
	http2GoAway                   // no more is taken; streams beyond last are not answered
	http2Failed                   // the connection is to end, by err
)

// next takes bytes from the front of b and returns the message in them, if step is
// http2Message, valid until the next call or until b is written to. The rest of b is
// to be given again, with more behind it after http2More. Which exchange it is about
// is h.at. Hot path: no allocation once buffers have their sizes.
func (h *http2Client) next(b []byte) (msg []byte, n int, step http2Step) {
	if h.ending {
		h.ending = false
		return nil, 0, h.finish()
	}
	for {
		if h.data.coming {
			msg, k, step := h.takeData(b[n:])
			if n += k; step != http2Onward {
				return msg, n, step
			}
			continue
		}
		if len(b)-n < frameHead {
			return nil, n, http2More
		}
		f := b[n:]
		length, kind, flags, id := int(f[0])<<16|int(f[1])<<8|int(f[2]), frameType(f[3]), f[4], binary.BigEndian.Uint32(f[5:])&maxStreamID
		switch {
		case !h.greeted && kind != frameSettings:
			return nil, n, h.fail(http2.CodeProtocol, fmt.Sprintf("the server does not speak it: it begins by %q", f[:frameHead]))
		case length > leastFrame:
			return nil, n, h.fail(http2.CodeFrameSize, "a frame longer than 16,384 bytes")
		case h.fragmentID != 0 && (kind != frameContinuation || id != h.fragmentID):
			return nil, n, h.fail(http2.CodeProtocol, "a header block that another frame comes into")
		case kind == frameData:
			k, step := h.beginData(f, length, flags, id)
			if n += k; step != http2Onward {
				return nil, n, step
			}
			continue
		case len(f) < frameHead+length:
			return nil, n, http2More
		}
		n += frameHead + length
		if msg, step = h.takeFrame(kind, flags, id, f[frameHead:frameHead+length]); step != http2Onward {
			return msg, n, step
		}
	}
}

// fail ends the connection.
func (h *http2Client) fail(code http2.Code, reason string) http2Step {
	h.err = &http2Error{code, reason}
	return http2Failed
}

// finish ends the exchange in hand, whose response is over. A server that answers
// before it has the whole request is sent no more of it. Hot path.
func (h *http2Client) finish() http2Step {
	if h.exchanges[h.at].waiting() {
		h.control = appendReset(h.control, h.ids[h.at], http2.CodeCancel)
	}
	h.free(h.at)
	return http2End
}

// ended is finish, behind the message if one has gathered. Hot path.
func (h *http2Client) ended(at int) (msg []byte, step http2Step) {
	h.at = at
	if x := &h.exchanges[at]; len(x.body) > 0 {
		h.ending = true
		return x.body, http2Message
	}
	return nil, h.finish()
}

// beginData takes the head of a DATA frame, and what follows about padding. All of it
// counts in the windows (RFC 9113 §6.9.1), which are opened again when half is used:
// what comes is taken in as it comes. Hot path.
func (h *http2Client) beginData(f []byte, length int, flags uint8, id uint32) (n int, step http2Step) {
	if h.idle(id) {
		return frameHead, h.fail(http2.CodeProtocol, "DATA on a stream that has not begun")
	}
	d := dataFrame{coming: true, left: length, ends: flags&flagEndStream != 0}
	n = frameHead
	if flags&flagPadded != 0 {
		if len(f) <= frameHead {
			return 0, http2More
		}
		n++
		d.pad = int(f[frameHead])
		if d.left -= 1 + d.pad; d.left < 0 {
			return n, h.fail(http2.CodeProtocol, "padding longer than its frame")
		}
	}
	if h.used += int64(length); h.used >= h.connWindow/2 {
		h.control = appendWindowUpdate(h.control, 0, h.used)
		h.used = 0
	}
	if d.at = h.find(id); d.at < 0 {
		h.data = d
		return n, http2Onward
	}
	x := &h.exchanges[d.at]
	if x.head.status == 0 {
		return n, h.fail(http2.CodeProtocol, "DATA before HEADERS")
	}
	if x.used += int64(length); x.used >= h.streamWindow/2 && !d.ends {
		h.control = appendWindowUpdate(h.control, id, x.used)
		x.used = 0
	}
	h.data = d
	return n, http2Onward
}

// idle says that nothing was sent on a stream yet.
func (h *http2Client) idle(id uint32) bool { return id == 0 || id%2 == 0 || id >= h.nextID }

// takeData takes what has come of a DATA frame. Hot path.
func (h *http2Client) takeData(b []byte) (msg []byte, n int, step http2Step) {
	d := &h.data
	p := b[:min(len(b), d.left)]
	switch {
	case d.at < 0:
		n = len(p)
	case h.exchanges[d.at].head.stream:
		x := &h.exchanges[d.at]
		for n < len(p) {
			ev, k, s := x.events.Next(p[n:])
			n += k
			switch {
			case s == sse.TooLong:
				h.err = errOversize
				return nil, n, http2Failed
			case s == sse.Dispatch && len(ev.Data) > 0:
				d.left -= n
				h.at = d.at
				return ev.Data, n, http2Message
			}
		}
	default:
		x := &h.exchanges[d.at]
		if n = len(p); n > 0 && n == d.left && d.ends && d.pad == 0 && len(x.body) == 0 {
			// The usual case: one message, whole.
			d.coming = false
			h.at, h.ending = d.at, true
			return p, n, http2Message
		}
		if len(x.body)+n > maxReadBuffer {
			h.err = errOversize
			return nil, n, http2Failed
		}
		x.body = append(x.body, p...)
	}
	if d.left -= n; d.left > 0 {
		return nil, n, http2More
	}
	k := min(len(b)-n, d.pad)
	n += k
	if d.pad -= k; d.pad > 0 {
		return nil, n, http2More
	}
	d.coming = false
	if d.ends && d.at >= 0 {
		msg, step = h.ended(d.at)
		return msg, n, step
	}
	return nil, n, http2Onward
}

// wellFormed says whether a frame of a type may be on a stream and have so many bytes.
func (h *http2Client) wellFormed(kind frameType, id uint32, n int) bool {
	switch kind {
	case frameHeaders, frameContinuation:
		return !h.idle(id)
	case frameReset:
		return !h.idle(id) && n == 4
	case frameSettings:
		return id == 0 && n%settingLen == 0
	case framePing:
		return id == 0 && n == 8
	case frameGoAway:
		return id == 0 && n >= 8
	case frameWindowUpdate:
		return (id == 0 || !h.idle(id)) && n == 4
	}
	return kind != framePushPromise // which we have said not to want
}

// takeFrame takes a frame that is whole, and no DATA. Hot path.
func (h *http2Client) takeFrame(kind frameType, flags uint8, id uint32, p []byte) (msg []byte, step http2Step) {
	if !h.wellFormed(kind, id, len(p)) {
		return nil, h.fail(http2.CodeProtocol, fmt.Sprintf("a frame of type %d, %d bytes, on stream %d", kind, len(p), id))
	}
	switch kind {
	case frameHeaders, frameContinuation:
		return h.takeHeaders(kind, flags, id, p)
	case frameReset:
		at := h.find(id)
		if at < 0 {
			return nil, http2Onward // it was given up on this side
		}
		h.at, h.code = at, http2.Code(binary.BigEndian.Uint32(p))
		h.free(at)
		return nil, http2Reset
	case frameSettings:
		return nil, h.takeSettings(flags, p)
	case framePing:
		if flags&flagAck == 0 {
			h.control = append(appendFrameHead(h.control, 8, framePing, flagAck, 0), p...)
		}
		return nil, h.bounded()
	case frameGoAway:
		h.last = binary.BigEndian.Uint32(p) & maxStreamID
		text := "the server goes away: " + http2.Code(binary.BigEndian.Uint32(p[4:])).String()
		if len(p) > 8 {
			text += fmt.Sprintf(", %.100q", p[8:])
		}
		h.leaving, h.parting = true, &goAwayError{text}
		return nil, http2GoAway
	case frameWindowUpdate:
		return nil, h.widen(id, int64(binary.BigEndian.Uint32(p)&mostWindow))
	}
	return nil, http2Onward // PRIORITY, and what extensions have
}

// bounded ends a connection whose server asks for more answers than it reads.
func (h *http2Client) bounded() http2Step {
	if len(h.control) > maxControl {
		return h.fail(http2.CodeEnhanceYourCalm, "more PING and SETTINGS than the answers are read")
	}
	return http2Onward
}

// takeSettings takes SETTINGS, which are in force at once (RFC 9113 §6.5.3).
func (h *http2Client) takeSettings(flags uint8, p []byte) http2Step {
	if flags&flagAck != 0 {
		return http2Onward
	}
	h.greeted = true
	for ; len(p) > 0; p = p[settingLen:] {
		id, v := binary.BigEndian.Uint16(p), int64(binary.BigEndian.Uint32(p[2:]))
		switch id {
		case settingHeaderTable:
			h.encoder.SetMaxDynamicTableSizeLimit(uint32(v))
			h.steady = false
		case settingStreams:
			h.peer.streams = v
		case settingWindow:
			if v > mostWindow {
				return h.fail(http2.CodeFlowControl, "SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1")
			}
			for at, open := range h.ids { // also of bodies that are being sent (RFC 9113 §6.9.2)
				if open == 0 {
					continue
				}
				if h.exchanges[at].window += v - h.peer.window; h.exchanges[at].window > mostWindow {
					return h.fail(http2.CodeFlowControl, "the window of a stream above 2^31-1")
				}
			}
			h.peer.window = v
		case settingFrame:
			if v < leastFrame || v > mostFrame {
				return h.fail(http2.CodeProtocol, "SETTINGS_MAX_FRAME_SIZE out of its range")
			}
			h.peer.frame = int(v)
		}
	}
	h.control = appendFrameHead(h.control, 0, frameSettings, flagAck, 0)
	return h.bounded()
}

// widen takes WINDOW_UPDATE.
func (h *http2Client) widen(id uint32, n int64) http2Step {
	window := &h.window
	if id != 0 {
		at := h.find(id)
		if at < 0 {
			return http2Onward
		}
		window = &h.exchanges[at].window
	}
	if n == 0 {
		return h.fail(http2.CodeProtocol, "WINDOW_UPDATE by 0")
	}
	if *window += n; *window > mostWindow {
		return h.fail(http2.CodeFlowControl, "a window above 2^31-1")
	}
	return http2Onward
}

// takeHeaders takes HEADERS or CONTINUATION. Hot path where the block is whole.
func (h *http2Client) takeHeaders(kind frameType, flags uint8, id uint32, p []byte) (msg []byte, step http2Step) {
	if kind == frameContinuation {
		if h.fragmentID == 0 {
			return nil, h.fail(http2.CodeProtocol, "CONTINUATION that is not behind HEADERS")
		}
		if h.fragment = append(h.fragment, p...); len(h.fragment) > maxHead {
			return nil, h.fail(http2.CodeEnhanceYourCalm, "a header block longer than 64 KiB")
		}
		if flags&flagEndHeaders == 0 {
			return nil, http2Onward
		}
		h.fragmentID = 0
		return h.takeBlock(id, h.fragmentEnds, h.fragment)
	}
	priority, pad := 0, 0
	if flags&flagPadded != 0 {
		if pad = 1; len(p) > 0 {
			pad, p = int(p[0]), p[1:]
		}
	}
	if flags&flagPriority != 0 {
		priority = 5
	}
	if priority+pad > len(p) {
		return nil, h.fail(http2.CodeProtocol, "padding longer than its frame")
	}
	p = p[priority : len(p)-pad]
	ends := flags&flagEndStream != 0
	if flags&flagEndHeaders == 0 {
		h.fragment, h.fragmentID, h.fragmentEnds = append(h.fragment[:0], p...), id, ends
		return nil, http2Onward
	}
	return h.takeBlock(id, ends, p)
}

// takeBlock takes the head of a response, or its trailers. It is decoded also where
// nobody waits for it: the table changes by it. Hot path.
func (h *http2Client) takeBlock(id uint32, ends bool, block []byte) (msg []byte, step http2Step) {
	parsed, err := h.decode(block)
	if err != nil {
		return nil, h.fail(http2.CodeCompression, err.Error())
	}
	at := h.find(id)
	if at < 0 {
		return nil, http2Onward
	}
	x := &h.exchanges[at]
	switch interim := parsed.status/100 == 1; {
	case x.head.status != 0: // trailers
		if !ends {
			return nil, h.fail(http2.CodeProtocol, "trailers without END_STREAM")
		}
	case parsed.status == 0 || interim && ends:
		return nil, h.fail(http2.CodeProtocol, "a response without a status")
	case interim:
		return nil, http2Onward
	default:
		if x.head = parsed; parsed.stream {
			x.events.Init(h.pool, sse.ReaderOptions{MaxDataBytes: maxReadBuffer})
		}
	}
	if ends {
		return h.ended(at)
	}
	return nil, http2Onward
}
