package transports

import (
	"fmt"
	"testing"
)

// rowsOverTLS are the rows of TestRobustness that TLS could make a difference for.
var rowsOverTLS = map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true, 20: true, 21: true, 22: true}

// TestRobustnessTLS runs rows of TestRobustness over TLS.
func TestRobustnessTLS(t *testing.T) {
	for _, r := range append(messageRows(), connRows()...) {
		if rowsOverTLS[r.n] && !(raced && r.n == 7) { // 192 MiB to encrypt take long then
			t.Run(fmt.Sprintf("row=%02d_%s", r.n, r.name), func(t *testing.T) { r.on(t, "tls://127.0.0.1:0") })
		}
	}
}
