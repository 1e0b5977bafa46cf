package load

import (
	"bytes"
	"strconv"

	"golang.org/x/net/http2/hpack"
)

// say sets the fields that all requests have, from the next on.
func (h *http2Client) say(fields []hpack.HeaderField) { h.fields, h.steady = fields, false }

// newNote makes a request of a message that is none of the load; of an empty one, a
// request without a body.
func newNote(body []byte) *template {
	t := &template{wire: body, wireID: -idDigits}
	if len(body) > 0 {
		t.fields = appendLength(nil, len(body))
	}
	return t
}

// appendLength appends the field of the length of a body.
func appendLength(dst []byte, n int) []byte {
	return appendLiteral(dst, "content-length", strconv.Itoa(n))
}

// appendRequest appends a request with its id, and as much of its body as the windows
// have room for; the rest is appendWaiting's. Frames that were to go before go before.
// The caller has checked the capacity. Hot path.
func (h *http2Client) appendRequest(out []byte, t *template, request uint64) []byte {
	out = h.appendControl(out)
	at := h.take()
	h.ids[at] = h.nextID
	if h.nextID += 2; h.nextID > maxStreamID {
		h.leaving, h.parting = true, errStreams
	}
	x := &h.exchanges[at]
	x.request, x.t, x.sent, x.window, x.used = request, t, 0, h.peer.window, 0
	x.head, x.body, x.replied = head{}, x.body[:0], false
	flags := uint8(flagEndHeaders)
	if len(t.wire) == 0 {
		flags |= flagEndStream
	}
	from := len(out)
	out = appendFrameHead(out, 0, frameHeaders, flags, h.ids[at])
	if !h.steady {
		h.encode()
	}
	out = append(append(out, h.block...), t.fields...)
	n := len(out) - from - frameHead
	out[from], out[from+1], out[from+2] = byte(n>>16), byte(n>>8), byte(n)
	if n > h.peer.frame {
		out = h.continued(out, from)
	}
	if len(t.wire) > 0 {
		h.blocked++
		out = h.appendBody(out, at)
	}
	return out
}

// take takes a free place for an exchange: the next one in a ring, so that places are
// in the order of streams as long as these end in theirs. Hot path.
func (h *http2Client) take() int {
	h.open++
	if h.open > len(h.ids) {
		h.ids, h.exchanges = append(h.ids, 0), append(h.exchanges, exchange{})
		return len(h.ids) - 1
	}
	for {
		at := h.place
		if h.place++; h.place >= len(h.ids) {
			h.place = 0
		}
		if h.ids[at] == 0 {
			return at
		}
	}
}

// encode encodes the fields. The first time they are added to the server's table; once
// they are there, the block only names them and can be repeated.
func (h *http2Client) encode() {
	h.encoded.Reset()
	for _, f := range h.fields {
		_ = h.encoder.WriteField(f) // into memory, so it does not fail
	}
	h.block = append(h.block[:0], h.encoded.Bytes()...)
	h.steady = !changesTable(h.block)
}

// continued cuts the HEADERS frame that out has from an index on into frames that the
// server takes (RFC 9113 §6.10).
func (h *http2Client) continued(out []byte, from int) []byte {
	flags, id := out[from+4], h.nextID-2
	block := bytes.Clone(out[from+frameHead:])
	out = out[:from]
	for kind := frameHeaders; len(block) > 0; kind = frameContinuation {
		n := min(len(block), h.peer.frame)
		f := uint8(0)
		if n == len(block) {
			f = flagEndHeaders
		}
		if kind == frameHeaders {
			f |= flags & flagEndStream
		}
		out = append(appendFrameHead(out, n, kind, f, id), block[:n]...)
		block = block[n:]
	}
	return out
}

// appendControl appends the frames that go before any other. Hot path.
func (h *http2Client) appendControl(out []byte) []byte {
	out = append(out, h.control...)
	h.control = h.control[:0]
	return out
}

// appendWaiting appends what is to be sent beside new requests: answers to the
// server's frames, and bodies that have waited for a window, in turns. Hot path.
func (h *http2Client) appendWaiting(out []byte) []byte {
	out = h.appendControl(out)
	for i, n := 0, len(h.ids); i < n && h.blocked > 0 && h.window > 0 && len(out) < maxBatch; i++ {
		at := h.turn
		if at >= n {
			at = 0
		}
		if h.ids[at] != 0 && h.exchanges[at].waiting() {
			out = h.appendBody(out, at)
			if h.window == 0 && h.exchanges[at].waiting() {
				h.turn = at // it goes on
				break
			}
		}
		h.turn = at + 1
	}
	return out
}

// appendBody appends DATA frames of a body as the windows allow. Hot path.
func (h *http2Client) appendBody(out []byte, at int) []byte {
	x := &h.exchanges[at]
	for {
		left := len(x.t.wire) - x.sent
		n := int(min(int64(left), int64(h.peer.frame), x.window, h.window))
		if n <= 0 {
			return out
		}
		flags := uint8(0)
		if n == left {
			flags = flagEndStream
		}
		out = appendFrameHead(out, n, frameData, flags, h.ids[at])
		out = x.t.appendPart(out, x.sent, x.sent+n, x.request)
		x.sent += n
		x.window -= int64(n)
		h.window -= int64(n)
		if n == left {
			h.blocked--
			return out
		}
	}
}

// appendPart appends wire[from:to] with an id in its place, or as much of that as lies
// within. Hot path.
func (t *template) appendPart(out []byte, from, to int, id uint64) []byte {
	at := len(out)
	out = append(out, t.wire[from:to]...)
	first, last := max(from, t.wireID), min(to, t.wireID+idDigits)
	if first < last {
		var digits [idDigits]byte
		putID(digits[:], id)
		copy(out[at+first-from:], digits[first-t.wireID:last-t.wireID])
	}
	return out
}
