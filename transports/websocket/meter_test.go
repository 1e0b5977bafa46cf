package websocket

import (
	"fmt"
	"testing"
)

// credit is a Meter that fills no more.
type credit struct{ left int }

func (c *credit) Spend(n int) bool {
	c.left -= n
	return c.left > 0
}

// What a message becomes beyond FreeRatio times its size is spent of the meter, as it
// grows; a message that there is no time for is dropped, and the stream stays in step.
func TestMeter(t *testing.T) {
	const size = 1 << 20
	bomb, usual, text := packed(x(size), 9), packed(jsonText(100_000), 9), "text "+short([]byte(x(size)))
	if len(usual)*FreeRatio < 100_000 || len(bomb)*FreeRatio > size/2 {
		t.Fatal(len(usual), len(bomb))
	}
	in := func(z string) string { return frame(fin|rsv1|fText, z) }
	for _, tc := range []struct {
		name  string
		in    string
		left  int
		want  []string
		least int // of what is spent
		most  int
	}{
		{"usual", in(usual), 0, []string{"text " + short([]byte(jsonText(100_000)))}, 0, 0},
		{"time enough", in(bomb), size, []string{text}, size - FreeRatio*(len(bomb)+9), size},
		{"none", in(bomb), 0, []string{"no time"}, 0, 0},
		{"some", in(bomb), 200_000, []string{"no time"}, 200_000, 400_000},
		{"for one", in(bomb) + in(bomb) + in(bomb), size, []string{text, "no time", "no time"}, size, size + 4*FreeRatio*len(bomb)},
		{"in fragments", frame(rsv1|fText, bomb[:100]) + frame(fCont, bomb[100:]) + frame(fin|fCont, ""), 0, []string{"no time"}, 0, 0},
		{"beyond the limit", in(packed(x(size+1), 9)), 4 * size, []string{failure(ErrTooLong)}, size - FreeRatio*(len(bomb)+99), size + 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := &credit{left: tc.left}
			pool, budget := testPool(), &meter{max: 1 << 30}
			loop := NewLoop(pool, Options{Meter: m, MaxMessageBytes: size})
			for _, size := range []int{len(tc.in), 1000, 1} {
				m.left = tc.left
				var p Parser
				p.Init(loop, budget, Agreed{Deflate: true})
				tr := trace{p: &p}
				for in := tc.in; len(in) > 0; {
					n := min(size, len(in))
					tr.feed([]byte(in[:n]))
					in = in[n:]
				}
				if fmt.Sprint(tr.got) != fmt.Sprint(tc.want) {
					t.Errorf("in pieces of %d: %.200q", size, tr.got)
				}
				if spent := tc.left - m.left; spent < tc.least || spent > tc.most {
					t.Errorf("%d bytes spent, want %d to %d", spent, tc.least, tc.most)
				}
				if p.Err() != nil {
					p.Release()
					continue
				}
				tr.got = nil
				if tr.feed([]byte(hello + in(usual))); len(tr.got) != 2 || tr.got[0] != "text hello" {
					t.Errorf("then %q", tr.got)
				}
				p.Release()
				if budget.held != 0 || pool.Stats().Outstanding != 0 {
					t.Errorf("%d bytes, %d buffers held", budget.held, pool.Stats().Outstanding)
				}
			}
		})
	}
}
