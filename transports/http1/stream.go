package http1

// AppendChunk appends data as one chunk (RFC 9112 §7.1). Without data it appends
// nothing, for an empty chunk would end the body.
//
// Hot path: no allocation.
func AppendChunk(dst, data []byte) []byte {
	if len(data) == 0 {
		return dst
	}
	dst = AppendChunkHead(dst, len(data))
	return AppendChunkTail(append(dst, data...))
}

const hexDigits = "0123456789abcdef"

// AppendChunkHead appends what comes before n bytes of chunk data, n > 0. The
// data may follow from anywhere, then AppendChunkTail.
func AppendChunkHead(dst []byte, n int) []byte {
	shift := 0
	for n>>shift > 0xF {
		shift += 4
	}
	for ; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[n>>shift&0xF])
	}
	return append(dst, "\r\n"...)
}

// AppendChunkTail appends what comes behind chunk data.
func AppendChunkTail(dst []byte) []byte { return append(dst, "\r\n"...) }

// AppendLastChunk appends the end of a body in chunks, without trailers.
func AppendLastChunk(dst []byte) []byte { return append(dst, "0\r\n\r\n"...) }

// sizeRoom is the head of a chunk whose size is filled in later. Leading zeros
// are as good as none.
const sizeRoom = "00000000\r\n"

// OpenChunk begins a chunk whose length is not known yet: append the data, then
// call CloseChunk with the mark.
//
// Hot path: no allocation.
func OpenChunk(dst []byte) (out []byte, mark int) {
	return append(dst, sizeRoom...), len(dst)
}

// CloseChunk ends the chunk that was begun at mark. One without data disappears.
// Less than 4 GiB.
func CloseChunk(dst []byte, mark int) []byte {
	n := len(dst) - mark - len(sizeRoom)
	if n == 0 {
		return dst[:mark]
	}
	if uint64(n) > 1<<32-1 {
		panic("http1: chunk of 4 GiB or more")
	}
	for i := range 8 {
		dst[mark+i] = hexDigits[n>>(28-4*i)&0xF]
	}
	return AppendChunkTail(dst)
}
