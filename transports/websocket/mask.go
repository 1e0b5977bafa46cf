package websocket

import (
	"encoding/binary"
	"math/bits"
)

// highBits are those that no byte of ASCII has.
const highBits = 0x8080808080808080

// mask applies a masking key to b, in place (RFC 6455 §5.3): the lowest byte of
// key is for b[0]. Applied twice it changes nothing. It reports whether the outcome is
// ASCII, which costs next to nothing here and saves a second look.
//
// Hot path: no allocation.
func mask(b []byte, key uint32) (ascii bool) {
	k := uint64(key)<<32 | uint64(key)
	var all uint64
	for len(b) >= 32 {
		p := b[:32]
		v := binary.LittleEndian.Uint64(p[0:8]) ^ k
		w := binary.LittleEndian.Uint64(p[8:16]) ^ k
		x := binary.LittleEndian.Uint64(p[16:24]) ^ k
		y := binary.LittleEndian.Uint64(p[24:32]) ^ k
		binary.LittleEndian.PutUint64(p[0:8], v)
		binary.LittleEndian.PutUint64(p[8:16], w)
		binary.LittleEndian.PutUint64(p[16:24], x)
		binary.LittleEndian.PutUint64(p[24:32], y)
		all |= v | w | x | y
		b = b[32:]
	}
	for len(b) >= 8 {
		v := binary.LittleEndian.Uint64(b) ^ k
		binary.LittleEndian.PutUint64(b, v)
		all |= v
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(k >> (8 * i))
		all |= uint64(b[i])
	}
	return all&highBits == 0
}

// turnKey returns key as it is for the byte n places further on.
func turnKey(key uint32, n int) uint32 { return bits.RotateLeft32(key, -8*(n&3)) }
