package nethttp

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/gannetmcp/gannet/engine"
)

// body reads bodies of requests into buffers of the engine's pool.
type body struct {
	engine   *engine.Engine
	bytes    []byte
	reserved int // of the engine's byte budget
}

const (
	bodyMin    = 4 << 10  // first buffer of a body whose length is not told
	bodyTrust  = 64 << 10 // and of one whose length is: what comes decides, not what was promised
	chargeFrom = 64 << 10 // smallest buffer that is asked for in the byte budget
)

// read reads the whole body. On failure it returns the status to be answered.
func (b *body) read(w http.ResponseWriter, rc *http.ResponseController, r *http.Request) (status int) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return 200
	}
	o := b.engine.Options()
	limit := int64(o.MaxMessageBytes)
	if r.ContentLength > limit {
		last(w, r) // nothing of it is read
		return http.StatusRequestEntityTooLarge
	}
	if o.ReadTimeout > 0 {
		if rc.SetReadDeadline(time.Now().Add(o.ReadTimeout)) == nil {
			defer func() { _ = rc.SetReadDeadline(time.Time{}) }() // what follows is watched for its end, for as long as it takes
		}
	}
	in := http.MaxBytesReader(w, r.Body, limit)
	b.bytes = b.engine.Buffers().Get(int(max(bodyMin, min(r.ContentLength+1, bodyTrust))))
	for {
		n, err := in.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		var tooLarge *http.MaxBytesError
		switch {
		case err == io.EOF:
			return 200
		case errors.As(err, &tooLarge):
			return http.StatusRequestEntityTooLarge
		case errors.Is(err, os.ErrDeadlineExceeded):
			last(w, r)
			return http.StatusRequestTimeout
		case err != nil:
			last(w, r)
			return http.StatusBadRequest // to whoever is still there
		case len(b.bytes) == cap(b.bytes) && !b.grow():
			last(w, r)
			return http.StatusServiceUnavailable
		}
	}
}

// last says that no other request can come behind this one, whose body is not
// read. In HTTP/2 nothing comes behind it.
func last(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
}

// grow makes room for as much again, if the budget has it.
func (b *body) grow() bool {
	n := 2 * cap(b.bytes)
	if n > chargeFrom {
		if !b.engine.Reserve(n - b.reserved) {
			return false
		}
		b.reserved = n
	}
	b.bytes = b.engine.Buffers().Grow(b.bytes, cap(b.bytes))
	return true
}

// release gives everything back.
func (b *body) release() {
	if b.bytes != nil {
		b.engine.Buffers().Put(b.bytes)
		b.bytes = nil
	}
	if b.reserved > 0 {
		b.engine.Release(b.reserved)
		b.reserved = 0
	}
}
