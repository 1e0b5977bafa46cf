//go:build !race && !invariants

package transports

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// Over TLS an event with data costs nothing (see tlsconn.TestAllocsPerMessage). The
// client, crypto/tls on a blocking socket in the same process, has one allocation of
// 24 bytes each time that it reads: so a round of one call costs one, one of sixteen
// little more.
func TestAllocsTLS(t *testing.T) {
	for _, tc := range []struct {
		method string
		depth  int
		most   float64 // allocations of a round, both ends together
	}{
		{"echo", 1, 1.02},
		{"pool", 1, 1.02},
		{"echo", 16, 3},
	} {
		t.Run(fmt.Sprintf("%s/%d", tc.method, tc.depth), func(t *testing.T) {
			s := start(t, Options{}, "tls://127.0.0.1:0")
			c := dial(t, s).Conn.(*tls.Conn)
			params := `{"text":"` + strings.Repeat("x", 1000) + `"}`
			var ask, want []byte
			for i := range tc.depth {
				ask = append(ask, req(100+i, tc.method, params)...)
				want = append(append(want, res(100+i, params)...), '\n')
			}
			got := make([]byte, len(want))
			round := func() {
				if _, err := c.Write(ask); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(c, got); err != nil {
					t.Fatal(err)
				}
			}
			for range 2000 {
				round()
			}
			const rounds = 20_000
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range rounds {
				round()
			}
			runtime.ReadMemStats(&after)
			if !bytes.Equal(got, want) {
				t.Fatalf("got %.200q", got)
			}
			n := float64(after.Mallocs-before.Mallocs) / rounds
			t.Logf("%.3f allocations a round, %.1f bytes each", n, float64(after.TotalAlloc-before.TotalAlloc)/rounds/n)
			if n > tc.most {
				t.Errorf("%.3f allocations in a round of %d calls, want %v at most", n, tc.depth, tc.most)
			}
		})
	}
}
