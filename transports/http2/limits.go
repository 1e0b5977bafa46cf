package http2

// Defaults of Limits.
const (
	DefaultStreams       = 100
	DefaultHeaderList    = 32 << 10
	DefaultFields        = 100
	DefaultHeaderBlock   = 64 << 10
	DefaultContinuations = 16
	DefaultBody          = 16 << 20
	DefaultStreamWindow  = 256 << 10
	DefaultConnWindow    = 1 << 20
	DefaultOutput        = 64 << 10
	DefaultControl       = 64 << 10
	DefaultResets        = 200
	DefaultSettings      = 100
	DefaultPings         = 1000
	DefaultEmptyData     = 1000
	DefaultIdleFrames    = 1000
)

// Limits bounds what a peer can make a Conn take. Zero and negative fields mean
// the defaults.
type Limits struct {
	// Streams bounds the streams of a connection that are not done with: open, or
	// held until Release. It is announced as SETTINGS_MAX_CONCURRENT_STREAMS.
	// Beyond it ErrTooManyStreams. Zero: 100.
	Streams int
	// HeaderList bounds the fields of a request in bytes, each counting its name,
	// its value and 32 (RFC 9113 §6.5.2), and is announced as
	// SETTINGS_MAX_HEADER_LIST_SIZE; beyond it ErrHeadTooLarge. Zero: 32 KiB.
	HeaderList int
	// Fields bounds the number of fields of a request, pseudo-header fields
	// apart; beyond it ErrTooManyField. Zero: 100.
	Fields int
	// HeaderBlock bounds a header block as it comes, in bytes; beyond it
	// ErrBlockTooLong. Zero: 64 KiB.
	HeaderBlock int
	// Continuations bounds the CONTINUATION frames of one header block; beyond it
	// ErrBlockTooCut. Zero: 16.
	Continuations int
	// Body bounds a body in bytes; beyond it ErrBodyTooLarge, and for a
	// content-length that says so before anything is set aside. Zero: 16 MiB.
	Body int
	// StreamWindow and ConnWindow are the windows in bytes that peers may send
	// into; beyond them ErrStreamWindow and ErrWindow. Zero: 256 KiB and 1 MiB; at
	// least 65,535, at most 2^31-1.
	StreamWindow, ConnWindow int
	// Output is how many bytes of output may wait before SendData takes no more.
	// Zero: 64 KiB.
	Output int
	// Control bounds the bytes of output that wait and that the peer has asked
	// for by frames that cost it next to nothing; beyond it ErrTooMuchControl.
	// Zero: 64 KiB.
	Control int

	// The rest is per second.

	// Resets bounds the streams that the peer resets or has reset by its errors;
	// beyond it ErrTooManyResets. Zero: 200.
	Resets int
	// Settings bounds the SETTINGS frames; beyond it ErrTooManySettings. Zero: 100.
	Settings int
	// Pings bounds the PING frames; beyond it ErrTooManyPings. Zero: 1,000.
	Pings int
	// EmptyData bounds the DATA frames without data and END_STREAM, of whatever
	// stream; beyond it ErrTooManyEmpty. Zero: 1,000.
	EmptyData int
	// IdleFrames bounds the frames that change nothing: PRIORITY, a second GOAWAY,
	// unknown types; beyond it ErrTooManyIdle. Zero: 1,000. Frames on streams that
	// have ended do not count: a client sends them by the thousand, not knowing.
	IdleFrames int
}

// withDefaults returns l with every field set.
func (l Limits) withDefaults() Limits {
	def := func(p *int, d int) {
		if *p <= 0 {
			*p = d
		}
	}
	def(&l.Streams, DefaultStreams)
	def(&l.HeaderList, DefaultHeaderList)
	def(&l.Fields, DefaultFields)
	def(&l.HeaderBlock, DefaultHeaderBlock)
	def(&l.Continuations, DefaultContinuations)
	def(&l.Body, DefaultBody)
	def(&l.StreamWindow, DefaultStreamWindow)
	def(&l.ConnWindow, DefaultConnWindow)
	def(&l.Output, DefaultOutput)
	def(&l.Control, DefaultControl)
	def(&l.Resets, DefaultResets)
	def(&l.Settings, DefaultSettings)
	def(&l.Pings, DefaultPings)
	def(&l.EmptyData, DefaultEmptyData)
	def(&l.IdleFrames, DefaultIdleFrames)
	l.StreamWindow = min(max(l.StreamWindow, firstWindow), maxWindow)
	l.ConnWindow = min(max(l.ConnWindow, firstWindow), maxWindow)
	return l
}
