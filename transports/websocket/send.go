package websocket

import "encoding/binary"

// OpenText begins a frame of text whose length is not known yet: it leaves room.
// Append the text, then call CloseText with the length that dst had. To take it
// back, cut dst to that length.
//
// Hot path: no allocation.
func (l *Loop) OpenText(dst []byte) []byte {
	const room = "\x00\x00\x00\x00\x00\x00\x00\x00"
	return append(dst, room[:l.room]...)
}

// CloseText completes the frame of text that was begun at offset at of dst, which is
// of the pool of l: it compresses the text if that is agreed, worth it and makes it
// shorter, and fills in the header. It returns dst, which may have moved.
//
// Hot path: no allocation; the text is moved if it has 125 bytes or less, or 64 KiB
// or more, or is compressed.
func (l *Loop) CloseText(dst []byte, at int, a Agreed) []byte {
	first := byte(bitFin | byte(opText))
	from := at + l.room
	n := len(dst) - from
	if least := l.opts.CompressMin; a.Deflate && least > 0 && n >= least {
		if packed := l.deflate(dst[from:], a); packed != nil {
			if len(packed) < n {
				n = copy(dst[from:], packed)
				first |= bitPacked
			}
			l.pool.Put(packed)
		}
	}
	move := headerSize(n, l.opts.Client) - l.room
	if move > 0 {
		dst = l.pool.Grow(dst, move)
	}
	dst = dst[:from+n+move]
	if move != 0 {
		copy(dst[from+move:], dst[from:from+n])
	}
	l.fill(dst[at:], first, n)
	return dst
}

// headerSize returns the length of the header of a frame with n bytes.
func headerSize(n int, client bool) (size int) {
	switch {
	case n > 1<<16-1:
		size = 10
	case n > maxControl:
		size = 4
	default:
		size = 2
	}
	if client {
		size += 4
	}
	return size
}

// fill writes the header of a frame into the front of b, behind which its payload of
// n bytes lies, and masks that on the client's side.
func (l *Loop) fill(b []byte, first byte, n int) {
	b[0] = first
	size := 2
	switch {
	case n > 1<<16-1:
		b[1] = 127
		binary.BigEndian.PutUint64(b[2:], uint64(n))
		size = 10
	case n > maxControl:
		b[1] = 126
		binary.BigEndian.PutUint16(b[2:], uint16(n))
		size = 4
	default:
		b[1] = byte(n)
	}
	if l.opts.Client {
		b[1] |= bitMasked
		key := l.newKey()
		binary.LittleEndian.PutUint32(b[size:], key)
		mask(b[size+4:size+4+n], key)
	}
}

// AppendText appends a frame with a whole message.
func (l *Loop) AppendText(dst, text []byte, a Agreed) []byte {
	at := len(dst)
	return l.CloseText(append(l.OpenText(dst), text...), at, a)
}

// AppendPing appends a ping; of data, which the pong repeats, no more than 125
// bytes are sent.
func (l *Loop) AppendPing(dst, data []byte) []byte { return l.appendControl(dst, opPing, data) }

// AppendPong appends a pong, which repeats the data of a ping.
func (l *Loop) AppendPong(dst, data []byte) []byte { return l.appendControl(dst, opPong, data) }

// AppendClose appends a close frame. Without a code that may be sent it has neither
// code nor reason; of the reason, UTF-8, no more than 123 bytes are sent. What comes behind
// it the peer does not read.
func (l *Loop) AppendClose(dst []byte, c Code, reason string) []byte {
	var data [maxControl]byte
	n := 0
	if c.legal() {
		binary.BigEndian.PutUint16(data[:], uint16(c))
		n = 2 + copy(data[2:], reason)
		for !validEnd(data[2:n]) { // cut within a character
			n--
		}
	}
	return l.appendControl(dst, opClose, data[:n])
}

// appendControl appends a control frame.
func (l *Loop) appendControl(dst []byte, op opcode, data []byte) []byte {
	data = data[:min(len(data), maxControl)]
	at := len(dst)
	const room = "\x00\x00\x00\x00\x00\x00"
	dst = append(append(dst, room[:headerSize(len(data), l.opts.Client)]...), data...)
	l.fill(dst[at:], bitFin|byte(op), len(data))
	return dst
}

// FrameLen returns the length of the frame at the front of b, which has all of its
// header.
func FrameLen(b []byte) int {
	n := int(b[1] & bitsSize)
	size := 2
	switch n {
	case 126:
		n, size = int(binary.BigEndian.Uint16(b[2:])), 4
	case 127:
		n, size = int(binary.BigEndian.Uint64(b[2:])), 10
	}
	if b[1]&bitMasked != 0 {
		size += 4
	}
	return size + n
}
