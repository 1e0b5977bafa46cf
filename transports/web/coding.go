package web

import (
	"bytes"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/gannetmcp/gannet/engine"
)

// coding is a Content-Encoding (RFC 9110, section 8.4.1).
type coding uint8

const (
	identity coding = iota
	gzipped
	zstandard
)

var codingNames = [...]string{gzipped: "gzip", zstandard: "zstd"}

// codingOf returns the best coding that a client takes, by its Accept-Encoding.
// Weights are not compared, but for 0.
func codingOf(r engine.RequestView) (best coding) {
	v, _ := r.Header("Accept-Encoding")
	for len(v) > 0 {
		var one []byte
		one, v, _ = bytes.Cut(v, []byte(","))
		name, params, _ := bytes.Cut(one, []byte(";"))
		name = bytes.TrimSpace(name)
		switch {
		case isZero(params):
		case bytes.EqualFold(name, []byte("zstd")):
			best = zstandard
		case bytes.EqualFold(name, []byte("gzip")), bytes.EqualFold(name, []byte("x-gzip")):
			best = max(best, gzipped)
		}
	}
	return best
}

// isZero reports whether a coding has the weight 0 (RFC 9110, section 12.4.2).
func isZero(params []byte) bool {
	name, weight, _ := bytes.Cut(bytes.TrimSpace(params), []byte("="))
	return bytes.EqualFold(name, []byte("q")) && len(weight) > 0 && len(bytes.Trim(weight, "0.")) == 0
}

// gzipper is a writer that is used again.
type gzipper struct {
	w   *gzip.Writer
	out appender
}

// appender is a slice as an io.Writer.
type appender []byte

func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}

var (
	gzippers = sync.Pool{New: func() any {
		w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		if err != nil {
			panic(err) // the level is one
		}
		return &gzipper{w: w}
	}}
	zstdEncoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		if err != nil {
			panic(err) // the options are none that could fail
		}
		return e
	})
)

// append appends what src becomes.
func (c coding) append(dst, src []byte) []byte {
	if c == zstandard {
		return zstdEncoder().EncodeAll(src, dst)
	}
	g := gzippers.Get().(*gzipper)
	g.out = dst
	g.w.Reset(&g.out)
	_, _ = g.w.Write(src) // an appender takes everything
	_ = g.w.Close()
	dst, g.out = g.out, nil
	gzippers.Put(g)
	return dst
}
