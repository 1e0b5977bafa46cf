package fuzz_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/line"
)

// lineBudget is a byte budget that can be used up.
type lineBudget struct {
	t         *testing.T
	held, max int
}

func (b *lineBudget) Reserve(n int) bool {
	if b.held+n > b.max {
		return false
	}
	b.held += n
	return true
}

func (b *lineBudget) Release(n int) {
	if b.held -= n; b.held < 0 {
		b.t.Fatal("released more than was reserved")
	}
}

// linesOf is the oracle: what the whole stream means, by the plainest code.
func linesOf(in []byte, limit int) (events []string) {
	for {
		raw, rest, found := bytes.Cut(in, []byte("\n"))
		body := bytes.TrimSuffix(raw, []byte("\r"))
		switch {
		case !found && len(raw) > limit && !(len(raw) == limit+1 && raw[limit] == '\r'):
			return append(events, "too long") // known before its end
		case !found:
			return events
		case len(body) > limit:
			events = append(events, "too long")
		case len(bytes.Trim(body, " \t\r")) > 0:
			events = append(events, "line "+string(body))
		}
		in = rest
	}
}

// FuzzLine checks that a stream means the same lines however it is cut, as the
// oracle has it; that one buffer at most is held meanwhile; and that nothing is
// left when the stream ends. cuts gives the sizes of the pieces, over and over.
func FuzzLine(f *testing.F) {
	for _, in := range []string{
		"", "\n", "a\n", "a\r\nb\n", "{\"id\":1}\n{\"id\":2}\n", "\r\n\r\n \t\nx", "no end",
		"0123456789abcdef\n", "0123456789abcdefg\nnext\n", "0123456789abcdef\r\n", "0123456789abcdef\r", "0123456789abcdef\rx\n",
		"\x00\n\xff\n", "a\r\r\n", "\r", "\rx\n",
	} {
		f.Add([]byte(in), []byte{1}, uint16(16))
		f.Add([]byte(in), []byte{3, 1, 7}, uint16(16))
		f.Add([]byte(in), []byte{255}, uint16(4))
	}
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	f.Fuzz(func(t *testing.T, in, cuts []byte, limit uint16) {
		max := int(limit)%4096 + 1
		before := pool.Stats().Outstanding
		budget := &lineBudget{t: t, max: 1 << 20}
		var fr line.Framer
		fr.Init(pool, budget, max)
		var got []string
		for rest, i := in, 0; len(rest) > 0; i++ {
			n := len(rest)
			if len(cuts) > 0 {
				n = min(n, int(cuts[i%len(cuts)])+1)
			}
			piece := bytes.Clone(rest[:n]) // the reader's buffer, which is reused
			rest = rest[n:]
			for p := piece; ; {
				msg, took, ev := fr.Next(p)
				if took > len(p) {
					t.Fatalf("took %d of %d bytes", took, len(p))
				}
				p = p[took:]
				switch ev {
				case line.Line:
					got = append(got, "line "+string(msg))
				case line.TooLong:
					got = append(got, "too long")
				case line.NoRoom:
					t.Fatal("no room in a budget of 1 MiB")
				}
				if ev == line.More {
					if len(p) > 0 {
						t.Fatalf("%d bytes left over", len(p))
					}
					break
				}
			}
			for k := range piece {
				piece[k] = 0xCC // nothing may still alias it
			}
		}
		if held := pool.Stats().Outstanding - before; held > 1 || held == 1 && !fr.Pending() {
			t.Fatalf("%d buffers held, a line begun: %v", held, fr.Pending())
		}
		fr.Release()
		if held := pool.Stats().Outstanding - before; held != 0 || budget.held != 0 || fr.Charged() != 0 {
			t.Fatalf("%d buffers and %d bytes left", held, budget.held)
		}
		if want := linesOf(in, max); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Fatalf("limit %d, cuts %v:\n got %.500q\nwant %.500q", max, cuts, got, want)
		}
	})
}
