package http2

import "encoding/binary"

// eos is the symbol that ends a string and may not stand in one.
const eos = 256

// huffmanBits are the lengths of the codes of the bytes and of eos (RFC 7541,
// appendix B). The code is canonical, so they say all of it: codes of one length
// follow each other in the order of their bytes, and a longer one is above all
// shorter ones.
var huffmanBits = [eos + 1]uint8{
	13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
	28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
	6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
	5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
	13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
	7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
	15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
	6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
	20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
	24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
	22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
	21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
	26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
	19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
	20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
	26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
	30,
}

// huffmanMax is the longest code in bits, huffmanFast how many a look at
// huffmanShort settles: letters, digits and most of what else stands in a URL.
const (
	huffmanMax  = 30
	huffmanFast = 8
)

// symbol is a byte and the length of its code, 0 if the code is longer than
// what was looked at.
type symbol struct{ value, bits uint8 }

// huffman is what decoding looks things up in. All codes are at the left end of
// 32 bits.
var huffman = func() (h struct {
	short  [1 << huffmanFast]symbol
	limit  [huffmanMax + 1]uint32 // of each length: the first code that is longer
	offset [huffmanMax + 1]int32  // of each length: what makes an index into symbols of a code
	symbol [eos + 1]uint16        // by their codes
}) {
	code, n := uint32(0), 0
	for bits := 1; bits <= huffmanMax; bits++ {
		h.offset[bits] = int32(n) - int32(code>>(32-bits))
		for s, b := range huffmanBits {
			if int(b) != bits {
				continue
			}
			if bits <= huffmanFast {
				for i := range uint32(1) << (huffmanFast - bits) {
					h.short[code>>(32-huffmanFast)+i] = symbol{uint8(s), b}
				}
			}
			h.symbol[n] = uint16(s)
			n++
			code += 1 << (32 - bits)
		}
		h.limit[bits] = code
	}
	return h
}()

// appendHuffman appends what src decodes to (RFC 7541 §5.2). It reports false for
// what no encoder writes: eos, padding that is longer than 7 bits or not of ones.
//
// Hot path: no allocation if dst has room for 8/5 of src.
func appendHuffman(dst, src []byte) ([]byte, bool) {
	var acc uint64 // its upper bits are to be decoded
	left := 0      // how many
	for {
		if left < huffmanMax {
			if len(src) >= 4 {
				acc |= uint64(binary.BigEndian.Uint32(src)) << (32 - left)
				left += 32
				src = src[4:]
			} else {
				for ; len(src) > 0; src = src[1:] {
					acc |= uint64(src[0]) << (56 - left)
					left += 8
				}
			}
		}
		top := uint32(acc >> 32)
		s := huffman.short[top>>(32-huffmanFast)]
		bits := int(s.bits)
		if bits == 0 {
			var v uint16
			if v, bits = longSymbol(top); v == eos {
				return dst, false
			}
			s.value = uint8(v)
		}
		if bits > left {
			return dst, left < 8 && ^top>>(32-left) == 0
		}
		dst = append(dst, s.value)
		acc <<= bits
		left -= bits
	}
}

// longSymbol decodes a code of more than huffmanFast bits.
func longSymbol(top uint32) (value uint16, bits int) {
	bits = huffmanFast + 1
	for bits < huffmanMax && top >= huffman.limit[bits] {
		bits++
	}
	return huffman.symbol[int32(top>>(32-bits))+huffman.offset[bits]], bits
}
