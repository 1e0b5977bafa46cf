//go:build !race && !invariants

package web

import (
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/transports/wiretest"
)

// Unpacking allocates nothing once its buffers are there.
func TestAllocsUnpack(t *testing.T) {
	e := unpackEngine(t, 1<<30)
	u := newUnpacker(e, 1<<20, nil)
	for _, size := range []int{100, 100_000} {
		text := []byte(strings.Repeat("gannets ", size/8))
		for name, tc := range map[string]struct {
			c    coding
			body []byte
		}{"gzip": {gzipped, wiretest.Gzip(text)}, "zstd": {zstandard, wiretest.Zstd(text)}, "zstd, no length": {zstandard, wiretest.ZstdStream(text)}} {
			if n := testing.AllocsPerRun(100, func() {
				if got, err := u.unpack(tc.c, tc.body); err != nil || len(got) != len(text) {
					t.Fatal(err)
				}
				u.free()
			}); n != 0 {
				t.Errorf("%s, %d bytes: %v allocations", name, size, n)
			}
		}
	}
}
