package http2

import "math"

// decoder undoes the compression of one connection's header blocks (RFC 7541).
// It writes names and values straight into the request that they are of.
type decoder struct {
	loop  *Loop
	table dynamicTable
}

// init readies d.
func (d *decoder) init(l *Loop) {
	d.loop = l
	d.table.max = tableMax
}

// decode adds the fields of a whole block to r. All of it is decoded whatever r
// thinks of a field, for the next block depends on it. It reports false for what
// is no block: then nothing can be decoded any more (RFC 9113 §4.3).
//
// What r refuses takes no room in r's buffer, so that what a block may unpack to
// is bounded by the limits of r and one string of it.
//
// Hot path: no allocation, no lock once the loop's buffers are warm.
func (d *decoder) decode(b []byte, r *Request) bool {
	for first := true; len(b) > 0; {
		c := b[0]
		from := len(r.buf)
		name, ok := 0, false
		switch {
		case c&0x80 != 0: // indexed
			var i uint64
			if i, b, ok = integer(b, 7); !ok || !d.appendIndexed(r, i, &name) {
				return false
			}
		case c&0xE0 == 0x20: // size update
			var n uint64
			if n, b, ok = integer(b, 5); !ok || !first || n > tableMax {
				return false
			}
			d.table.resize(int(n))
			continue
		default:
			keep := c&0x40 != 0
			prefix := uint8(4)
			if keep {
				prefix = 6
			}
			if b, name, ok = d.literal(b, prefix, r); !ok {
				return false
			}
			if keep {
				d.table.add(d.loop.pool, r.buf[from:from+name], r.buf[from+name:])
			}
		}
		first = false
		r.add(from, from+name)
	}
	return true
}

// literal decodes a field that is not indexed, or whose name alone is.
func (d *decoder) literal(b []byte, prefix uint8, r *Request) (rest []byte, name int, ok bool) {
	from := len(r.buf)
	i, b, ok := integer(b, prefix)
	if !ok {
		return nil, 0, false
	}
	if i == 0 {
		if b, ok = d.str(b, r); !ok {
			return nil, 0, false
		}
		name = len(r.buf) - from
	} else {
		if !d.appendIndexed(r, i, &name) {
			return nil, 0, false
		}
		r.buf = r.buf[:from+name]
	}
	b, ok = d.str(b, r)
	return b, name, ok
}

// appendIndexed appends name and value of entry i, and says how long the name is.
func (d *decoder) appendIndexed(r *Request, i uint64, name *int) bool {
	switch {
	case i == 0 || i >= uint64(len(staticTable)+d.table.len()):
		return false
	case i < uint64(len(staticTable)):
		e := &staticTable[i]
		*name = len(e.name)
		r.room(d.loop, len(e.name)+len(e.value))
		r.buf = append(append(r.buf, e.name...), e.value...)
	default:
		n, v := d.table.at(int(i) - len(staticTable))
		*name = len(n)
		r.room(d.loop, len(n)+len(v))
		r.buf = append(append(r.buf, n...), v...)
	}
	return true
}

// str appends the string literal at the front of b (RFC 7541 §5.2).
func (d *decoder) str(b []byte, r *Request) (rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, false
	}
	packed := b[0]&0x80 != 0
	n, b, ok := integer(b, 7)
	if !ok || n > uint64(len(b)) {
		return nil, false
	}
	s := b[:n]
	if packed {
		r.room(d.loop, len(s)*8/5+1) // the shortest code has 5 bits
		r.buf, ok = appendHuffman(r.buf, s)
	} else {
		r.room(d.loop, len(s))
		r.buf = append(r.buf, s...)
	}
	return b[n:], ok
}

// integer decodes the integer at the front of b, which is not empty, whose first
// byte has room for bits of it (RFC 7541 §5.1).
func integer(b []byte, bits uint8) (n uint64, rest []byte, ok bool) {
	mask := byte(1)<<bits - 1
	n = uint64(b[0] & mask)
	b = b[1:]
	if n < uint64(mask) {
		return n, b, true
	}
	for shift := uint(0); len(b) > 0 && shift < 32; shift += 7 {
		c := b[0]
		b = b[1:]
		n += uint64(c&0x7F) << shift
		if c&0x80 == 0 {
			return n, b, n <= math.MaxUint32
		}
	}
	return 0, nil, false
}

// appendInteger appends n behind what is set of its first byte, of which it may
// take bits.
func appendInteger(dst []byte, first byte, bits uint8, n int) []byte {
	mask := 1<<bits - 1
	if n < mask {
		return append(dst, first|byte(n))
	}
	dst = append(dst, first|byte(mask))
	for n -= mask; n >= 0x80; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(dst, byte(n))
}
