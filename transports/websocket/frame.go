package websocket

import "encoding/binary"

// opcode says what a frame is (RFC 6455 §5.2).
type opcode uint8

const (
	opContinuation opcode = 0
	opText         opcode = 1
	opBinary       opcode = 2
	opClose        opcode = 8 // the control frames from here on
	opPing         opcode = 9
	opPong         opcode = 10
)

// The bits of a frame's first two bytes.
const (
	bitFin    = 0x80
	bitPacked = 0x40 // RSV1, as permessage-deflate uses it (RFC 7692 §6)
	bitsRest  = 0x30 // RSV2 and RSV3
	bitsOp    = 0x0F
	bitMasked = 0x80
	bitsSize  = 0x7F
)

// maxControl bounds the payload of a control frame (RFC 6455 §5.5).
const maxControl = 125

// header takes in what b has of the header of a frame.
func (p *Parser) header(b []byte) (n int, complete bool, err *Error) {
	h := b
	if p.headLen > 0 {
		h = p.head[:int(p.headLen)+copy(p.head[p.headLen:], b)]
	}
	size, err := p.parseHeader(h)
	switch {
	case err != nil:
		return len(b), false, err
	case size == 0:
		if p.headLen == 0 {
			copy(p.head[:], b)
		}
		p.headLen = uint8(len(h))
		return len(b), false, nil
	}
	n = size - int(p.headLen)
	p.headLen = 0
	return n, true, nil
}

// parseHeader reads the header at the front of b and begins its frame; it returns
// the length of the header, 0 if b ends before it does.
func (p *Parser) parseHeader(b []byte) (size int, err *Error) {
	if len(b) < 2 {
		return 0, nil
	}
	op, fin := opcode(b[0]&bitsOp), b[0]&bitFin != 0
	if err := p.judgeFrame(b[0], b[1]); err != nil {
		return 0, err
	}
	length := int64(b[1] & bitsSize)
	size = 2
	switch length {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	keyAt := size
	if !p.loop.opts.Client {
		size += 4
	}
	if len(b) < size {
		return 0, nil
	}
	switch length {
	case 126:
		if length = int64(binary.BigEndian.Uint16(b[2:])); length < 126 {
			return 0, ErrLength
		}
	case 127:
		if length = int64(binary.BigEndian.Uint64(b[2:])); length < 1<<16 { // or negative: the highest bit is set
			return 0, ErrLength
		}
	}
	if op < opClose {
		switch o := &p.loop.opts; {
		case p.frames == o.MaxFragments:
			return 0, ErrFragments
		case length > int64(o.MaxMessageBytes-p.size):
			return 0, ErrTooLong
		}
		if op == opText {
			p.open, p.packed = true, b[0]&bitPacked != 0
		}
		p.frames++
		p.size += int(length)
	}
	if keyAt < size {
		p.key = binary.LittleEndian.Uint32(b[keyAt:])
	}
	p.op, p.fin, p.left, p.state = op, fin, length, inPayload
	return size, nil
}

// judgeFrame says what is wrong with the first two bytes of a frame.
func (p *Parser) judgeFrame(first, second byte) *Error {
	op := opcode(first & bitsOp)
	mayBePacked := p.agreed.Deflate && (op == opText || op == opBinary)
	switch {
	case first&bitsRest != 0, first&bitPacked != 0 && !mayBePacked:
		return ErrReserved
	case op > opPong, op > opBinary && op < opClose:
		return ErrOpcode
	case second&bitMasked == 0 && !p.loop.opts.Client:
		return ErrUnmasked
	case second&bitMasked != 0 && p.loop.opts.Client:
		return ErrMasked
	case op >= opClose && first&bitFin == 0:
		return ErrControlSplit
	case op >= opClose && second&bitsSize > maxControl:
		return ErrControlLength
	case op == opContinuation && !p.open:
		return ErrContinuation
	case (op == opText || op == opBinary) && p.open:
		return ErrInterleaved
	case op == opBinary:
		return ErrBinary
	}
	return nil
}
