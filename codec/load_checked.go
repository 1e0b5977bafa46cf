//go:build invariants || race

package codec

import "encoding/binary"

// load64 reads eight bytes at b[i], the first in the low bits, and panics
// unless i >= 0 and i+8 <= len(b).
func load64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }

// load32 is load64 for four bytes.
func load32(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[i:]) }
