package web

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports/http1"
)

const (
	// unpackLead is how many bytes a gzip body may be read ahead of what came of
	// it: what inflating holds back, and its window. Blocks without content
	// would cost time for nothing.
	unpackLead = 64 << 10
	// zstdBlock is the largest block of zstd (RFC 8878, section 3.1.1.2.4).
	zstdBlock = 128 << 10
	// zstdBlocks is how many blocks a zstd body may have, beside one for each
	// KiB that it may become.
	zstdBlocks = 64
	// zstdWindow is the window that a decoder for HTTP must take (RFC 9659).
	zstdWindow = 8 << 20
	// unpackChargeFrom is the smallest buffer that the byte budget is asked for.
	unpackChargeFrom = 64 << 10
)

// Why a body cannot be unpacked. The boundary of the next request is known all
// the same: the connection goes on.
var (
	errUnpackCoding  = &http1.Error{Status: 415, Reason: "Content-Encoding must be one of gzip, zstd, identity"}
	errUnpackOff     = &http1.Error{Status: 415, Reason: "Content-Encoding must be identity"}
	errUnpackCorrupt = &http1.Error{Status: 400, Reason: "the body is not what Content-Encoding says: broken, cut short, or more than one member or frame"}
	errUnpackTooMuch = &http1.Error{Status: 413, Reason: "request body too large when unpacked"}
	errUnpackNoTime  = &http1.Error{Status: 503, Reason: "packed bodies become more than there is time for; send this one as it is"}
)

// unpacker undoes the codings of request bodies (RFC 9110, section 8.4). Each
// loop has one, made for its first such body; its goroutine uses it for one body
// at a time.
type unpacker struct {
	engine *engine.Engine
	max    int // bytes of an unpacked body
	meter  *meter

	packed reader
	buf    *bufio.Reader // of packed
	gzip   gzip.Reader
	zstd   *zstd.Decoder
	spare  [1]byte

	out     []byte // of the engine's pool; nil between bodies
	charged int    // bytes of it in the budget
}

// newUnpacker returns an unpacker for bodies of max bytes, unpacked. m may be nil.
func newUnpacker(e *engine.Engine, maxBytes int, m *meter) *unpacker {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxWindow(max(zstdWindow, uint64(maxBytes))))
	if err != nil {
		panic(err) // the options are none that could fail
	}
	u := &unpacker{engine: e, max: maxBytes, meter: m, zstd: d}
	u.packed.u = u
	u.buf = bufio.NewReader(&u.packed)
	return u
}

// hasCoding reports whether a request says anything of the coding of its body.
func hasCoding(r engine.RequestView) bool {
	_, n := r.Header("Content-Encoding")
	return n > 0
}

// contentCoding returns the one coding of a request's body. Names are compared
// without regard to case (RFC 9110, section 8.4.1); several codings, be it in
// several fields, are refused: none but an attacker packs what is packed.
func contentCoding(r engine.RequestView) (coding, *http1.Error) {
	v, n := r.Header("Content-Encoding")
	switch {
	case n > 1:
		return identity, errUnpackCoding
	case len(v) == 0 || bytes.EqualFold(v, []byte("identity")):
		return identity, nil
	case bytes.EqualFold(v, []byte("gzip")) || bytes.EqualFold(v, []byte("x-gzip")):
		return gzipped, nil
	case bytes.EqualFold(v, []byte("zstd")):
		return zstandard, nil
	}
	return identity, errUnpackCoding
}

// unpack returns what src becomes, valid until free, which must follow. It
// never unpacks more than u.max bytes.
//
// Hot path: no allocation once the pool is warm, but for a gzip header with a
// name or a comment.
func (u *unpacker) unpack(c coding, src []byte) ([]byte, *http1.Error) {
	var err *http1.Error
	if c == zstandard {
		err = u.unpackZstd(src)
	} else {
		err = u.unpackGzip(src)
	}
	return u.out, err
}

// free gives back what the last body held.
func (u *unpacker) free() {
	if u.out != nil {
		u.engine.Buffers().Put(u.out)
		u.out = nil
	}
	if u.charged > 0 {
		u.engine.Release(u.charged)
		u.charged = 0
	}
}

// room makes room for n bytes in all. It reports false if the budget has none.
func (u *unpacker) room(n int) bool {
	if n > unpackChargeFrom && n > u.charged {
		if !u.engine.Reserve(n - u.charged) {
			return false
		}
		u.charged = n
	}
	u.out = u.engine.Buffers().Grow(u.out, n-len(u.out))
	return true
}

// unpackGzip unpacks one member, which must be all of src: RFC 1952 allows more,
// no client of HTTP writes them, and empty ones would be work for nothing.
func (u *unpacker) unpackGzip(src []byte) *http1.Error {
	u.packed.left, u.packed.taken = src, 0
	defer func() { u.packed.left = nil }()
	u.buf.Reset(&u.packed)
	if u.gzip.Reset(u.buf) != nil {
		return errUnpackCorrupt
	}
	u.gzip.Multistream(false)
	if !u.room(min(u.max, max(4*len(src), 4<<10))) {
		return http1.ErrNoRoom
	}
	paid := freeRatio * len(src)
	for {
		into := u.out[len(u.out):min(cap(u.out), u.max)]
		full := len(into) == 0
		switch {
		case full && len(u.out) < u.max:
			if !u.spend(&paid) {
				return errUnpackNoTime
			}
			if !u.room(min(u.max, 2*cap(u.out))) {
				return http1.ErrNoRoom
			}
			continue
		case full: // is this the end?
			into = u.spare[:]
		}
		n, err := u.gzip.Read(into)
		if full && n > 0 {
			u.spend(&paid)
			return errUnpackTooMuch
		}
		if !full {
			u.out = u.out[:len(u.out)+n]
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) && u.buf.Buffered() == 0 && len(u.packed.left) == 0:
			u.spend(&paid)
			return nil
		default:
			return errUnpackCorrupt
		}
	}
}

// spend tells the meter what of the body is beyond what is paid, and reports whether
// it may become more.
func (u *unpacker) spend(paid *int) bool {
	more := len(u.out) - *paid
	if more <= 0 {
		return true
	}
	*paid = len(u.out)
	return u.meter.Spend(more)
}

// reader reads a packed body, no further than unpackLead ahead of what came of
// it.
type reader struct {
	u     *unpacker
	left  []byte
	taken int
}

func (r *reader) Read(p []byte) (int, error) {
	if len(r.left) == 0 {
		return 0, io.EOF
	}
	if r.taken > len(r.u.out)+unpackLead {
		return 0, errUnpackCorrupt
	}
	n := copy(p, r.left)
	r.left, r.taken = r.left[n:], r.taken+n
	return n, nil
}

// unpackZstd unpacks one frame, which must be all of src. How much it may become
// is found before anything is unpacked; a single block of unknown size is taken at any
// time.
func (u *unpacker) unpackZstd(src []byte) *http1.Error {
	size, err := zstdSize(src, u.max)
	if err != nil {
		return err
	}
	paid := freeRatio * len(src)
	if size > max(paid, zstdBlock) && !u.meter.Spend(0) {
		return errUnpackNoTime
	}
	if !u.room(size) {
		return http1.ErrNoRoom
	}
	out, failed := u.zstd.DecodeAll(src, u.out[:0:size]) // it never goes beyond the capacity
	switch {
	case failed == nil:
		u.out = u.out[:len(out)]
		u.spend(&paid)
		return nil
	case errors.Is(failed, zstd.ErrDecoderSizeExceeded) && size == u.max:
		u.meter.Spend(size - min(size, paid))
		return errUnpackTooMuch
	}
	return errUnpackCorrupt
}

// zstdSize returns the most that a body of one frame can become, by the heads of
// its blocks (RFC 8878, section 3.1.1), but never more than limit.
func zstdSize(src []byte, limit int) (int, *http1.Error) {
	var h zstd.Header
	if h.Decode(src) != nil || h.Skippable || h.DictionaryID != 0 {
		return 0, errUnpackCorrupt
	}
	if h.HasFCS && h.FrameContentSize > uint64(limit) {
		return 0, errUnpackTooMuch
	}
	least, most := 0, 0 // it becomes
	last := false
	at := h.HeaderSize
	for blocks := 0; !last; blocks++ {
		if len(src)-at < 3 || blocks > zstdBlocks+limit>>10 {
			return 0, errUnpackCorrupt
		}
		head := int(src[at]) | int(src[at+1])<<8 | int(src[at+2])<<16
		at += 3
		last = head&1 != 0
		n := head >> 3
		if n > zstdBlock {
			return 0, errUnpackCorrupt
		}
		switch head >> 1 & 3 {
		case 0: // as it is
			at, least, most = at+n, least+n, most+n
		case 1: // one byte, n times
			at, least, most = at+1, least+n, most+n
		case 2: // packed into n bytes
			at, most = at+n, most+zstdBlock
		default:
			return 0, errUnpackCorrupt
		}
		if least > limit {
			return 0, errUnpackTooMuch
		}
	}
	if h.HasCheckSum {
		at += 4
	}
	if at != len(src) {
		return 0, errUnpackCorrupt
	}
	if h.HasFCS {
		most = min(most, int(h.FrameContentSize))
	}
	return min(most, limit), nil
}
