//go:build !race && !invariants

package transports

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
)

// 100,000 calls through real descriptors, the client's side included, add fewer
// than 200 allocations to the process, those of the runtime among them: no
// path that a message takes allocates.
func TestAllocs(t *testing.T) {
	const calls, depth, mallocs = 100_000, 16, 200
	for _, tc := range []struct {
		name, method string
		open         func(t *testing.T) (io.Writer, io.Reader)
	}{
		{"tcp/echo", "echo", func(t *testing.T) (io.Writer, io.Reader) {
			p := dial(t, start(t, Options{}, "tcp://127.0.0.1:0"))
			return p.Conn, p.Conn
		}},
		{"unix/echo", "echo", func(t *testing.T) (io.Writer, io.Reader) {
			p := dial(t, start(t, Options{}, "unix://"+socketPath(t)))
			return p.Conn, p.Conn
		}},
		{"stdio/echo", "echo", func(t *testing.T) (io.Writer, io.Reader) {
			stdin, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			r, stdout, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = stdin.Close(); _ = stdout.Close(); _ = r.Close() })
			start(t, Options{Stdin: stdin, Stdout: stdout}, "stdio")
			t.Cleanup(func() { _ = w.Close() })
			return w, r
		}},
		{"tcp/pool", "pool", func(t *testing.T) (io.Writer, io.Reader) {
			p := dial(t, start(t, Options{}, "tcp://127.0.0.1:0"))
			return p.Conn, p.Conn
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, r := tc.open(t)
			params := `{"text":"` + strings.Repeat("x", 1000) + `"}`
			var ask, want []byte
			for i := range depth {
				ask = append(ask, req(100+i, tc.method, params)...)
				want = append(append(want, res(100+i, params)...), '\n')
			}
			got := make([]byte, len(want))
			round := func() {
				if _, err := w.Write(ask); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(r, got); err != nil {
					t.Fatal(err)
				}
			}
			for range 2000 { // pools, tables and stacks reach their size
				round()
			}
			if tc.method == "echo" && !bytes.Equal(got, want) { // pooled answers come in any order
				t.Fatalf("got %.200q", got)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range calls / depth {
				round()
				if tc.method == "echo" && !bytes.Equal(got, want) {
					t.Fatalf("got %.200q", got)
				}
			}
			runtime.ReadMemStats(&after)
			n := after.Mallocs - before.Mallocs
			t.Logf("%d allocations in %d calls", n, calls)
			if n >= mallocs {
				t.Errorf("%d allocations in %d calls, want fewer than %d", n, calls, mallocs)
			}
		})
	}
}
