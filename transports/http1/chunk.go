package http1

import (
	"math"

	"github.com/gannetmcp/gannet/transports/httpfield"
)

// maxSizeDigits bounds the digits of a chunk size: no more fit 64 bits.
const maxSizeDigits = 16

// notHex is the value in hexValue of what is no hexadecimal digit.
const notHex = 0xFF

var hexValue = func() (t [256]uint8) {
	for c := range t {
		switch {
		case '0' <= c && c <= '9':
			t[c] = uint8(c - '0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			t[c] = uint8(c|0x20-'a') + 10
		default:
			t[c] = notHex
		}
	}
	return t
}()

// nextChunked is Next in a body in chunks (RFC 9112 §7.1).
func (p *Parser) nextChunked(b []byte) (n int, ev Event) {
	for n < len(b) {
		if p.state == inData {
			data := b[n:]
			data = data[:min(int64(len(data)), p.left)]
			n += len(data)
			if p.left -= int64(len(data)); p.left == 0 {
				p.state = atDataCR
			}
			if !p.add(data) {
				return n, p.fail(ErrNoRoom)
			}
			if p.mode == Pieces {
				return n, Piece
			}
			continue
		}
		c := b[n]
		n++
		if err := p.step(c); err != nil {
			return n, p.fail(err)
		}
		if p.state == atDone {
			return n, Done
		}
	}
	return n, More
}

// step takes in one byte of what frames the chunks. Behind a chunk size come
// a semicolon or CR LF and nothing else, white space neither: what one
// recipient passes over there another takes for a line's end.
func (p *Parser) step(c byte) *Error {
	switch p.state {
	case atSize:
		return p.sizeDigit(c)
	case atExt, inExt:
		switch {
		case c == '\r' && p.state == inExt:
			p.state = atSizeLF
			return nil
		case p.state == atExt && !httpfield.Token.Has(c) && c != ' ' && c != '\t', c < ' ' && c != '\t', c == 0x7F:
			return ErrChunkExt
		}
		p.state = inExt
		if p.ext++; p.ext > p.loop.limits.ChunkExt {
			return ErrChunkExtTooLong
		}
	case atSizeLF:
		if c != '\n' {
			return ErrLineEnd
		}
		p.state = inData
		if p.left == 0 {
			p.state = atTrailer
		}
	case atDataCR:
		if c != '\r' {
			return ErrChunkEnd
		}
		p.state = atDataLF
	case atDataLF:
		if c != '\n' {
			return ErrChunkEnd
		}
		p.state, p.digits = atSize, 0
	default:
		return p.trailerByte(c)
	}
	return nil
}

// sizeDigit takes in a byte of a chunk size. A size is compared with the limit
// when it is complete, before anything is set aside for it.
func (p *Parser) sizeDigit(c byte) *Error {
	if v := hexValue[c]; v != notHex {
		if p.digits == maxSizeDigits {
			return ErrChunkSize
		}
		p.expect = false // the body has begun
		p.digits++
		if p.left > math.MaxInt64>>4 {
			p.left = math.MaxInt64 // above every limit, and it stays there
		} else {
			p.left = p.left<<4 | int64(v)
		}
		return nil
	}
	switch {
	case p.digits == 0 || c != '\r' && c != ';':
		return ErrChunkSize
	case p.left > int64(p.loop.limits.Body-p.got):
		return ErrBodyTooLarge
	case c == ';':
		p.state = atExt
	default:
		p.state = atSizeLF
	}
	return nil
}

// trailerByte takes in a byte of the trailer section. Its fields are judged and
// dropped: merged into the head they would be a way around what was decided by
// it (RFC 9110 §6.5.1).
func (p *Parser) trailerByte(c byte) *Error {
	if p.trailer++; p.trailer > p.loop.limits.Trailers {
		return ErrTrailersTooLong
	}
	if c == '\n' && p.state != atTrailerLF && p.state != atEndLF {
		return ErrLineEnd
	}
	switch p.state {
	case atTrailer:
		switch {
		case c == '\r':
			p.state = atEndLF
		case httpfield.Token.Has(c):
			p.state = inTrailerName
		case c == ' ' || c == '\t':
			return ErrFold
		default:
			return ErrTrailer
		}
	case inTrailerName:
		switch {
		case c == ':':
			p.state = inTrailerValue
		case !httpfield.Token.Has(c):
			return ErrTrailer
		}
	case inTrailerValue:
		switch {
		case c == '\r':
			p.state = atTrailerLF
		case c < ' ' && c != '\t' || c == 0x7F:
			return ErrTrailer
		}
	case atTrailerLF:
		if c != '\n' {
			return ErrLineEnd
		}
		p.state = atTrailer
	case atEndLF:
		if c != '\n' {
			return ErrLineEnd
		}
		p.done()
	}
	return nil
}
