//go:build !invariants && !race

package codec

import (
	"encoding/binary"
	"unsafe"
)

// load64 reads eight bytes at b[i], the first in the low bits. The caller has
// tested that they are there: i >= 0 and i+8 <= len(b). The test is not made
// twice, for this is most of what a scan does. Built with the tag invariants or
// the race detector it is.
func load64(b []byte, i int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))[:])
}

// load32 is load64 for four bytes.
func load32(b []byte, i int) uint32 {
	return binary.LittleEndian.Uint32((*[4]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))[:])
}
