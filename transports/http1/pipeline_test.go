package http1

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gannetmcp/gannet/ringbuf"
)

func newPipeline(depth int) (*Pipeline, *ringbuf.Pool) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	q := new(Pipeline)
	q.Init(NewLoop(pool, Limits{Pipeline: depth}))
	return q, pool
}

// Whatever the order in which answers are written and finished, the output has
// them in the order of the requests, and each part as soon as it can go.
func TestPipelineOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 500 {
		q, pool := newPipeline(8)
		type request struct {
			a     *Answer
			parts int
		}
		var open []*request
		var out, want []byte
		next := 0
		for next < 20 || len(open) > 0 {
			if next < 20 && !q.Full() && rng.IntN(2) == 0 {
				n := rng.IntN(4)
				open = append(open, &request{q.Open(), n})
				for i := range n {
					want = fmt.Appendf(want, "%d.%d ", next, n-i)
				}
				next++
				continue
			}
			if len(open) == 0 {
				continue
			}
			i := rng.IntN(len(open))
			r := open[i]
			number := next - q.Len() // of the first that is open
			for a := q.first; a != r.a; a = a.next {
				number++
			}
			if r.parts > 0 {
				out = q.Append(out, r.a, fmt.Appendf(nil, "%d.%d ", number, r.parts))
				r.parts--
				continue
			}
			out = q.Finish(out, r.a, false)
			open = append(open[:i], open[i+1:]...)
		}
		if string(out) != string(want) || q.Len() != 0 || q.Held() != 0 || pool.Stats().Outstanding != 0 {
			t.Fatalf("round %d:\n got %s\nwant %s\n%d open, %d held", round, out, want, q.Len(), q.Held())
		}
	}
}

func TestPipelineFull(t *testing.T) {
	q, _ := newPipeline(3)
	a, b, c := q.Open(), q.Open(), q.Open()
	if c == nil || !q.Full() || q.Open() != nil {
		t.Fatal("not full at the limit")
	}
	q.Finish(nil, b, false)
	if !q.Full() {
		t.Error("not full, though no answer has gone")
	}
	if q.Finish(nil, a, false); q.Full() || q.Len() != 1 || !q.First(c) {
		t.Errorf("%d open, full %v", q.Len(), q.Full())
	}
	if d := (Limits{}).withDefaults().Pipeline; d != DefaultPipeline {
		t.Errorf("default %d", d)
	}
}

// Behind the final answer nothing is written, and those who still work on one
// may go on as if it were.
func TestPipelineFinal(t *testing.T) {
	q, pool := newPipeline(8)
	a, b, c, d := q.Open(), q.Open(), q.Open(), q.Open()
	var out []byte
	out = q.Append(out, c, []byte("c"))
	out = q.Append(out, b, []byte("b"))
	out = q.Finish(out, b, true)
	if q.Closed() || q.Full() {
		t.Error("closed before its turn")
	}
	out = q.Append(out, a, []byte("a"))
	out = q.Finish(out, a, false)
	if string(out) != "ab" || !q.Closed() || !q.Full() || q.Open() != nil || q.Held() != 0 {
		t.Errorf("%q, closed %v, %d held", out, q.Closed(), q.Held())
	}
	if q.First(c) {
		t.Error("it is somebody's turn behind the final answer")
	}
	out = q.Append(out, c, []byte("more"))
	out = q.Append(out, d, []byte("d"))
	out = q.Finish(out, d, false)
	out = q.Finish(out, c, true)
	if string(out) != "ab" || !q.Closed() || q.Len() != 0 || pool.Stats().Outstanding != 0 {
		t.Errorf("%q, %d open, %d buffers", out, q.Len(), pool.Stats().Outstanding)
	}
}

// When the connection is gone, so is what waits.
func TestPipelineRelease(t *testing.T) {
	q, pool := newPipeline(8)
	q.Open()
	q.Append(nil, q.Open(), []byte("waits"))
	if q.Held() != len("waits") || pool.Stats().Outstanding != 1 {
		t.Errorf("%d held", q.Held())
	}
	if q.Release(); q.Held() != 0 || q.Len() != 0 || pool.Stats().Outstanding != 0 {
		t.Errorf("%d held, %d open", q.Held(), q.Len())
	}
}
