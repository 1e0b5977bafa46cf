package websocket

import (
	"crypto/rand"
	"encoding/binary"

	"github.com/gannetmcp/gannet/ringbuf"
)

// Defaults of Options.
const (
	DefaultMaxMessageBytes = 16 << 20
	DefaultMaxFragments    = 1 << 16
	DefaultCompressMin     = 256
)

// Options says which side of connections a Loop is for, and bounds what a peer can
// make a Parser take. Zero and negative fields mean the defaults, unless they say
// something else.
type Options struct {
	// Client says that this is the client's side: what it sends is masked, what it
	// receives must not be.
	Client bool
	// MaxMessageBytes bounds a message, as it comes and inflated; beyond it
	// ErrTooLong, at the header that announces it. Zero: 16 MiB.
	MaxMessageBytes int
	// MaxFragments bounds the fragments of a message, the empty ones counted;
	// beyond it ErrFragments. Zero: 65,536.
	MaxFragments int
	// CompressMin is the size in bytes from which on a message is compressed,
	// where that was agreed. Zero: 256. Negative: none is, and none is agreed.
	CompressMin int
	// Meter bounds what compressed messages become beyond FreeRatio times their
	// size; beyond it NoTime. nil: nothing but MaxMessageBytes does.
	Meter Meter
}

func (o Options) withDefaults() Options {
	if o.MaxMessageBytes <= 0 {
		o.MaxMessageBytes = DefaultMaxMessageBytes
	}
	if o.MaxFragments <= 0 {
		o.MaxFragments = DefaultMaxFragments
	}
	if o.CompressMin == 0 {
		o.CompressMin = DefaultCompressMin
	}
	return o
}

// Loop is what the connections of one event loop share, so that one at rest
// holds little: the options, the buffer pool, an inflater. Used by one goroutine at
// a time.
type Loop struct {
	pool     *ringbuf.Pool
	opts     Options
	room     int       // that OpenText leaves before a payload
	inflater *inflater // nil before the first message that is compressed
	out      sink      // of what is being compressed

	keys  [256]byte // masking keys; those before keyAt are used
	keyAt int
}

// NewLoop returns a Loop.
func NewLoop(pool *ringbuf.Pool, o Options) *Loop {
	l := &Loop{pool: pool, opts: o.withDefaults(), room: 4}
	if o.Client {
		l.room += 4
		l.keyAt = len(l.keys)
	}
	return l
}

// Options returns the options in force.
func (l *Loop) Options() Options { return l.opts }

// newKey returns a masking key that nobody can foresee (RFC 6455 §10.3).
func (l *Loop) newKey() uint32 {
	if l.keyAt == len(l.keys) {
		_, _ = rand.Read(l.keys[:]) // never fails
		l.keyAt = 0
	}
	k := binary.LittleEndian.Uint32(l.keys[l.keyAt:])
	l.keyAt += 4
	return k
}
