package load

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/net/http2/hpack"

	"github.com/gannetmcp/gannet/transports/sse"
)

// A knownBlock is a header block that was decoded, and what it says.
type knownBlock struct {
	block []byte // "" is none
	head  head
}

// decode reads a header block. Most repeat one that came before: as long as no block
// has changed the table since, it means the same. Hot path.
func (h *http2Client) decode(block []byte) (head, error) {
	for i := range h.known {
		if k := &h.known[i]; len(k.block) > 0 && bytes.Equal(k.block, block) {
			return k.head, nil
		}
	}
	return h.decodeSlow(block)
}

// decodeSlow is decode for a block that is new. It may allocate.
func (h *http2Client) decodeSlow(block []byte) (head, error) {
	h.parsed = head{length: -1}
	_, err := h.decoder.Write(block)
	if err == nil {
		err = h.decoder.Close()
	}
	if err != nil {
		return head{}, fmt.Errorf("a header block: %w", err)
	}
	if changesTable(block) {
		for i := range h.known {
			h.known[i].block = h.known[i].block[:0]
		}
		return h.parsed, nil
	}
	k := &h.known[h.forget]
	h.forget = (h.forget + 1) % len(h.known)
	k.block, k.head = append(k.block[:0], block...), h.parsed
	return h.parsed, nil
}

// parseField takes a field of the block in hand.
func (h *http2Client) parseField(f hpack.HeaderField) {
	switch f.Name {
	case ":status":
		if len(f.Value) != 3 {
			return
		}
		status := 0
		for _, c := range []byte(f.Value) {
			if c < '0' || c > '9' {
				return
			}
			status = status*10 + int(c-'0')
		}
		h.parsed.status = status
	case "content-type":
		h.parsed.stream = len(f.Value) >= len(sse.MediaType) && strings.EqualFold(f.Value[:len(sse.MediaType)], sse.MediaType)
	case "mcp-session-id":
		h.parsed.session = f.Value
	}
}

// changesTable says whether a header block changes the table that it is decoded by
// (RFC 7541 §6). One that does not may be repeated and means the same.
func changesTable(b []byte) bool {
	for len(b) > 0 {
		ok := true
		switch c := b[0]; {
		case c&0x80 != 0: // a field of the tables
			_, b, ok = readInteger(b, 7)
		case c&0x60 != 0: // a field that is added, or another size
			return true
		default: // a field that is not
			var name int
			if name, b, ok = readInteger(b, 4); ok && name == 0 {
				b, ok = skipString(b)
			}
			if ok {
				b, ok = skipString(b)
			}
		}
		if !ok {
			return true // it cannot be decoded either
		}
	}
	return false
}

// readInteger reads an integer that begins with some bits of a byte (RFC 7541 §5.1).
func readInteger(b []byte, bits uint) (n int, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	most := 1<<bits - 1
	if n = int(b[0]) & most; n < most {
		return n, b[1:], true
	}
	for i, c := range b[1:] {
		if i > 3 {
			break
		}
		n += int(c&0x7f) << (7 * i)
		if c&0x80 == 0 {
			return n, b[i+2:], true
		}
	}
	return 0, nil, false
}

// skipString passes a string over (RFC 7541 §5.2).
func skipString(b []byte) (rest []byte, ok bool) {
	n, b, ok := readInteger(b, 7)
	if !ok || n > len(b) {
		return nil, false
	}
	return b[n:], true
}

// appendLiteral appends a field that is in no table, and is not added to one.
func appendLiteral(dst []byte, name, value string) []byte {
	dst = append(dst, 0)
	for _, s := range []string{name, value} {
		dst = appendInteger(dst, len(s), 7)
		dst = append(dst, s...)
	}
	return dst
}

// appendInteger appends an integer whose first byte has some bits of it, the others 0.
func appendInteger(dst []byte, n int, bits uint) []byte {
	most := 1<<bits - 1
	if n < most {
		return append(dst, byte(n))
	}
	dst = append(dst, byte(most))
	for n -= most; n >= 0x80; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(dst, byte(n))
}
