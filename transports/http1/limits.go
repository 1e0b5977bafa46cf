package http1

// Defaults of Limits.
const (
	DefaultLine     = 8 << 10
	DefaultHead     = 32 << 10
	DefaultFields   = 100
	DefaultBody     = 16 << 20
	DefaultChunkExt = 1 << 10
	DefaultTrailers = 8 << 10
)

// maxHead is the largest head whose parts a span can name.
const maxHead = 1<<16 - 1

// Limits bounds what a peer can make a Parser take. Zero and negative fields
// mean the defaults.
type Limits struct {
	// Line bounds the request line in bytes, line end apart; beyond it
	// ErrLineTooLong. Zero: 8 KiB. RFC 9112 §3 asks for 8,000 at least.
	Line int
	// Head bounds request line, fields and the empty line behind them, in bytes,
	// line ends counted; beyond it ErrHeadTooLong. Zero: 32 KiB; at most 65,535.
	Head int
	// Fields bounds the number of field lines in a head; beyond it
	// ErrTooManyFields. Zero: 100.
	Fields int
	// Body bounds a body in bytes, what frames its chunks apart; beyond it
	// ErrBodyTooLarge, and for a Content-Length that says so before anything is
	// set aside. Zero: 16 MiB.
	Body int
	// ChunkExt bounds the chunk extensions of one message in bytes, all chunks
	// together; beyond it ErrChunkExtTooLong. Zero: 1 KiB.
	ChunkExt int
	// Trailers bounds the trailer section of one message in bytes, line ends
	// counted; beyond it ErrTrailersTooLong. Zero: 8 KiB.
	Trailers int
}

// withDefaults returns l with every field set.
func (l Limits) withDefaults() Limits {
	def := func(p *int, d int) {
		if *p <= 0 {
			*p = d
		}
	}
	def(&l.Line, DefaultLine)
	def(&l.Head, DefaultHead)
	def(&l.Fields, DefaultFields)
	def(&l.Body, DefaultBody)
	def(&l.ChunkExt, DefaultChunkExt)
	def(&l.Trailers, DefaultTrailers)
	l.Head = min(l.Head, maxHead)
	return l
}
