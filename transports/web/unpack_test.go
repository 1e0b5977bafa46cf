package web

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports/http1"
	"github.com/gannetmcp/gannet/transports/wiretest"
)

// unpackEngine is an engine for an unpacker alone.
func unpackEngine(t *testing.T, budget int) *engine.Engine {
	t.Helper()
	e, err := engine.New(mcp.NewServer(mcp.Options{Name: "unpack"}), engine.Options{MaxBufferedBytes: int64(budget)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// A body that ends anywhere before its end is refused, and an unpacker is as
// good as new after it.
func TestUnpackCutAnywhere(t *testing.T) {
	e := unpackEngine(t, 1<<30)
	u := newUnpacker(e, 1<<20, nil)
	text := []byte(strings.Repeat("gannet, gannets, ", 300))
	for name, tc := range map[string]struct {
		c    coding
		body []byte
	}{"gzip": {gzipped, wiretest.Gzip(text)}, "zstd": {zstandard, wiretest.Zstd(text)}, "zstd, no length": {zstandard, wiretest.ZstdStream(text)}} {
		for n := range len(tc.body) {
			if _, err := u.unpack(tc.c, tc.body[:n]); err != errUnpackCorrupt {
				t.Errorf("%s, %d of %d bytes: %v", name, n, len(tc.body), err)
			}
			u.free()
			if got, err := u.unpack(tc.c, tc.body); err != nil || !bytes.Equal(got, text) {
				t.Fatalf("%s, after %d bytes: %v", name, n, err)
			}
			u.free()
		}
	}
}

// Without room in the byte budget nothing is unpacked, and nothing stays charged.
func TestUnpackBudget(t *testing.T) {
	e := unpackEngine(t, 1<<20)
	u := newUnpacker(e, 16<<20, nil)
	zeros := make([]byte, 4<<20)
	for c, body := range map[coding][]byte{gzipped: wiretest.Gzip(zeros), zstandard: wiretest.Zstd(zeros)} {
		if _, err := u.unpack(c, body); err != http1.ErrNoRoom {
			t.Errorf("%s: %v", codingNames[c], err)
		}
		u.free()
		if n := e.Snapshot().BufferedBytes; n != 0 {
			t.Errorf("%s: %d bytes stay charged", codingNames[c], n)
		}
	}
}

// zeros is an endless file of them.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// What would become 10 GB costs no more than what may become the bound.
func TestUnpackBomb(t *testing.T) {
	const limit = 1 << 20
	size := 10 << 30
	if testing.Short() {
		size = 1 << 30
	}
	// One member, one frame: blocks that repeat, made once and put in line.
	const part = 64 << 20
	var g bytes.Buffer
	w, err := gzip.NewWriterLevel(&g, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeros{}, part); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil { // to the end of a byte
		t.Fatal(err)
	}
	blocks := bytes.Clone(g.Bytes()[10:])
	for range size/part - 1 {
		g.Write(blocks)
	}
	frame := func(head []byte, block func(last int) []byte, n int) []byte {
		for i := range n {
			last := 0
			if i == n-1 {
				last = 1
			}
			head = append(head, block(last)...)
		}
		return head
	}
	repeated := func(last int) []byte { // RFC 8878, section 3.1.1.2: one byte, 128 KiB times
		h := last | 1<<1 | zstdBlock<<3
		return []byte{byte(h), byte(h >> 8), byte(h >> 16), 0}
	}
	magic := []byte{0x28, 0xb5, 0x2f, 0xfd}
	bombs := map[string]struct {
		c    coding
		body []byte
	}{
		"gzip":              {gzipped, g.Bytes()},
		"zstd":              {zstandard, frame(append(bytes.Clone(magic), 0, 0x58), repeated, size/zstdBlock)},
		"zstd, length said": {zstandard, frame(append(bytes.Clone(magic), 0xc0, 0x58, 0, 0, 0, 0x80, 2, 0, 0, 0), repeated, 8)},
	}
	e := unpackEngine(t, 1<<30)
	u := newUnpacker(e, limit, nil)
	for name, b := range bombs {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		_, err := u.unpack(b.c, b.body)
		took := time.Since(begin)
		if charged := u.charged; charged > 2*limit {
			t.Errorf("%s: %d bytes charged", name, charged)
		}
		u.free()
		runtime.ReadMemStats(&after)
		if err != errUnpackTooMuch {
			t.Errorf("%s: %v", name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 8*limit {
			t.Errorf("%s: %d bytes allocated, the bound is %d", name, n, limit)
		}
		if took > 2*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

// Blocks that become nothing end before their body does.
func TestUnpackEmptyBlocks(t *testing.T) {
	const limit, n = 1 << 20, 1 << 20
	e := unpackEngine(t, 1<<30)
	u := newUnpacker(e, limit, nil)
	g := wiretest.Gzip(nil)[:10]
	z := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0x58}
	for range n {
		g = append(g, 0, 0, 0, 0xff, 0xff) // RFC 1951, section 3.2.4: stored, of no bytes
		z = append(z, 0, 0, 0)             // as it is, of no bytes
	}
	g = append(g, 1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0)
	z = append(z, 1, 0, 0)
	for c, body := range map[coding][]byte{gzipped: g, zstandard: z} {
		if _, err := u.unpack(c, body); err != errUnpackCorrupt {
			t.Errorf("%s: %v", codingNames[c], err)
		}
		u.free()
	}
	if taken := u.packed.taken; taken > unpackLead+8<<10 {
		t.Errorf("gzip: %d bytes were read", taken)
	}
}

// Whatever comes, an unpacker neither panics nor goes beyond its bound, and says
// what the libraries' own readers say, where it takes a body at all.
func FuzzUnpack(f *testing.F) {
	f.Add(false, wiretest.Gzip([]byte("gannet")))
	f.Add(true, wiretest.Zstd([]byte("gannet")))
	f.Add(true, wiretest.ZstdStream([]byte("gannet")))
	const limit = 1 << 16
	e, err := engine.New(mcp.NewServer(mcp.Options{Name: "unpack"}), engine.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(e.Close)
	u := newUnpacker(e, limit, nil)
	f.Fuzz(func(t *testing.T, z bool, body []byte) {
		c := gzipped
		if z {
			c = zstandard
		}
		got, refused := u.unpack(c, body)
		defer u.free()
		if len(got) > limit {
			t.Fatalf("%d bytes", len(got))
		}
		if refused != nil {
			return
		}
		var want []byte
		var err error
		if z {
			var r *zstd.Decoder
			if r, err = zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1)); err == nil {
				want, err = io.ReadAll(r)
				r.Close()
			}
		} else {
			var r *gzip.Reader
			if r, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
				want, err = io.ReadAll(r)
			}
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes, the library has %d: %v", len(got), len(want), err)
		}
	})
}

func ExampleRefusal() {
	fmt.Println(RefusedUnpacked)
	// Output: unpacked
}
