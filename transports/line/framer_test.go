package line

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/wiretest"
)

// feed gives p to f and returns its events in words.
func feed(f *Framer, p []byte) (got []string) {
	for {
		line, n, ev := f.Next(p)
		switch ev {
		case More:
			if n != len(p) {
				got = append(got, fmt.Sprintf("MORE LEFT %d BYTES", len(p)-n))
			}
			return got
		case Line:
			got = append(got, string(line))
		case TooLong:
			got = append(got, "<too long>")
		case NoRoom:
			got = append(got, "<no room>")
		}
		p = p[n:]
	}
}

var cases = []struct {
	name string
	in   string
	want []string
}{
	{"one", "a\n", []string{"a"}},
	{"three", "a\nbb\nccc\n", []string{"a", "bb", "ccc"}},
	{"crlf", "a\r\nb\r\n", []string{"a", "b"}},
	{"cr inside", "a\rb\n", []string{"a\rb"}},
	{"blank lines", "\n\r\n  \n\t\r\na\n\n", []string{"a"}},
	{"leading space kept", "  a\n", []string{"  a"}},
	{"no end", "a\nbc", []string{"a"}},
	{"at the limit", strings.Repeat("x", 10) + "\ny\n", []string{strings.Repeat("x", 10), "y"}},
	{"at the limit, crlf", strings.Repeat("x", 10) + "\r\ny\n", []string{strings.Repeat("x", 10), "y"}},
	{"above the limit", strings.Repeat("x", 11) + "\ny\n", []string{"<too long>", "y"}},
	{"far above", strings.Repeat("x", 1000) + "\ny\n", []string{"<too long>", "y"}},
	{"above, crlf", strings.Repeat("x", 11) + "\r\ny\n", []string{"<too long>", "y"}},
	{"two above", strings.Repeat("x", 50) + "\n" + strings.Repeat("y", 50) + "\nz\n", []string{"<too long>", "<too long>", "z"}},
	{"NUL", "a\x00b\n", []string{"a\x00b"}},
}

// Whatever the pieces, the lines are the same.
func TestEverySplit(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			for how, pieces := range wiretest.Ways([]byte(tc.in), 2000) {
				var f Framer
				f.Init(pool, &wiretest.Budget{Max: 1 << 20}, 10)
				var got []string
				for _, p := range pieces {
					got = append(got, feed(&f, bytes.Clone(p))...)
				}
				if fmt.Sprint(got) != fmt.Sprint(tc.want) {
					t.Errorf("%s: got %q, want %q", how, got, tc.want)
				}
				f.Release()
			}
		})
	}
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers not returned", n)
	}
}

// A line much longer than its pieces arrives whole, is charged while it is
// held, and costs copies linear in its length.
func TestLongLineInPieces(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	m := &wiretest.Budget{Max: 64 << 20}
	var f Framer
	f.Init(pool, m, 16<<20)
	want := make([]byte, 16<<20)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range want {
		want[i] = 'a' + byte(rng.Uint32()%26)
	}
	for i := 0; i < len(want); i += 1024 {
		if _, n, ev := f.Next(want[i : i+1024]); ev != More || n != 1024 {
			t.Fatalf("piece at %d: event %d, took %d", i, ev, n)
		}
	}
	if !f.Pending() || m.Held < len(want) || m.Held > 40<<20 {
		t.Errorf("pending %v, %d bytes charged", f.Pending(), m.Held)
	}
	line, _, ev := f.Next([]byte("\n"))
	if ev != Line || !bytes.Equal(line, want) {
		t.Fatalf("event %d, %d bytes", ev, len(line))
	}
	if _, _, ev := f.Next(nil); ev != More || m.Held != 0 {
		t.Errorf("event %d, %d bytes still charged", ev, m.Held)
	}
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers not returned", n)
	}
}

func TestNoRoom(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	m := &wiretest.Budget{Max: 100 << 10}
	var f Framer
	f.Init(pool, m, 1<<20)
	big := bytes.Repeat([]byte("x"), 60<<10)
	got := feed(&f, big)
	for range 5 {
		got = append(got, feed(&f, big)...)
	}
	got = append(got, feed(&f, []byte("\nok\n"))...)
	if fmt.Sprint(got) != "[<no room> ok]" {
		t.Errorf("got %.80q", got)
	}
	if m.Held != 0 || pool.Stats().Outstanding != 0 {
		t.Errorf("%d bytes charged, %d buffers out", m.Held, pool.Stats().Outstanding)
	}
}
