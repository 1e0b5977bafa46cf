package wiretest

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Gzip returns b as a gzip body.
func Gzip(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(b)
	must(err)
	must(w.Close())
	return out.Bytes()
}

// Zstd returns b as a frame of zstd that says its length.
func Zstd(b []byte) []byte {
	w := newZstd(nil)
	defer func() { must(w.Close()) }()
	return w.EncodeAll(b, nil)
}

// ZstdStream returns b as a frame of zstd that does not say its length.
func ZstdStream(b []byte) []byte {
	var out bytes.Buffer
	w := newZstd(&out)
	for len(b) > 0 {
		n := min(len(b), 1000)
		_, err := w.Write(b[:n])
		must(err)
		b = b[n:]
	}
	must(w.Close())
	return out.Bytes()
}

func newZstd(out io.Writer) *zstd.Encoder {
	w, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1))
	must(err)
	return w
}

// must panics where writing to memory fails.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
